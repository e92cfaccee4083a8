public import MachineCore
internal import Properties
public import Trace
internal import X86Backend

/// Several machines on one workload that go the same way together, until two of them differ.
///
/// The first one has the breakpoints and leads; the others follow to the same count of instructions.
public final class Lockstep {
  /// What a common move came to.
  public enum Outcome {
    /// All agree, and this is why they stand.
    case stopped(DebugStop)
    /// Two differ, from this step on.
    case different(Difference)
  }

  /// The first difference of two machines.
  public struct Difference {
    /// The machines, by their place in ``Lockstep/sessions``.
    public var pair: (Int, Int)
    /// What the traces of the step show, if they differ.
    public var divergence: (Divergence, TraceHeader, TraceHeader)?
    /// How the states differ, a line each.
    public var states: [String]
  }

  /// The machines; the first one leads.
  public let sessions: [DebugSession]
  private var lead: DebugSession { sessions[0] }
  private var allCount: Bool { sessions.allSatisfy(\.counts) }
  /// Instructions after which states are compared, where all machines can be put back.
  private static let stretch: UInt64 = 16_384

  /// Machines in the same state.
  public init(_ sessions: [DebugSession]) {
    self.sessions = sessions
    // What a replica did would be no vote of the hardware's.
    for session in sessions where sessions.count > 1 { session.usesReplica = false }
  }

  /// Makes one step on all.
  public func step() throws(EngineRefusal) -> Outcome {
    var logs: [[TraceRecord]] = []
    var stop = DebugStop.stepped
    for (index, session) in sessions.enumerated() {
      let log = Collector(session)
      let one = try session.step()
      log.end()
      logs.append(log.records)
      if index == 0 { stop = one }
    }
    if let pair = differing(withStorage: false) { return .different(explain(pair, logs)) }
    return .stopped(stop)
  }

  /// Runs all on to a stop of the first, or to the first event that differs.
  public func resume(_ goal: DebugGoal = DebugGoal()) throws(EngineRefusal) -> Outcome {
    if sessions.count == 1 { return .stopped(try lead.resume(goal)) }
    guard allCount else { return try resumeStepping(goal) }
    if let end = lead.end { return .stopped(.ended(end)) }
    var left = goal
    while true {
      let start = lead.engine.platform.retired
      var part = left
      part.count = min(goal.count ?? .max, start &+ Self.stretch)
      let marks = sessions.map { EventMarks($0) }
      let stop = try lead.resume(part)
      for session in sessions.dropFirst() { try bring(session) }
      for mark in marks { mark.end() }
      let end = lead.engine.platform.retired
      let first = marks.dropFirst().compactMap { marks[0].difference($0, before: end) }.min()
      if let first {
        return .different(try locate(max(start, first &- min(first, 1))))
      }
      if let pair = differing(withStorage: true) { return .different(explain(pair, [])) }
      if stop == .count, end < goal.count ?? .max {
        // A call may go on from one stretch to the next.
        left = lead.goalLeft
        continue
      }
      return .stopped(stop)
    }
  }

  /// Takes all a step, or a run, back.
  public func back(
    _ move: (DebugSession) throws(EngineRefusal) -> DebugStop
  ) throws(EngineRefusal) -> Outcome {
    let stop = try move(lead)
    for session in sessions.dropFirst() {
      guard session.counts else {
        throw EngineRefusal(
          "\(session.engine.flavour) cannot go back in lock step: its state would come from the emulator")
      }
      try session.seek(lead.engine.platform.retired, pc: lead.pc)
    }
    if let pair = differing(withStorage: true) { return .different(explain(pair, [])) }
    return .stopped(stop)
  }

  // MARK: Parts

  /// With a machine that cannot be put back, states are compared after every step.
  private func resumeStepping(_ goal: DebugGoal) throws(EngineRefusal) -> Outcome {
    guard goal.depth == nil, goal.events.isEmpty, lead.watchpoints.isEmpty else {
      throw EngineRefusal(
        "with \(sessions.first { !$0.counts }?.engine.flavour ?? "") in lock step, runs stop at breakpoints and counts only",
        remedy: "step, or leave that engine out")
    }
    while true {
      if lead.isInterrupted() { return .stopped(.interrupted) }
      let outcome = try step()
      guard case .stopped(let stop) = outcome, stop == .stepped else { return outcome }
      if let found = lead.stopHere(goal) {
        if let pair = differing(withStorage: true) { return .different(explain(pair, [])) }
        return .stopped(found)
      }
      if let count = goal.count, lead.engine.platform.retired >= count { return .stopped(.count) }
    }
  }

  /// Lets a machine follow to where the first one is.
  private func bring(_ session: DebugSession) throws(EngineRefusal) {
    let target = lead.position
    // Machines that stand at different places are no difference: who interrupts stops the first one.
    let asked = session.isInterrupted
    session.isInterrupted = { false }
    defer { session.isInterrupted = asked }
    if lead.end != nil {
      _ = try session.resume(DebugGoal(count: target.count &+ 1))
      return
    }
    if session.position.count < target.count { _ = try session.resume(DebugGoal(count: target.count)) }
    // The first one may stand at the entry of a handler.
    if session.position.pc != target.pc, session.end == nil {
      let here = session.position
      _ = try session.step()
      if session.position != target { try session.seek(here.count, pc: here.pc) }
    }
  }

