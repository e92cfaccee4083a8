public import MachineCore
public import Trace
public import Virtualizer

/// The three properties of one machine on one workload, and what they make it in the paper's words.
public struct MonitorCheck: Sendable {
  /// Which properties are looked at.
  public struct Properties: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let equivalence = Properties(rawValue: 1)
    public static let control = Properties(rawValue: 2)
    public static let efficiency = Properties(rawValue: 4)
    public static let all: Properties = [.equivalence, .control, .efficiency]
  }

  /// How a machine is checked.
  public struct Setup: Sendable {
    /// The machine under test, and the bare machine it is compared with.
    public var machine: EngineKind = .virtualizer
    public var reference: EngineKind = .simulator
    /// VMMs on each other, for the toy virtualizer, and how the topmost treats the guest's supervisor.
    public var depth = 1
    public var construction: VirtualMachineMonitor.Construction = .plain
    public var level = TraceLevel.instructions
    public var context = 5
    public var hostSeconds: Double = 10
    /// Compare digests every so many instructions, and traces only where they differ.
    public var stride: UInt64?
    /// Least share of instructions that must run directly.
    public var floor: Double?
    /// Makes the machine under test instead, for machines that are wrong on purpose.
    public var make: (@Sendable (Workload) throws -> any Engine)?

    /// The defaults.
    public init() {}
  }

  /// What became of the properties; `nil` where one was not looked at.
  public private(set) var equivalence: Verdict?
  public private(set) var control: Verdict?
  public private(set) var efficiency: Verdict?
  /// The engine under test.
  public private(set) var flavour = ""
  /// What the comparison left out, a sentence each.
  public private(set) var notes: [String] = []
  /// The first divergence, with the headers of both traces.
  public private(set) var divergence: (Divergence, TraceHeader, TraceHeader)?
  /// What the run under watch gave.
  public private(set) var containment: ControlCheck.Report?
  /// Counts for efficiency.
  public private(set) var counts = InterventionCounts()
  /// Innocuous instructions that were interpreted, with an address each.
  public private(set) var innocuous: [String: UInt64] = [:]
  /// Wall-clock seconds, of the machine under test and of the reference; reported, never judged.
  public private(set) var seconds: (machine: Double, reference: Double)?

  private let setup: Setup

  /// Checks a workload.
  ///
  /// - Throws: ``EngineRefusal`` or ``MachineError`` when a machine cannot be had.
  public init(_ workload: Workload, _ properties: Properties, _ setup: Setup = Setup()) throws {
    self.setup = setup
    var comparison: EquivalenceCheck.Outcome?
    var cycles = CycleCount()
    flavour = try make(workload).flavour
    if properties.contains(.control) { try checkControl(workload) }
    if !properties.isDisjoint(with: [.equivalence, .efficiency]) {
      comparison = try compare(workload, &cycles)
    }
    if properties.contains(.equivalence), let comparison {
      equivalence = comparison.verdict
      notes = comparison.notes
      divergence = comparison.divergence
    }
    if properties.contains(.efficiency), let comparison {
      try checkEfficiency(workload, comparison, cycles.cycles)
    }
  }

  private func make(_ workload: Workload) throws -> any Engine {
    if let make = setup.make { return try make(workload) }
    return try workload.makeEngine(
      setup.machine, depth: setup.machine == .virtualizer && workload.isa == "toy" ? setup.depth : 1,
      construction: setup.machine == .virtualizer ? setup.construction : .plain)
  }

  private func limits(_ workload: Workload) -> RunLimits {
    RunLimits(instructions: workload.instructionLimit, hostSeconds: setup.hostSeconds)
  }

  private mutating func checkControl(_ workload: Workload) throws {
    let report = try ControlCheck.run(limits: limits(workload)) { try make(workload) }
    control = report.verdict
    containment = report
  }

  /// Compares with the bare machine at the highest level that the machine under test has.
  private func compare(
    _ workload: Workload, _ cycles: inout CycleCount
  ) throws -> EquivalenceCheck.Outcome {
    if let stride = setup.stride { return try bisect(workload, stride) }
    let capabilities = try make(workload).capabilities
    var level = min(setup.level, capabilities.traceLevel)
    while true {
      var count = CycleCount()
      var outcome = try EquivalenceCheck.run(
        workload, machine: try make(workload), against: try workload.makeEngine(setup.reference),
        level: level, limits: limits(workload), context: setup.context, observer: { count.add($0) })
      if let lack = outcome.lack, level > .events {
        level = .events
        outcome.notes.append(lack)
        continue
      }
      cycles = count
      if level < setup.level, let why = capabilities.traceLimitation { outcome.notes.append(why) }
      if !outcome.controlViolations.isEmpty, !outcome.verdict.isFailure {
        outcome.notes.append("breaches of control: " + outcome.controlViolations.joined(separator: "; "))
      }
      return outcome
    }
  }

  /// Compares digests of the whole state at intervals, and traces only in the window where they differ.
  private func bisect(_ workload: Workload, _ stride: UInt64) throws -> EquivalenceCheck.Outcome {
    var comparison = WorkloadComparison(
      workload, on: [setup.reference, setup.machine], level: setup.level, depth: setup.depth,
      context: setup.context, hostSeconds: setup.hostSeconds)
    comparison.construction = setup.construction
    comparison.bisectionStride = stride
    let report = try comparison.run()
    var outcome = EquivalenceCheck.Outcome(verdict: .pass, interpreted: InterpretedInstructions(workload))
    if let engine = report.engines.first(where: { $0.kind == setup.machine }) {
      outcome.verdict = engine.equivalence
      outcome.notes = engine.notes + ["compared by digests of the state every \(stride) instructions"]
      outcome.divergence = report.finding?.divergence ?? engine.divergence
    }
    return outcome
  }

  private mutating func checkEfficiency(
    _ workload: Workload, _ comparison: EquivalenceCheck.Outcome, _ cycles: UInt64
  ) throws {
    let engine = try make(workload)
    let bare = try workload.makeEngine(.emulator)
    let limits = limits(workload)
    let own = try ContinuousClock().measure { _ = try engine.run(limits, into: nil) }
    let other = try ContinuousClock().measure { _ = try bare.run(limits, into: nil) }
    seconds = (own / .seconds(1), other / .seconds(1))
    var report = EngineReport(engine.kind, allNotAssessed: "")
    report.flavour = engine.flavour
    report.statistics = engine.statistics
    let counted = engine.capabilities.countsInstructions
    // What KVM cannot count, the emulator has counted on the same program.
    let retired = counted ? engine.platform.retired : bare.platform.retired
    efficiency = EfficiencyCheck.verdict(report, retired: retired, interpreted: comparison.interpreted)
    innocuous = comparison.interpreted.innocuous
    let statistics = engine.statistics
    counts.retired = retired
    counts.emulated = statistics.kernelEmulated ?? statistics.emulated
    counts.direct = statistics.kernelEmulated.map { retired - min($0, retired) } ?? statistics.direct
    counts.delivered = statistics.reflected + statistics.injected
    counts.exits = statistics.exits
    counts.cycles = cycles
    if let floor = setup.floor, engine.kind == .virtualizer, counts.directFraction < floor {
      let share = (counts.directFraction * 1000).rounded() / 10
      efficiency = .fail("\(share) % of the instructions ran directly, less than the floor")
    }
  }

  /// The verdicts that were made, in the order of the paper.
  public var verdicts: [(name: String, verdict: Verdict)] {
    [("equivalence", equivalence), ("control", control), ("efficiency", efficiency)].compactMap {
      (name, verdict) in verdict.map { (name, $0) }
    }
  }

  /// Whether a property does not hold.
  public var hasFailure: Bool { verdicts.contains { $0.verdict.isFailure } }

  /// The first check that fails, in the order in which they can be relied on: a machine out of control proves
  /// nothing by its behaviour, and one that behaves wrongly nothing by its speed.
  public var firstFailure: String? {
    if control?.isFailure == true { return "control" }
    if equivalence?.isFailure == true { return "equivalence" }
    return efficiency?.isFailure == true ? "efficiency" : nil
  }

  /// The paper's verdict in a sentence; `nil` unless all three properties were looked at.
  public var sentence: String? {
    guard let equivalence, let control, let efficiency else { return nil }
    let reasons = verdicts.compactMap { name, verdict -> String? in
      switch verdict {
      case .pass: return nil
      case .passExcept where name == "equivalence": return nil
      default: return "\(name): \(verdict.reason ?? verdict.word)"
      }
    }
    if reasons.isEmpty {
      return
        "This is a virtual machine monitor in the sense of Popek and Goldberg, because the guest sees what it sees on the bare machine, affects nothing that it was not given, and every innocuous instruction runs directly."
    }
    if setup.construction == .hybrid, setup.machine == .virtualizer, !equivalence.isFailure,
      !control.isFailure,
      !efficiency.isFailure
    {
      return
        "This is a hybrid virtual machine monitor in the sense of Popek and Goldberg's Theorem 3, and not a virtual machine monitor in the strict sense, because it interprets all code in virtual supervisor mode."
    }
    return
      "This is not a virtual machine monitor in the sense of Popek and Goldberg, because of "
      + reasons.joined(separator: "; and of ") + "."
  }
}
