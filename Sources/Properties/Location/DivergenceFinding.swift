public import MachineCore
public import Trace

/// Where machines on the same workload first go different ways, and which of them is alone with it.
public struct DivergenceFinding: Sendable {
  /// Machines that agree with each other at the first common place behind the difference.
  public var sides: [[EngineKind]]
  /// The one that all others contradict; `nil` when there is no majority.
  public var alone: EngineKind?
  /// Between which places the difference lies, in a sentence.
  public var window: String
  /// What speaks for it, a sentence each.
  public var evidence: [String] = []
  /// The first differing instruction, when it could be found, with the headers of both traces.
  public var divergence: (Divergence, TraceHeader, TraceHeader)?
  /// The machines whose traces the divergence shows.
  public var shown: (EngineKind, EngineKind)?

  /// Who is wrong, in a few words.
  public var headline: String {
    if let alone {
      let others = sides.filter { $0 != [alone] }.flatMap { $0 }.map(\.rawValue)
      return "alone: \(alone.rawValue); \(others.joined(separator: " and ")) agree"
    }
    return "no majority: "
      + sides.map { $0.map(\.rawValue).joined(separator: " and ") }.joined(separator: " against ")
  }
}

/// What a search found of one machine.
public struct SearchedMachine: Sendable {
  /// Which kind.
  public var kind: EngineKind
  /// Which engine of that kind.
  public var flavour: String
  /// Why its run ended; `nil` when it was not run to an end.
  public var stop: StopReason?
  /// Instructions it retired up to where the search ended, if it counts.
  public var retired: UInt64 = 0
  /// Wall-clock nanoseconds of its runs; reported, never judged.
  public var nanoseconds: UInt64 = 0
  /// Its counts.
  public var statistics = EngineStatistics()
  /// Whether it stayed within what it was given.
  public var control = Verdict.notAssessed("not run")
}

/// What a search gave.
public struct SearchOutcome: Sendable {
  /// The machines that were asked for.
  public var machines: [SearchedMachine]
  /// The first difference; `nil` when there was none.
  public var finding: DivergenceFinding?
  /// Why the machines could not be compared to the end, though they agreed so far.
  public var inconclusive: String?
  /// What was compared and what was left out, a sentence each.
  public var notes: [String] = []
}