  /// The first pair of machines that differ, with the first of them all.
  private func differing(withStorage: Bool) -> (Int, Int)? {
    for index in sessions.indices.dropFirst() {
      let other = sessions[index]
      let masks = lead.counts && other.counts ? [] : DebugSession.masks
      let pairs = zip(lead.engine.state.registers, other.engine.state.registers)
      for (number, pair) in pairs.enumerated() {
        let mask = number < masks.count ? masks[number] : .max
        if (pair.0 ^ pair.1) & mask != 0 { return (0, index) }
      }
      if lead.end != other.end || lead.engine.platform.console != other.engine.platform.console {
        return (0, index)
      }
      if withStorage, lead.engine.platform.memory.digest != other.engine.platform.memory.digest {
        return (0, index)
      }
    }
    return nil
  }

  /// Repeats the step after `count` instructions, which differs, with records.
  private func locate(_ count: UInt64) throws(EngineRefusal) -> Difference {
    var logs: [[TraceRecord]] = []
    for session in sessions {
      try session.seek(count, pc: nil)
      let log = Collector(session)
      try session.run(to: count &+ 1)
      log.end()
      logs.append(log.records)
    }
    return explain(differing(withStorage: true) ?? (0, 1), logs)
  }

  private func explain(_ pair: (Int, Int), _ logs: [[TraceRecord]]) -> Difference {
    var difference = Difference(pair: pair, states: [])
    let (first, second) = (sessions[pair.0], sessions[pair.1])
    let names = first.engine.instructionSet.registers
    let values = zip(first.engine.state.registers, second.engine.state.registers).enumerated()
    difference.states = values.filter { $0.element.0 != $0.element.1 }.prefix(8).map {
      "\(names[$0.offset].name): \(hex($0.element.0)) and \(hex($0.element.1))"
    }
    if first.end != second.end {
      let texts = [first, second].map { $0.end.map { "\($0)" } ?? "goes on" }
      difference.states.append("\(texts[0]), and \(texts[1])")
    }
    guard logs.count == sessions.count else { return difference }
    let sources = [pair.0, pair.1].map { index in
      TraceLogSource(
        TraceLog(
          header: first.workload.header(for: sessions[index].engine, level: .instructions),
          records: logs[index]))
    }
    let kind = [first, second].map(\.engine.kind).first { $0 == .virtualizer } ?? .emulator
    let policy = EquivalenceCheck.policy(first.workload, on: kind)
    if let result = try? TraceComparator.compare(sources[0], sources[1], policy: policy),
      case .divergent(let divergence) = result.verdict
    {
      difference.divergence = (divergence, sources[0].header, sources[1].header)
    }
    return difference
  }

  /// What the guest saw in a run, a number for each event.
  private final class EventMarks {
    private struct Mark {
      var clock: UInt64
      var isRetire: Bool
      var sum: UInt64
    }
    private var marks: [Mark] = []
    private var isGuest = false
    private let session: DebugSession
    private let previous: ((TraceRecord) -> Void)?

    init(_ session: DebugSession) {
      self.session = session
      previous = session.tracer
      session.tracer = { [unowned self] record in
        add(record)
        previous?(record)
      }
    }

    func end() { session.tracer = previous }

    private func add(_ record: TraceRecord) {
      guard let kind = record.eventKind else { return }
      var sum: UInt64 = 0
      if kind.isEffect {
        guard isGuest, let last = marks.last else { return }
        sum = last.sum
      } else {
        isGuest = kind.isGuest
        guard isGuest else { return }
        marks.append(Mark(clock: record.clock, isRetire: kind == .retire, sum: 0))
      }
      for word in [
        UInt64(record.kind) << 40 | UInt64(record.flags) << 32 | UInt64(record.code), record.pc,
        record.address, record.value, record.aux, record.bytes.low, record.bytes.high,
      ] {
        sum = (sum ^ word) &* 0x9E37_79B9_7F4A_7C15
        sum ^= sum >> 29
      }
      marks[marks.count - 1].sum = sum
    }

    /// The count at which another run's events first differ from these; those behind the end, which was only
    /// come by on the way there, do not matter.
    func difference(_ other: EventMarks, before end: UInt64) -> UInt64? {
      func matters(_ mark: Mark) -> Bool { mark.clock < end || mark.clock == end && mark.isRetire }
      let (mine, others) = (marks.filter(matters), other.marks.filter(matters))
      // A trap that comes after a count belongs to the step behind it.
      func place(_ mark: Mark) -> UInt64 { mark.isRetire ? mark.clock : mark.clock &+ 1 }
      for (one, two) in zip(mine, others) where one.sum != two.sum || one.clock != two.clock {
        return min(place(one), place(two))
      }
      guard mine.count != others.count else { return nil }
      return place(mine.count > others.count ? mine[others.count] : others[mine.count])
    }
  }

  /// Keeps the records of a session's moves while it lives.
  private final class Collector {
    private(set) var records: [TraceRecord] = []
    private let session: DebugSession
    private let previous: ((TraceRecord) -> Void)?

    init(_ session: DebugSession) {
      self.session = session
      previous = session.tracer
      session.tracer = { [unowned self] record in
        records.append(record)
        previous?(record)
      }
    }

    func end() { session.tracer = previous }
  }
}

extension DebugSession {
  /// Runs on to a count, past all break- and watchpoints.
  func run(to count: UInt64) throws(EngineRefusal) {
    let (kept, watched, asked) = (breakpoints, watchpoints, isInterrupted)
    breakpoints = []
    watchpoints = []
    isInterrupted = { false }
    defer {
      isInterrupted = asked
      breakpoints = kept
      watchpoints = watched
    }
    guard end == nil, engine.platform.retired < count else { return }
    _ = try resume(DebugGoal(count: count))
  }
}
