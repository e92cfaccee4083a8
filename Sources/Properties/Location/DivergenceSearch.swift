public import MachineCore
internal import Trace

/// Finds where machines on a long run first go different ways, without tracing the run.
///
/// All machines run a stretch, then digests of what the guest can see are compared. Where they differ, all
/// go back to the last place where they agreed and go on in shorter stretches; only the last window is
/// traced. Stretches are counted in instructions if all machines can count them. If one cannot, as KVM, they
/// are counted in accesses to devices, which all machines share, and the window between two of them is
/// searched with those that can count.
public struct DivergenceSearch {
  /// Instructions in the window that is traced.
  public static let window: UInt64 = 2_048
  /// The longest window that a machine which cannot count is single-stepped through.
  public static let steppedWindow: UInt64 = 200_000

  let workload: Workload
  let limits: RunLimits
  let stride: UInt64
  let context: Int
  let progress: (String) -> Void
  let makeEngine: (EngineKind) throws -> any Engine

  /// A search.
  ///
  /// - Parameters:
  ///   - stride: instructions between digests, where instructions can be counted.
  ///   - context: events shown on each side of the difference.
  ///   - makeEngine: makes a fresh machine on the workload; unless given, as the workload does.
  public init(
    _ workload: Workload, limits: RunLimits, stride: UInt64, context: Int = 5,
    progress: @escaping (String) -> Void = { _ in },
    makeEngine: ((EngineKind) throws -> any Engine)? = nil
  ) {
    self.workload = workload
    self.limits = limits
    self.stride = max(stride, Self.window)
    self.context = context
    self.progress = progress
    self.makeEngine = makeEngine ?? { try workload.makeEngine($0) }
  }

  /// Compares machines of these kinds; an engine that cannot be made is left out with a note.
  ///
  /// - Throws: ``MachineError``, ``EngineRefusal``, `TraceError`.
  public func run(_ kinds: [EngineKind]) throws -> SearchOutcome {
    var notes: [String] = []
    var subjects: [Subject] = []
    for kind in kinds {
      do {
        subjects.append(Subject(try makeEngine(kind)))
      } catch let refusal as EngineRefusal {
        notes.append("\(kind.rawValue): \(refusal.reason)")
      }
    }
    guard subjects.count > 1 else {
      throw EngineRefusal(
        "fewer than two machines can be made here, so that there is nothing to compare"
          + (notes.isEmpty ? "" : " (" + notes.joined(separator: "; ") + ")"), isHostLack: true)
    }
    var pursuit = Pursuit(self, subjects, limit: limits.instructions)
    let end = try pursuit.follow()
    var outcome = SearchOutcome(machines: subjects.map(\.report))
    notes.append(
      pursuit.countsInstructions
        ? "digests of the state were compared every \(stride) instructions"
        : "digests of the state were compared at accesses to devices, which all machines share")
    if !pursuit.countsInstructions {
      notes.append(
        "left out of digests with a real processor: arithmetic flags, virtual time, and registers that host deviations explain"
      )
    }
    switch end {
    case .same: break
    case .cut(let reason): outcome.inconclusive = reason
    case .different: outcome.finding = try Inquiry(self, pursuit).finding()
    }
    outcome.notes = notes
    return outcome
  }

  /// A machine under comparison.
  final class Subject {
    let engine: any Engine
    /// Accesses to devices at the last common place.
    var accesses: UInt64 = 0
    var stop: StopReason?
    var nanoseconds: UInt64 = 0

    init(_ engine: any Engine) { self.engine = engine }

    var kind: EngineKind { engine.kind }
    var counts: Bool { engine.capabilities.countsInstructions }

    var report: SearchedMachine {
      SearchedMachine(
        kind: kind, flavour: engine.flavour, stop: stop, retired: counts ? engine.platform.retired : 0,
        nanoseconds: nanoseconds, statistics: engine.statistics, control: ControlCheck.verdict(engine))
    }

    /// Runs on; a reason other than a limit is kept in ``stop``.
    func run(_ limits: RunLimits) throws {
      guard stop == nil else { return }
      let start = ContinuousClock.now
      let reason = try engine.run(limits, into: nil)
      let elapsed = start.duration(to: .now).components
      nanoseconds &+=
        UInt64(elapsed.seconds) * 1_000_000_000 + UInt64(elapsed.attoseconds / 1_000_000_000)
      if reason != .limit { stop = reason }
    }

    /// Runs until so many more accesses to devices have been made, or the machine stops.
    func run(accesses: UInt64, _ limits: RunLimits) throws {
      engine.platform.accessesLeft = accesses
      defer { engine.platform.accessesLeft = nil }
      try run(limits)
      if stop == nil, engine.platform.accessesLeft != 0 { stop = .limit }
    }
  }
}
