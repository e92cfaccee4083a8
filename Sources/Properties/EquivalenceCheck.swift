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
  ///
  /// - Parameter observer: sees every record of the machine under test.
  public static func run(
    _ workload: Workload, machine: any Engine, against reference: any Engine, level: TraceLevel,
    limits: RunLimits, context: Int = 5, observer: ((TraceRecord) -> Void)? = nil
  ) throws -> Outcome {
    let left = EngineRecordSource(
      reference, header: workload.header(for: reference, level: level), limits: limits)
    let right = EngineRecordSource(
      machine, header: workload.header(for: machine, level: level), limits: limits)
    var policy = Self.policy(workload, on: machine.kind)
    policy.contextEvents = context
    var interpreted = InterpretedInstructions(workload)
    var interrupts = 0
    right.observer = { record in
      interpreted.add(record)
      if record.kind == EventKind.interrupt.rawValue { interrupts += 1 }
      observer?(record)
    }
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
      outcome.verdict = .fail("first divergence at event \(divergence.index): \(divergence.fieldName)")
      if interrupts > 0, let reason = countsOtherTime(workload, machine) {
        outcome.verdict = .notAssessed("not comparable: \(reason)")
      } else if let excuse = cutShort(divergence, left, right) {
        outcome.verdict = excuse
        if case .hostDeviation(let text) = excuse { outcome.lack = text }
      } else {
        outcome.divergence = (divergence, left.header, right.header)
      }
    case .notComparable(let reason): outcome.verdict = .notAssessed("not comparable: \(reason)")
    }
    if !outcome.verdict.isFailure, case .unsupported(let instruction) = left.stop {
      outcome.verdict = .notAssessed("the \(reference.kind.rawValue) stopped: \(instruction)")
    }
    return outcome
  }

  /// Why interrupts may come at other instructions on this machine than on one that counts them.
  private static func countsOtherTime(_ workload: Workload, _ machine: any Engine) -> String? {
    guard case .x86(let x86) = workload.machine, !x86.usesSharedPoints,
      !machine.capabilities.countsInstructions
    else { return nil }
    return "interrupts came at other places, as the \(machine.kind.rawValue) does not count instructions;"
      + " compare with time at shared points (--time shared)"
  }

  /// A verdict for a difference that is only the end of one of the runs, for a reason outside the guest.
  private static func cutShort(
    _ divergence: Divergence, _ left: EngineRecordSource, _ right: EngineRecordSource
  ) -> Verdict? {
    for (source, event) in [(left, divergence.left), (right, divergence.right)] {
      // A run that went on past the difference did not cause it by ending.
      if let event, event.head.kind != EventKind.final.rawValue, event.head.kind != EventKind.halt.rawValue {
        continue
      }
      let name = source.engine.kind.rawValue
      switch source.stop {
      case .hostFailure(let text): return .hostDeviation(text)
      case .unsupported(let instruction): return .notAssessed("the \(name) stopped: \(instruction)")
      case .hostTimeLimit:
        return .notAssessed("equal until the \(name) reached its limit of host time")
      case .limit where !left.header.hasClock || !right.header.hasClock:
        return .notAssessed(
          "equal until the \(name) reached the instruction limit, which the other machine cannot keep")
      default: continue
      }
    }
    return nil
  }

  /// What a comparison of this workload on this machine leaves out: nothing, but with real hardware.
  public static func policy(_ workload: Workload, on kind: EngineKind) -> ComparisonPolicy {
    workload.isa == "x86" && kind == .virtualizer
      ? X86Comparison.policy(withHardware: HostDeviations.measured) : ComparisonPolicy()
  }
}
