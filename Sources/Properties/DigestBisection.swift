public import MachineCore
internal import Trace

/// Finds the first difference of two long runs without tracing them whole.
///
/// Both machines run a stretch without a trace, then digests of their whole state are compared. Where
/// they differ, both go back to the last place where they agreed and go on in shorter stretches; only the
/// last short window is traced instruction by instruction.
public enum DigestBisection {
  /// Instructions in a stretch at first.
  public static let defaultStride: UInt64 = 1_000_000
  /// Instructions in the window that is traced.
  public static let window: UInt64 = 2_048

  /// Compares two fresh engines on the workload.
  ///
  /// - Parameter stride: instructions between digests, at least ``window``.
  /// - Throws: ``EngineRefusal`` when an engine cannot count instructions, so that there are no
  ///   common places to compare at; ``MachineError``, ``TraceError``.
  public static func run(
    _ workload: Workload, machine: any Engine, against reference: any Engine, limits: RunLimits,
    stride: UInt64 = defaultStride, context: Int = 5
  ) throws -> EquivalenceCheck.Outcome {
    for engine in [reference, machine] where !engine.capabilities.countsInstructions {
      throw EngineRefusal(
        "\(engine.flavour) cannot count instructions, so there are no common places for digests",
        remedy: "compare without --bisect")
    }
    var stretch = max(stride, window)
    var left = limits.instructions
    var agreed = try Checkpoints(reference, machine)
    while true {
      let step = min(stretch, left)
      let stops = (try advance(reference, step), try advance(machine, step))
      if stops.0 == stops.1, digest(reference) == digest(machine) {
        left -= min(left, step)
        guard stops.0 == .limit, left > 0 else { return outcome(.pass, workload, machine) }
        agreed = try Checkpoints(reference, machine)
        continue
      }
      try agreed.restore(reference, machine)
      guard stretch > window else { break }
      stretch = max(window, stretch / 16)
    }
    var rest = limits
    // A little more than the window, so that what follows the difference can be shown.
    rest.instructions = min(left, window + 64)
    let found = try EquivalenceCheck.run(
      workload, machine: machine, against: reference, level: .instructions, limits: rest, context: context)
    guard found.verdict == .pass else { return found }
    return outcome(
      .fail(
        "the states differ after instruction \(reference.platform.retired), though the traces before are equal"
      ),
      workload, machine)
  }

  private static func outcome(_ verdict: Verdict, _ workload: Workload, _ machine: any Engine)
    -> EquivalenceCheck.Outcome
  {
    var outcome = EquivalenceCheck.Outcome(
      verdict: verdict, interpreted: InterpretedInstructions(workload))
    outcome.controlViolations = machine.statistics.controlViolations
    return outcome
  }

  private static func advance(_ engine: any Engine, _ instructions: UInt64) throws -> StopReason {
    try engine.run(RunLimits(instructions: instructions), into: nil)
  }

  /// The digest of everything that the guest could see.
  static func digest(_ engine: any Engine) -> UInt64 {
    var digest = Digest()
    let platform = engine.platform
    for value in engine.state.registers { digest.add(word: value) }
    digest.add(word: platform.memory.digest)
    digest.add(word: platform.retired)
    digest.add(word: platform.idle)
    digest.add(word: UInt64(platform.pending))
    digest.add(platform.console)
    return digest.value
  }

  /// The states of both machines at a place where they agreed.
  private struct Checkpoints {
    private let storage: [UInt8]
    private let states: (ProcessorState, ProcessorState)
    private let platforms: (Platform.State, Platform.State)

    init(_ reference: any Engine, _ machine: any Engine) throws {
      // The contents agree, so that one copy serves both.
      let memory = reference.platform.memory
      storage = try memory.read(0..<memory.size)
      states = (reference.state, machine.state)
      platforms = (reference.platform.save(), machine.platform.save())
    }

    func restore(_ reference: any Engine, _ machine: any Engine) throws {
      for (engine, state, platform) in [
        (reference, states.0, platforms.0), (machine, states.1, platforms.1),
      ] {
        engine.platform.restore(platform)
        try engine.platform.memory.write(storage, at: 0)
        engine.state = state
      }
    }
  }
}
