import MachineCore
import Properties
import Trace
import Virtualizer

/// The three conditions of a check, each with what speaks for its verdict and where on the lanes that is.
struct ReportCheck: Encodable {
  /// A place on an engine's lane: a clock, or the first event of a kind, or of a kind at an address.
  struct Place: Encodable {
    var text: String
    var engine: String
    var clock: UInt64?
    var kind: String?
    var pc: String?
  }

  struct Condition: Encodable {
    var name: String
    var meaning: String
    var verdict: ReportData.VerdictText
    var evidence: [String]
    var places: [Place]
  }

  var machine: String
  var against: String
  var conditions: [Condition]

  private static let meanings = [
    "equivalence":
      "The program behaves as on the bare machine, but for time and for how much storage there is.",
    "control": "The program affects no resource that it was not given; the monitor gets the processor back.",
    "efficiency": "All innocuous instructions run directly on the hardware, without the monitor's help.",
  ]

  init(_ check: MonitorCheck, _ setup: MonitorCheck.Setup) {
    machine = "\(setup.machine.rawValue) (\(check.flavour))"
    against = setup.reference.rawValue
    let engine = setup.machine.rawValue
    conditions = check.verdicts.map { name, verdict in
      var evidence: [String] = []
      var places: [Place] = []
      switch name {
      case "equivalence":
        evidence = check.notes
        if let head = check.divergence.flatMap({ ($0.0.left ?? $0.0.right)?.head }) {
          places.append(Place(text: "the first divergence", engine: engine, clock: head.clock))
        } else if !verdict.isFailure {
          places.append(Place(text: "where this machine's run ended", engine: engine, kind: "end"))
        }
      case "control":
        guard let report = check.containment else { break }
        evidence = report.evidence + ["it was given:"] + report.map
        places.append(Place(text: "the monitor's first exit", engine: engine, kind: "exit"))
        places.append(Place(text: "the guest's first trap", engine: engine, kind: "trap"))
      default:
        let counts = check.counts
        evidence.append(
          "\(grouped(counts.retired)) instructions, \(grouped(counts.direct)) run directly (\(fixedPoint(counts.directFraction * 100, 1)) %), \(grouped(counts.emulated)) interpreted"
        )
        for (instruction, pc) in check.innocuous.sorted(by: { $0.key < $1.key }).prefix(8) {
          evidence.append("innocuous and interpreted: `\(instruction)`")
          places.append(
            Place(text: "`\(instruction)` interpreted", engine: engine, kind: "emulate", pc: hex(pc)))
        }
        if check.innocuous.isEmpty {
          places.append(Place(text: "the first instruction interpreted", engine: engine, kind: "emulate"))
        }
      }
      return Condition(
        name: name, meaning: Self.meanings[name] ?? "",
        verdict: .init(verdict, word: name == "equivalence" ? verdict.equivalenceWord : nil),
        evidence: evidence, places: places)
    }
  }
}
