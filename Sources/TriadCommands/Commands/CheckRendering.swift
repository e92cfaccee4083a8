import MachineCore
import Properties
import ToyISA
import Trace

/// Shows what `triad check` found.
struct CheckRendering {
  var workload: Workload
  var check: MonitorCheck
  var levels: TrapMultiplication?
  var terminal: Terminal

  func write() {
    terminal.line(
      terminal.styled("\(workload.name)", .bold)
        + " (\(workload.isa) \(workload.variant)) on \(check.flavour)")
    terminal.line()
    for (name, verdict) in check.verdicts {
      terminal.line("\(name.padding(to: 12)) \(styled(verdict))")
      switch name {
      case "equivalence": writeEquivalence()
      case "control": writeControl()
      default: writeEfficiency()
      }
    }
    if let levels { write(levels) }
    if let sentence = check.sentence {
      terminal.line()
      terminal.line(terminal.styled(sentence, check.hasFailure ? .red : .green))
    }
  }

  private func styled(_ verdict: Verdict) -> String {
    let word = terminal.styled(verdict.word, verdict.isFailure ? .red : .green)
    return verdict.reason.map { "\(word): \($0)" } ?? word
  }

  private func writeEquivalence() {
    let policy = EquivalenceCheck.policy(workload, on: .virtualizer)
    terminal.line(
      "  modulo time and resource size: clocks of the host and events of the VMM are never compared")
    if workload.isa == "x86" {
      terminal.line("  undefined flags are ignored until they are defined again")
      if !policy.deviations.isEmpty {
        terminal.line("  deviations measured on this host, allowed: \(policy.deviations.count)")
      }
    }
    for note in check.notes { terminal.line("  " + note) }
    guard let (divergence, left, right) = check.divergence else { return }
    terminal.line()
    terminal.output(divergenceRenderer(left, right, workload).unified(divergence))
    terminal.line()
  }

  private func writeControl() {
    guard let report = check.containment else { return }
    for line in report.map + report.evidence { terminal.line("  " + line) }
  }

  private func writeEfficiency() {
    let counts = check.counts
    let share = fixedPoint(counts.directFraction * 100, 1)
    terminal.line(
      "  \(grouped(counts.retired)) instructions, \(grouped(counts.direct)) run directly (\(share) %), \(grouped(counts.emulated)) interpreted"
    )
    let rates = counts.perThousand.prefix(8).map { "\($0.cause) \(fixedPoint($0.rate, 2))" }
    terminal.line(
      "  interventions per 1000 instructions: " + (rates.isEmpty ? "none" : rates.joined(separator: ", ")))
    if workload.isa == "toy", counts.cycles > 0 {
      let model = CostModel()
      let overhead = model.overhead(counts)
      let lost = fixedPoint(Double(overhead) * 100 / Double(counts.cycles), 1)
      terminal.line(
        "  cost model (\(model.description)): \(grouped(counts.cycles)) cycles bare, \(grouped(overhead)) more under the VMM: \(lost) % lost"
      )
    }
    if let seconds = check.seconds, seconds.reference > 0 {
      terminal.line(
        "  wall clock, reported and never judged: \(fixedPoint(seconds.machine / seconds.reference, 1)) times the emulator's"
      )
    }
  }

  private func write(_ levels: TrapMultiplication) {
    terminal.line()
    terminal.line("traps by VMM (Theorem 2), the lowest first")
    var table = TextTable([
      ("depth", .right), ("exits predicted", .right), ("measured", .right), ("page fills at least", .right),
      ("measured", .right),
    ])
    for level in levels.levels {
      table.add([
        "\(level.depth)", grouped(level.predicted), grouped(level.measured), grouped(level.leastFills),
        grouped(level.fills),
      ])
    }
    for line in table.lines() { terminal.line("  " + line) }
    let sum = levels.levels.map(\.measured).reduce(0, +)
    let predicted = levels.levels.map(\.predicted).reduce(0, +)
    terminal.line("  in all: predicted \(grouped(predicted)), measured \(grouped(sum))")
  }
}

