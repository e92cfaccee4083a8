public import MachineCore
public import Trace
internal import X86Backend

/// Equivalence: the guest sees the same on the machine under test as on the reference.
public enum EquivalenceCheck {
  /// What comparing two runs gave.
  public struct Outcome: Sendable {
    /// The verdict.
    public var verdict: Verdict
    /// The first divergence, when there is one, with the headers of both traces.
    public var divergence: (Divergence, TraceHeader, TraceHeader)?
    /// What the comparison left out, a sentence each.
    public var notes: [String] = []
    /// Why the machine under test could not be traced at this level; the verdict is then void.
    public var lack: String?
    /// What the VMM under test interpreted.
    public var interpreted: InterpretedInstructions
    /// Breaches of control seen during the traced run.
    public var controlViolations: [String] = []
  }

  /// Runs the workload on both machines, a stretch at a time, and compares what the guest sees.
  ///
  /// - Throws: ``MachineError``, ``EngineRefusal`` when an engine cannot be made, ``TraceError``
  ///   when it refuses to run.
  public static func run(
    _ workload: Workload, machine: EngineKind, against reference: EngineKind, level: TraceLevel,
    depth: Int = 1, limits: RunLimits, context: Int = 5
  ) throws -> Outcome {
    try run(
      workload, machine: try workload.makeEngine(machine, depth: depth),
      against: try workload.makeEngine(reference), level: level, limits: limits,
      context: context)
  }

  /// The same with engines that were made elsewhere; both fresh, on this workload.
  public static func run(
    _ workload: Workload, machine: any Engine, against reference: any Engine, level: TraceLevel,
    limits: RunLimits, context: Int = 5
  ) throws -> Outcome {
    let left = EngineRecordSource(
      reference, header: workload.header(for: reference, level: level), limits: limits)
    let right = EngineRecordSource(
      machine, header: workload.header(for: machine, level: level), limits: limits)
    var policy = Self.policy(workload, on: machine.kind)
    policy.contextEvents = context
    var interpreted = InterpretedInstructions(workload)
    right.observer = { interpreted.add($0) }
    let result: ComparisonResult
    do {
      result = try TraceComparator.compare(left, right, policy: policy)
    } catch {
      guard let refusal = right.refusal else { throw error }
      return Outcome(
        verdict: .notAssessed(refusal.reason), lack: refusal.reason, interpreted: interpreted)
    }
    var outcome = Outcome(verdict: .pass, notes: result.notes, interpreted: interpreted)
    outcome.controlViolations = machine.statistics.controlViolations
    switch result.verdict {
    case .equal: outcome.verdict = .pass
    case .equalExcept(let exceptions):
      outcome.verdict = .passExcept(exceptions.map { "\($0.reason) (\($0.count)×)" })
    case .divergent(let divergence):
      if case .hostFailure(let text) = right.stop {
        outcome.lack = text
        outcome.verdict = .hostDeviation(text)
      } else {
        outcome.verdict = .fail("first divergence at event \(divergence.index): \(divergence.fieldName)")
        outcome.divergence = (divergence, left.header, right.header)
      }
    case .notComparable(let reason): outcome.verdict = .notAssessed("not comparable: \(reason)")
    }
    return outcome
  }

  /// What a comparison of this workload on this machine leaves out: nothing, but with real hardware.
  public static func policy(_ workload: Workload, on kind: EngineKind) -> ComparisonPolicy {
    workload.isa == "x86" && kind == .virtualizer
      ? X86Comparison.policy(withHardware: HostDeviations.measured) : ComparisonPolicy()
  }
}
