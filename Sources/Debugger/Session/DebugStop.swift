public import MachineCore
public import Trace

/// A place where a run is to stop, before the instruction there.
public struct Breakpoint: Sendable {
  /// Number, from 1, shared with watchpoints.
  public var number: Int
  /// Address of the instruction: linear on x86, virtual on the toy machine.
  public var address: UInt64
  /// What must hold for the run to stop; always, if `nil`.
  public var condition: DebugExpression?
  /// It goes with its first stop.
  public var isTemporary = false
  /// Stops so far.
  public var hits = 0
}

/// Something whose use stops a run, after the instruction that uses it.
public struct Watchpoint: Sendable {
  /// What is watched.
  public enum Subject: Sendable, Equatable {
    /// Memory from an address on (linear on x86, virtual on the toy machine), so many bytes.
    case memory(UInt64, length: Int)
    /// A register, by its number in the instruction set.
    case register(Int)
  }
  /// Which use of memory counts.
  public enum Use: String, Sendable {
    /// A store that changes the contents.
    case change
    /// A load.
    case read
    /// A load or a store.
    case access
  }

  /// Number, from 1, shared with breakpoints.
  public var number: Int
  /// What is watched.
  public var subject: Subject
  /// Which use counts; registers are watched for changes only.
  public var use: Use
  /// Stops so far.
  public var hits = 0
}

/// Why a debugged machine stands still.
public enum DebugStop: Sendable, Equatable {
  /// The steps that were asked for are done.
  case stepped
  /// Before the instruction of a breakpoint; `nil` for the command's own address.
  case breakpoint(Int?)
  /// After an instruction that used what watchpoint `number` watches; before it, when going back.
  case watchpoint(Int, old: UInt64, new: UInt64)
  /// At an event: a trap or interrupt, whose handler comes next; an access to a device; an exit to the VMM.
  case event(TraceRecord)
  /// After the guest's access to a device.
  case device
  /// The count of instructions that was asked for is reached.
  case count
  /// The procedure has returned.
  case returned
  /// Somebody interrupted the run.
  case interrupted
  /// The run took as long as ``DebugSession/hostSeconds``; it can go on.
  case outOfTime
  /// There is no earlier state.
  case historyStart
  /// The guest, or its engine, cannot go on.
  case ended(StopReason)
}

/// What, beside break- and watchpoints, ends a run that is resumed.
public struct DebugGoal: Sendable {
  /// Events that can be waited for.
  public enum Event: String, Sendable, CaseIterable {
    case trap, interrupt, device, exit
  }

  /// Addresses (linear on x86) before which the run stops.
  public var places: Set<UInt64> = []
  /// Instructions retired since the machine was switched on.
  public var count: UInt64?
  /// The next event of one of these kinds.
  public var events: Set<Event> = []
  /// The end of the procedure (`0`), or of the call that comes next (`1`).
  public var depth: Int?
  /// Calls that have been entered since the goal was given, in a run that goes on after an interruption.
  var level = 0
  /// Where the call that is passed over comes back to, whatever register brings it there.
  var comeback: Comeback?

  /// A place, with the stack pointer that it must have.
  struct Comeback: Equatable {
    var address: UInt64
    var stackPointer: UInt64
  }

  /// Break- and watchpoints only, unless told.
  public init(
    places: Set<UInt64> = [], count: UInt64? = nil, event: Event? = nil, events: Set<Event> = [],
    depth: Int? = nil
  ) {
    self.places = places
    self.count = count
    self.events = event.map { events.union([$0]) } ?? events
    self.depth = depth
  }
}

extension DebugGoal {
  /// The goal after a part of the run, which ended at this depth of calls.
  func left(isInCall: Bool, level: Int, _ comeback: Comeback?) -> DebugGoal {
    guard depth != nil else { return self }
    var rest = self
    rest.depth = isInCall ? 0 : 1
    rest.level = level
    rest.comeback = comeback
    return rest
  }
}

/// A place in a run: after so many retired instructions, before the instruction at an address.
///
/// The address tells apart the state before a trap from the entry of its handler, which have the same count.
public struct DebugPosition: Sendable, Equatable {
  /// Instructions retired.
  public var count: UInt64
  /// The program counter.
  public var pc: UInt64

  /// A place.
  public init(count: UInt64, pc: UInt64) {
    self.count = count
    self.pc = pc
  }
}
