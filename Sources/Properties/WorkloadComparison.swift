public import MachineCore
internal import ToyISA
public import Trace
public import Virtualizer

/// What was found of one engine on one workload.
public struct EngineReport: Sendable {
  /// Which kind of machine.
  public var kind: EngineKind
  /// Which engine of that kind; empty when none could be made.
  public var flavour = ""
  /// Why the timed run ended; `nil` when there was none.
  public var stop: StopReason?
  /// Counts of the timed run.
  public var statistics = EngineStatistics()
  /// Wall-clock nanoseconds of the timed, untraced run; reported, never judged.
  public var nanoseconds: UInt64 = 0
  /// The level at which equivalence was checked.
  public var level: TraceLevel?
  /// Same guest-visible behaviour as the reference.
  public var equivalence: Verdict
  /// What the comparison left out, and why, a sentence each.
  public var notes: [String] = []
  /// The guest stayed within what it was given.
  public var control: Verdict
  /// Innocuous instructions ran directly.
  public var efficiency: Verdict
  /// The first divergence from the reference, when there is one, with the headers of both traces.
  public var divergence: (Divergence, TraceHeader, TraceHeader)?

  /// A report of which nothing is assessed yet.
  package init(_ kind: EngineKind, allNotAssessed reason: String) {
    self.kind = kind
    equivalence = .notAssessed(reason)
    control = .notAssessed(reason)
    efficiency = .notAssessed(reason)
  }
}

/// What was found of one workload on several engines.
public struct WorkloadReport: Sendable {
  /// The workload.
  public var workload: Workload
  /// The engine the others were compared with.
  public var reference: EngineKind
  /// Guest instructions retired, from an engine that can count.
  public var retired: UInt64
  /// One report per engine, in the order asked for.
  public var engines: [EngineReport]
  /// Where they first differ and who is alone, when that was searched for by digests.
  public var finding: DivergenceFinding?

  /// Whether a check failed.
  public var hasFailure: Bool {
    engines.contains {
      $0.equivalence.isFailure || $0.control.isFailure || $0.efficiency.isFailure
    }
  }
}

/// Runs one workload on several engines and decides the three properties.
public struct WorkloadComparison {
  /// What is run.
  public var workload: Workload
  /// On what.
  public var kinds: [EngineKind]
  /// The trace level asked for; an engine that cannot reach it is compared at its own highest.
  public var level: TraceLevel
  /// VMMs on each other, for toy virtualizers.
  public var depth: Int
  /// How the toy virtualizer treats the guest's supervisor.
  public var construction: VirtualMachineMonitor.Construction = .plain
  /// Compare digests of the state every so many instructions, and traces only where they differ.
  public var bisectionStride: UInt64?
  /// An engine that is made wrong, and the number of the instruction in which it is.
  public var plantedFault: (kind: EngineKind, instruction: UInt64)?
  /// Bound on the host time of a run on an engine that cannot count instructions.
  public var hostSeconds: Double
  /// Events kept around a divergence.
  public var context: Int
  /// Called with what is being done.
  public var progress: (String) -> Void

  /// A comparison.
  public init(
    _ workload: Workload, on kinds: [EngineKind] = EngineKind.allCases, level: TraceLevel = .instructions,
    depth: Int = 1, context: Int = 5,
    hostSeconds: Double = 10, progress: @escaping (String) -> Void = { _ in }
  ) {
    self.workload = workload
    self.kinds = kinds
    self.level = level
    self.depth = depth
    self.context = context
    self.hostSeconds = hostSeconds
    self.progress = progress
  }

  /// The engine the others are compared with: the simulator, whose semantics are the ISA's data, or
  /// the first one asked for.
  public var reference: EngineKind { kinds.contains(.simulator) ? .simulator : kinds[0] }

  /// Runs everything.
  ///
  /// - Throws: ``MachineError`` when a machine cannot be made at all.
  public func run() throws -> WorkloadReport {
    if let bisectionStride { return try search(bisectionStride) }
    var report = WorkloadReport(workload: workload, reference: reference, retired: 0, engines: [])
    for kind in kinds {
      do {
        report.engines.append(try measure(kind))
      } catch let refusal as EngineRefusal {
        report.engines.append(EngineReport(kind, allNotAssessed: refusal.reason))
      }
    }
    report.retired = report.engines.map(\.statistics.retired).max() ?? 0
    for index in report.engines.indices where report.engines[index].stop != nil {
      try judge(&report.engines[index], retired: report.retired)
    }
    return report
  }

  /// A fresh machine, with the planted fault if it is the one that has it.
  package func makeEngine(_ kind: EngineKind) throws -> any Engine {
    let engine = try workload.makeEngine(
      kind, depth: depth, construction: kind == .virtualizer ? construction : .plain)
    guard let plantedFault, plantedFault.kind == kind else { return engine }
    return try PlantedFault(engine, instruction: plantedFault.instruction)
  }

  package var limits: RunLimits {
    RunLimits(instructions: workload.instructionLimit, hostSeconds: hostSeconds)
  }

  /// One untraced run, for counts and time.
  private func measure(_ kind: EngineKind) throws -> EngineReport {
    progress("\(workload.name): \(kind.rawValue)")
    let engine = try makeEngine(kind)
    var report = EngineReport(kind, allNotAssessed: "not run")
    report.flavour = engine.flavour
    let start = ContinuousClock.now
    report.stop = try engine.run(limits, into: nil)
    let elapsed = start.duration(to: .now).components
    report.nanoseconds = UInt64(elapsed.seconds) * 1_000_000_000 + UInt64(elapsed.attoseconds / 1_000_000_000)
    report.statistics = engine.statistics
    if engine.capabilities.countsInstructions { report.statistics.retired = engine.platform.retired }
    report.control = ControlCheck.verdict(engine)
    return report
  }

  private func judge(_ report: inout EngineReport, retired: UInt64) throws {
    var interpreted = InterpretedInstructions(workload)
    if report.kind == reference {
      report.equivalence = .notApplicable("the reference that the others are compared with")
    } else {
      try compare(&report, &interpreted)
    }
    report.efficiency = EfficiencyCheck.verdict(report, retired: retired, interpreted: interpreted)
  }

  /// Compares traces at the highest level that both engines have.
  private func compare(_ report: inout EngineReport, _ interpreted: inout InterpretedInstructions) throws {
    let probe = try makeEngine(report.kind)
    var notes: [String] = []
    var chosen = min(level, probe.capabilities.traceLevel)
    if chosen < level, let why = probe.capabilities.traceLimitation { notes.append(why) }
    while true {
      progress("\(workload.name): \(report.kind.rawValue) against \(reference.rawValue), \(chosen.name)")
      let outcome = try EquivalenceCheck.run(
        workload, machine: try makeEngine(report.kind), against: try makeEngine(reference), level: chosen,
        limits: limits, context: context)
      if let lack = outcome.lack, chosen > .events {
        notes.append(lack)
        chosen = .events
        continue
      }
      report.level = chosen
      report.equivalence = outcome.verdict
      report.notes = notes + outcome.notes
      report.divergence = outcome.divergence
      interpreted = outcome.interpreted
      if !outcome.controlViolations.isEmpty {
        report.control = .fail(outcome.controlViolations.joined(separator: "; "))
      }
      return
    }
  }
}