/// The hostile guests by engine.
func containmentTable(_ results: [Containment], _ terminal: Terminal) {
  var engines: [String] = []
  for result in results where !engines.contains(result.engine) { engines.append(result.engine) }
  var table = TextTable([("guest", .left), ("attack", .left)] + engines.map { ($0, .left) })
  var guests: [String] = []
  for result in results where !guests.contains(result.guest) { guests.append(result.guest) }
  for guest in guests {
    let own = results.filter { $0.guest == guest }
    table.add(
      [guest, own.first?.attack ?? ""]
        + engines.map { engine in
          guard let found = own.first(where: { $0.engine == engine }) else { return "" }
          if found.report == nil { return "no engine" }
          return found.isContained ? "contained" : "BREACH"
        })
  }
  for line in table.lines() { terminal.line(line) }
  terminal.line()
  for result in results where result.report != nil && !result.isContained {
    terminal.line("\(result.guest) on \(result.engine): \(result.report?.verdict.reason ?? "")")
  }
  let assessed = results.filter { $0.report != nil }
  let contained = assessed.filter(\.isContained).count
  terminal.line(
    "\(guests.count) guests, \(assessed.count) runs, \(contained) contained"
      + (contained == assessed.count ? ", canaries in the host process intact" : ""))
}

/// What `triad check --hostile --json` prints, one for each run.
struct ContainmentOutput: Encodable {
  var guest: String
  var attack: String
  var engine: String
  var verdict: String?
  var reason: String?
  var stop: StopOutput?
  var retired: UInt64?
  var longestStretch: UInt64?
  var refusedAccesses: UInt64?

  init(_ result: Containment) {
    guest = result.guest
    attack = result.attack
    engine = result.engine
    verdict = result.report?.verdict.name
    reason = result.report?.verdict.reason ?? result.lack
    stop = result.report.map { StopOutput($0.stop) }
    retired = result.report?.retired
    longestStretch = result.report?.longestStretch
    refusedAccesses = result.report?.refused
  }
}

/// What `triad check --json` prints.
struct CheckOutput: Encodable {
  struct VerdictOutput: Encodable {
    var property: String
    var verdict: String
    var reason: String?
  }

  var program: String
  var isa: String
  var variant: String
  var machine: String
  var verdicts: [VerdictOutput]
  var sentence: String?
  var notes: [String]
  var resourceMap: [String]?
  var directFraction: Double?
  var interventionsPerThousand: [String: Double]?
  var cyclesBare: UInt64?
  var cyclesLost: UInt64?
  var longestStretch: UInt64?
  /// Of a stack of VMMs, exits that arrive at each, the lowest first.
  var levels: [Level]?

  struct Level: Encodable {
    var depth: Int
    var predicted: UInt64
    var measured: UInt64
  }

  init(_ workload: Workload, _ check: MonitorCheck, _ levels: TrapMultiplication?) {
    self.levels = levels?.levels.map {
      Level(depth: $0.depth, predicted: $0.predicted, measured: $0.measured)
    }
    program = workload.name
    isa = workload.isa
    variant = workload.variant
    machine = check.flavour
    verdicts = check.verdicts.map {
      VerdictOutput(property: $0.name, verdict: $0.verdict.name, reason: $0.verdict.reason)
    }
    sentence = check.sentence
    notes = check.notes
    resourceMap = check.containment?.map
    longestStretch = check.containment?.longestStretch
    guard check.efficiency != nil else { return }
    directFraction = check.counts.directFraction
    interventionsPerThousand = Dictionary(
      uniqueKeysWithValues: check.counts.perThousand.map { ($0.cause, $0.rate) })
    if check.counts.cycles > 0 {
      cyclesBare = check.counts.cycles
      cyclesLost = CostModel().overhead(check.counts)
    }
  }
}
