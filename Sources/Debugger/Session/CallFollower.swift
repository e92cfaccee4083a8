internal import MachineCore
internal import ToyISA
internal import Trace

/// A call, or a delivery of a trap, that has not come back.
struct FollowedCall {
  enum Kind: Equatable {
    case call
    /// A trap or interrupt, with the name of its cause.
    case trap(String)
  }

  var kind: Kind
  /// Address of the call; of a trap where it will come back to.
  var site: UInt64
  /// Where it led.
  var entry: UInt64
  /// The registers at the call, before the trap.
  var registers: [UInt64]
}

/// Knows which calls of a toy program have not come back, by having followed the run.
///
/// Runs are not followed while they go on, which would make them slow. When somebody asks, the last part of the run is
/// carried out again with records, from the last place at which the calls were known.
struct CallFollower {
  /// Calls at one place of a run.
  struct Known {
    var position: DebugPosition
    var calls: [FollowedCall] = []
    /// There are no calls beside these.
    var isComplete: Bool
    /// Calls of programs that a trap took the processor from.
    var suspended: [Context: [FollowedCall]] = [:]
  }

  /// Where a program goes on after a trap.
  struct Context: Hashable {
    var pc: UInt64
    var base: UInt64
    var mode: UInt64
  }

  /// The most instructions that are carried out again.
  static let farthest: UInt64 = 500_000
  /// Distances before a place at which the calls are kept as well, so that going back from there is short.
  private static let legs: [UInt64] = [65_536, 4096, 256]
  /// The most calls that are kept.
  static let deepest = 1000

  private var known: [Known] = []
  private var edits = 0

  /// The calls at the session's present place, the last one first; whether these are all.
  mutating func calls(_ session: DebugSession) -> (calls: [FollowedCall], isComplete: Bool) {
    let here = session.position
    if edits != session.edits {
      // A changed machine goes on from where it was.
      edits = session.edits
      known = known.filter { $0.position.count == here.count }.suffix(1).map {
        var one = $0
        one.position = here
        return one
      }
    }
    if let found = known.last(where: { $0.position == here }) {
      return (found.calls.reversed(), found.isComplete)
    }
    guard session.counts, let marks = try? follow(session), let found = marks.last else { return ([], false) }
    known.removeAll { old in marks.contains { $0.position == old.position } }
    known += marks
    // Those nearby are wanted next, before and behind.
    func distance(_ one: Known) -> UInt64 {
      max(one.position.count, here.count) - min(one.position.count, here.count)
    }
    if known.count > 96 { known = Array(known.sorted { distance($0) < distance($1) }.prefix(64)) }
    known.sort { $0.position.count < $1.position.count }
    return (found.calls.reversed(), found.isComplete)
  }

  /// Carries the last part of the run out again; the machine is where it was then.
  ///
  /// - Returns: the calls at some places on the way, and last those at the present one.
  private func follow(_ session: DebugSession) throws -> [Known] {
    let (here, end) = (session.position, session.end)
    guard let first = session.history.start else { throw EngineRefusal("there is no history") }
    let least = max(first.count, here.count - min(here.count, Self.farthest))
    var start = known.last { $0.position.count < here.count && $0.position.count >= least }
    if start == nil, here.count > 0 || here == first {
      // Where a machine is switched on nothing has been called.
      start = Known(
        position: first, isComplete: first.count == 0 && session.edits == 0)
      if first.count < least {
        start = Known(position: DebugPosition(count: least, pc: 0), isComplete: false)
      }
    }
    guard let start else { throw EngineRefusal("there is nothing to begin with") }
    let (tracer, isInterrupted) = (session.tracer, session.isInterrupted)
    session.isInterrupted = { false }
    defer {
      session.tracer = tracer
      session.isInterrupted = isInterrupted
    }
    if here != start.position || end != nil {
      try session.seek(start.position.count, pc: start.position.pc == 0 ? nil : start.position.pc)
    }
    let walker = CallWalker(session, start)
    session.tracer = { walker.take($0) }
    var marks: [Known] = []
    for leg in Self.legs where here.count > leg && session.position.count < here.count - leg {
      try session.run(to: here.count - leg)
      marks.append(walker.mark(session.position))
    }
    try session.run(to: here.count)
    // The machine may stand at the entry of a handler, or at an end that is no instruction's.
    for _ in 0..<64 where session.position != here || session.end != end { _ = try session.step() }
    session.tracer = nil
    if session.position != here || session.end != end {
      try session.seek(here.count, pc: here.pc)
      throw EngineRefusal("the run took another way than before")
    }
    return marks + [walker.mark(here)]
  }
}

