import MachineCore
import Properties
import Trace

/// What the page knows: everything that it shows, as JSON.
struct ReportData: Encodable {
  struct VerdictText: Encodable {
    var word: String
    var reason: String?
    var failed: Bool
    var passed: Bool

    init(_ verdict: Verdict, word: String? = nil) {
      if case .notApplicable = verdict {
        self.word = word ?? "not applicable"
      } else {
        self.word = word ?? verdict.word
      }
      reason = verdict.reason
      failed = verdict.isFailure
      switch verdict {
      case .pass, .passExcept: passed = true
      default: passed = false
      }
    }
  }

  struct EngineData: Encodable {
    var kind: String
    var flavour: String
    var retired: UInt64
    var milliseconds: Double
    var equivalence: VerdictText
    var control: VerdictText
    var efficiency: VerdictText
    var exitCounts: [String: UInt64]
    var direct: Double?
    /// How much of the trace is on the page, in words.
    var extent: String
    var note: String?
    /// Why the run ended, in words; `nil` when there was none.
    var stop: String?
    /// Why there was no run.
    var lack: String?
    var hasMemory = false
    var hasRegisters = false
    var exitNames: [String] = []
    var initial: [String] = []
    var events = 0
    var effects = 0
    /// Up to where every instruction is there; `nil` when all are.
    var complete: UInt64?
    /// Counts of what is not there one by one.
    var overview: ReportOverview?
    /// The packed trace in base 64.
    var stream: String?
    /// The engine whose trace is the same, event by event.
    var sameAs: String?
  }

  struct DivergenceData: Encodable {
    var engine: String
    var against: String
    var clock: UInt64
    var pc: String
    var field: String
    var text: String
  }

  struct Program: Encodable {
    var name: String
    var isa: String
    var variant: String
    var headline: String
    var failed: Bool
    var retired: UInt64
    var registers: [String] = []
    var causes: [String] = []
    var stops: [String] = []
    var sites: [ReportSites.Site] = []
    var engines: [EngineData]
    var divergences: [DivergenceData]
    var classes: ReportClasses?
    var check: ReportCheck?
  }

  var title: String
  var programs: [Program]
}
