internal import MachineCore
internal import Simulator
public import ToyISA
internal import Trace

/// What fuzzing the toy ISA with random programs found.
public struct ToyFuzzReport: Sendable {
  /// The variant's name, the seed of the first program.
  public var variant = ""
  public var seed: UInt64 = 0
  /// Programs run, and instructions that retired in them on the simulator.
  public var programs: UInt64 = 0
  public var instructions: UInt64 = 0
  /// Programs that the VMM ran, too.
  public var virtualized: UInt64 = 0
  /// Programs that are not the same on all engines: seed, engine, what differs.
  public var disagreements: [String] = []
  /// Traps and interrupts, by name.
  public var traps: [String: UInt64] = [:]
  /// Branches and faults of the table.
  public var effects = EffectCoverage()
  /// Wall-clock seconds.
  public var seconds = 0.0

  /// Instructions a second, on all engines together.
  public var rate: Double { seconds > 0 ? Double(instructions) / seconds : 0 }
}

/// Runs random programs of the toy ISA, which change themselves, on all engines and compares their traces.
public enum ToyFuzzer {
  private struct Part: Sendable {
    var report = ToyFuzzReport()
    var places: [Bool] = []
  }

  /// Runs programs with the seeds `seed` to `seed + count`, each for at most `limit` instructions.
  ///
  /// The VMM takes part where the variant promises that it can: where Theorem 1 holds.
  /// - Throws: ``MachineError``, ``EngineRefusal``, ``TraceError``.
  public static func run(
    _ variant: ToyVariant, seed: UInt64, count: UInt64, limit: UInt64 = 17_000, jobs: Int = 1,
    progress: @escaping @Sendable (UInt64) -> Void = { _ in }
  ) throws -> ToyFuzzReport {
    let start = ContinuousClock.now
    let parts = try FuzzJobs.run(jobs, first: 0, count: count) { number, first, count in
      try work(variant, seeds: (seed &+ first), count: count, limit: limit) { done in
        if number == 0 { progress(done * UInt64(max(jobs, 1))) }
      }
    }
    var report = ToyFuzzReport()
    var places = parts[0].places
    for part in parts {
      report.programs += part.report.programs
      report.instructions += part.report.instructions
      report.virtualized += part.report.virtualized
      report.disagreements += part.report.disagreements
      report.traps.merge(part.report.traps, uniquingKeysWith: +)
      places = zip(places, part.places).map { $0 || $1 }
    }
    report.variant = variant.rawValue
    report.seed = seed
    let set = ToyInstructionSet(variant)
    report.effects = EffectCoverage(
      set, points: SemanticsPoints(set), possible: Set(set.definitions.indices), reached: places,
      registers: set.registers.map { $0.isZero ? KnownBits(0) : .unknown }, reasons: [])
    let elapsed = start.duration(to: .now).components
    report.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    return report
  }

  private static func work(
    _ variant: ToyVariant, seeds first: UInt64, count: UInt64, limit: UInt64, progress: (UInt64) -> Void
  ) throws -> Part {
    let set = ToyInstructionSet(variant)
    let coverage = SemanticsCoverage(set)
    var part = Part()
    for number in 0..<count {
      let workload = ToyRandomProgram.workload(seed: first &+ number, variant: variant, limit: limit)
      let limits = RunLimits(instructions: limit)
      let others: [EngineKind] = variant.claimsTheorem1 ? [.emulator, .virtualizer] : [.emulator]
      for kind in others {
        let reference = try simulator(workload, set, coverage)
        let machine = try workload.makeEngine(kind)
        let outcome = try EquivalenceCheck.run(
          workload, machine: machine, against: reference, level: .instructions, limits: limits)
        if outcome.verdict != .pass || !outcome.controlViolations.isEmpty {
          part.report.disagreements.append(
            "\(workload.name) on \(machine.flavour): \(outcome.verdict) \(outcome.controlViolations)")
        }
        // Tracing takes another path through an engine than running; both must end alike.
        let untraced = try workload.makeEngine(kind)
        _ = try untraced.run(limits, into: nil)
        if untraced.state != machine.state
          || untraced.platform.memory.digest != machine.platform.memory.digest
          || untraced.platform.now != machine.platform.now
        {
          part.report.disagreements.append(
            "\(workload.name) on \(machine.flavour): untraced run ends otherwise")
        }
        if kind == .emulator { part.report.instructions += machine.platform.retired }
        if kind == .virtualizer { part.report.virtualized += 1 }
      }
      try countTraps(workload, limits, set, &part.report)
      part.report.programs += 1
      progress(number + 1)
    }
    part.places = coverage.reached
    return part
  }

  private static func simulator(
    _ workload: Workload, _ set: ToyInstructionSet, _ coverage: SemanticsCoverage
  ) throws -> any Engine {
    guard case .toy(let image, let machine, _) = workload.machine else {
      return try workload.makeEngine(.simulator)
    }
    let platform = try machine.makePlatform()
    try image.load(into: platform.memory)
    return Evaluator(
      instructionSet: set, platform: platform,
      state: ToyInstructionSet.resetState(entry: image.entry, storage: machine.memorySize), coverage: coverage
    )
  }

  private static func countTraps(
    _ workload: Workload, _ limits: RunLimits, _ set: ToyInstructionSet, _ report: inout ToyFuzzReport
  ) throws {
    var found: [String: UInt64] = [:]
    let names = set.causes
    let recorder = TraceRecorder(level: .events) { batch in
      for record in batch where record.eventKind == .trap || record.eventKind == .interrupt {
        let code = Int(record.code)
        found[names.indices.contains(code) ? names[code] : "\(code)", default: 0] += 1
      }
    }
    _ = try workload.makeEngine(.emulator).run(limits, into: recorder)
    recorder.flush()
    report.traps.merge(found, uniquingKeysWith: +)
  }
}