/// Follows records.
private final class CallWalker {
  private var known: CallFollower.Known
  private var registers: [UInt64]
  private var flows = FlowCache()
  private var isReturning = false
  private let view: any ProcessorView
  private let causes: [String]

  init(_ session: DebugSession, _ start: CallFollower.Known) {
    known = start
    registers = session.engine.state.registers
    view = session.view
    causes = session.engine.instructionSet.causes
  }

  private var here: CallFollower.Context {
    CallFollower.Context(
      pc: registers[Int(ToyRegister.pc)], base: registers[Int(ToyRegister.base)],
      mode: registers[Int(ToyRegister.mode)])
  }

  func take(_ record: TraceRecord) {
    switch record.eventKind {
    case .retire:
      comeBack()
      registers[Int(ToyRegister.pc)] = record.pc
      switch flows.flow(record.bytes, view, context: 0) {
      case .call:
        push(FollowedCall(kind: .call, site: record.pc, entry: record.address, registers: registers))
      case .giveBack: giveBack(record)
      case .other: break
      }
      registers[Int(ToyRegister.pc)] = record.address
    case .trap, .interrupt:
      comeBack()
      registers[Int(ToyRegister.pc)] = record.pc
      let name = causes.indices.contains(Int(record.code)) ? causes[Int(record.code)] : "\(record.code)"
      if known.suspended.count >= 256 { known.suspended.removeAll() }
      known.suspended[here] = known.calls
      push(FollowedCall(kind: .trap(name), site: record.pc, entry: record.aux, registers: registers))
      registers[Int(ToyRegister.pc)] = record.aux
    case .registerWrite where registers.indices.contains(Int(record.code)):
      registers[Int(record.code)] = record.value
    default: break
    }
  }

  private func push(_ call: FollowedCall) {
    if known.calls.count >= CallFollower.deepest {
      known.calls.removeFirst(CallFollower.deepest / 2)
      known.isComplete = false
    }
    known.calls.append(call)
  }

  private func giveBack(_ record: TraceRecord) {
    guard isLoadPSW(record.bytes) else {
      let floor = known.calls.lastIndex { $0.kind != .call }.map { $0 + 1 } ?? 0
      let index = known.calls[floor...].lastIndex { ($0.site &+ 4) & 0xFFFF_FFFF == record.address }
      // A return that belongs to no call leaves all that are known.
      known.calls.removeSubrange((index ?? floor)...)
      return
    }
    isReturning = true
  }

  private func isLoadPSW(_ bytes: InstructionBytes) -> Bool {
    view.disassemble(bytes.array, at: 0, context: 0).text.hasPrefix("lpsw")
  }

  /// After a return from a trap, whose effects are complete now.
  private func comeBack() {
    guard isReturning else { return }
    isReturning = false
    let place = here
    var before = place
    before.pc &-= 4
    // After a supervisor call a program goes on behind it.
    for key in [place, before] {
      if let calls = known.suspended.removeValue(forKey: key) {
        known.calls = calls
        return
      }
    }
    // The handler may have moved the place to come back to.
    if let index = known.calls.lastIndex(where: { $0.kind != .call }),
      known.calls[index].registers[Int(ToyRegister.base)] == place.base,
      known.calls[index].registers[Int(ToyRegister.mode)] == place.mode
    {
      known.calls.removeSubrange(index...)
      return
    }
    // A program that has not run before.
    known.calls = []
  }

  /// The calls at a place that the records have come to.
  func mark(_ position: DebugPosition) -> CallFollower.Known {
    comeBack()
    known.position = position
    return known
  }
}

/// What instructions do to the depth of calls, remembered by their bytes.
struct FlowCache {
  private var slots = [(bytes: InstructionBytes, flow: CallFlow)?](repeating: nil, count: 1024)

  mutating func flow(_ bytes: InstructionBytes, _ view: any ProcessorView, context: UInt64) -> CallFlow {
    let index = Int(truncatingIfNeeded: ((bytes.low ^ bytes.high) &* 0x9E37_79B9_7F4A_7C15) >> 54)
    if let slot = slots[index], slot.bytes == bytes { return slot.flow }
    let found = view.flow(bytes, context: context)
    slots[index] = (bytes, found)
    return found
  }
}
