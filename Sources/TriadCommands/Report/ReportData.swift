import MachineCore
import Properties
import ToyISA
import Trace

/// What the page knows: everything that it shows, as JSON.
struct ReportData: Encodable {
  struct VerdictText: Encodable {
    var word: String
    var reason: String?
    var failed: Bool
    var passed: Bool

    init(_ verdict: Verdict, word: String? = nil) {
      self.word = word ?? verdict.word
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
    var hasRegisters = false
    var exitNames: [String] = []
    var initial: [String] = []
    var events = 0
    var effects = 0
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

  struct Theorem: Encodable {
    var name: String
    var word: String
    var failed: Bool
    var passed: Bool
    var because: String

    init(_ name: String, _ test: SubsetTest, _ set: String, names: [String], rests first: SubsetTest? = nil) {
      self.name = name
      passed = test.holds && first?.holds != false
      failed = !passed
      word = passed ? "yes" : "no"
      because =
        !test.holds
        ? "\(set) and not privileged: \(test.offenders.map { names[$0] }.joined(separator: ", "))"
        : passed ? "every \(set) instruction is privileged" : "there is no monitor to run recursively"
    }
  }

  struct Classes: Encodable {
    var both: [String]
    var privilegedOnly: [String]
    var sensitiveOnly: [String]
    var userSensitiveOnly: [String]
    var innocuous: Int
    var theorems: [Theorem]

    /// The classes of a variant of the toy instruction set.
    init(_ variant: ToyVariant) {
      let classes = StaticClassification(of: variant).classes
      let names = toyTable.map(\.mnemonic)
      func list(_ wanted: (InstructionClass) -> Bool) -> [String] {
        zip(names, classes).filter { wanted($0.1) }.map(\.0)
      }
      both = list { $0.privileged && $0.sensitive }
      privilegedOnly = list { $0.privileged && !$0.sensitive }
      sensitiveOnly = list { !$0.privileged && $0.sensitive }
      userSensitiveOnly = list { !$0.privileged && $0.userSensitive }
      innocuous = list { !$0.privileged && !$0.sensitive }.count
      let verdicts = TheoremVerdicts(classes)
      theorems = [
        Theorem("1: a virtual machine monitor", verdicts.monitor, "sensitive", names: names),
        Theorem(
          "2: recursive, without timing dependencies", verdicts.timing, "time-reading", names: names,
          rests: verdicts.monitor),
        Theorem("3: a hybrid monitor", verdicts.hybrid, "user-sensitive", names: names),
      ]
    }
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
    var classes: Classes?
  }

  var title: String
  var programs: [Program]
}
