public import MachineCore
internal import Trace

/// Finds the first difference of two long runs without tracing them whole.
///
/// This is ``DivergenceSearch`` on two machines made elsewhere, as an equivalence check.
public enum DigestBisection {
  /// Instructions in a stretch at first.
  public static let defaultStride: UInt64 = 1_000_000

  /// Compares two fresh engines on the workload.
  ///
  /// - Parameter stride: instructions between digests, at least ``DivergenceSearch/window``.
  /// - Throws: ``EngineRefusal`` when an engine cannot count instructions, so that there are no
  ///   common places to compare at; ``MachineError``, ``TraceError``.
  public static func run(
    _ workload: Workload, machine: any Engine, against reference: any Engine, limits: RunLimits,
    stride: UInt64 = defaultStride, context: Int = 5
  ) throws -> EquivalenceCheck.Outcome {
    for engine in [reference, machine] where !engine.capabilities.countsInstructions {
      throw EngineRefusal(
        "\(engine.flavour) cannot count instructions, so there are no common places for digests",
        remedy: "search with DivergenceSearch")
    }
    let search = DivergenceSearch(workload, limits: limits, stride: stride, context: context)
    var pursuit = Pursuit(
      search, [reference, machine].map { DivergenceSearch.Subject($0) }, limit: limits.instructions)
    guard case .different = try pursuit.follow() else { return outcome(.pass, workload, machine) }
    var rest = limits
    // A little more than the window, so that what follows the difference can be shown.
    rest.instructions = min(pursuit.left, DivergenceSearch.window + 64)
    let found = try EquivalenceCheck.run(
      workload, machine: machine, against: reference, level: .instructions, limits: rest, context: context)
    guard found.verdict == .pass else { return found }
    return outcome(
      .fail(
        "the states differ after instruction \(reference.platform.retired), though the traces before are equal"
      ), workload, machine)
  }

  private static func outcome(_ verdict: Verdict, _ workload: Workload, _ machine: any Engine)
    -> EquivalenceCheck.Outcome
  {
    var outcome = EquivalenceCheck.Outcome(
      verdict: verdict, interpreted: InterpretedInstructions(workload))
    outcome.controlViolations = machine.statistics.controlViolations
    return outcome
  }
}
