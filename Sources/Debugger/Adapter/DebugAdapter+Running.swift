internal import MachineCore
internal import ToyISA
internal import Trace

/// What the machine is doing for the client.
struct Activity {
  /// The request behind it.
  enum Kind { case run, reverse, step, out, back }

  var kind: Kind
  /// A step over calls and traps.
  var isOver = false
  /// Steps go by source lines, else by instructions.
  var isByLine = false
  /// The source line at which the step began, and the address of the last of its instructions.
  var line: SourcePosition?
  var last: UInt64 = 0
  /// The machine stood at its end already.
  var isAfterEnd = false
  /// What a run that was interrupted, or did not have to stop, still is to reach.
  var goal: DebugGoal?
}

/// A line of a source file.
struct SourcePosition: Equatable {
  /// Number of the file in the program.
  var file: Int
  /// Line, from 1.
  var line: Int
}

extension DebugAdapter {
  /// The source line of the instruction at an address.
  func position(of address: UInt64) -> SourcePosition? {
    guard let line = session.sourceLine(of: address), let file = sources.number(named: line.file) else {
      return nil
    }
    return SourcePosition(file: file, line: line.line)
  }

  func startRun() throws -> JSON {
    try refuseAfterEnd()
    begin(Activity(kind: .run))
    return ["allThreadsContinued": true]
  }

  func startMotion(_ request: Request, _ arguments: JSON) throws {
    let isByLine = arguments["granularity"]?.string != "instruction"
    switch request {
    case .reverseContinue: begin(Activity(kind: .reverse))
    case .stepBack: begin(Activity(kind: .back, isByLine: isByLine))
    case .stepOut:
      try refuseAfterEnd()
      begin(Activity(kind: .out, goal: DebugGoal(events: points.events, depth: 0)))
    default:
      try refuseAfterEnd()
      begin(
        Activity(
          kind: .step, isOver: request == .next, isByLine: isByLine,
          line: isByLine ? position(of: session.codeAddress) : nil, last: session.codeAddress))
    }
  }

  private func begin(_ new: Activity) {
    activity = new
    activity?.isAfterEnd = session.end != nil
    lastEvent = nil
  }

  private func refuseAfterEnd() throws {
    if isTerminated { throw Failure("the program has ended: `restart` it") }
  }

  /// Goes on with what the machine is doing, until there is something else to do.
  func work() {
    guard let doing = activity else { return }
    do {
      switch doing.kind {
      case .run: try run(doing)
      case .reverse: try runBack()
      case .step, .out: try step(doing)
      case .back: try back(doing)
      }
    } catch {
      lastEvent = ("refusal", "\(error)")
      stopped("exception", "\(error)")
    }
  }

  private func run(_ doing: Activity) throws {
    // What came meanwhile may have changed the events that matter.
    var goal = doing.goal ?? DebugGoal()
    goal.events = points.events
    if !settleAll(try session.resume(goal)) { activity?.goal = session.goalLeft }
  }

  private func runBack() throws {
    _ = settle(try session.resumeBack(DebugGoal(events: points.events)), isBackward: true)
  }

  /// One part of a step; several make up a line or a call.
  private func step(_ doing: Activity) throws {
    if var goal = doing.goal {
      goal.events = points.events
      let stop = try session.resume(goal)
      if stop == .returned {
        activity?.goal = nil
        if doing.kind == .out { return stopped("step", nil) }
        // The handler of a trap came back to the instruction itself, which is still to be done.
        if session.codeAddress == doing.last { return }
      } else {
        if !settleAll(stop) { activity?.goal = session.goalLeft }
        return
      }
    } else if doing.isOver, session.isCallNext {
      activity?.goal = DebugGoal(events: points.events, depth: 1)
      return
    } else {
      let stop = try session.step(watching: DebugGoal(events: points.events))
      guard stop == .stepped || !settle(stop) else { return }
      // The handler of a trap, or of an interrupt that came behind the instruction, is next.
      if doing.isOver, session.engine.state.deliveries > 0 {
        if let found = session.stopHere(DebugGoal()), settle(found) { return }
        activity?.goal = DebugGoal(events: points.events, depth: 0)
        return
      }
    }
    if let found = session.stopHere(DebugGoal()), settle(found) { return }
    let here = session.codeAddress
    guard doing.isByLine, let line = doing.line, here == doing.last &+ 4, position(of: here) == line else {
      return stopped("step", nil)
    }
    activity?.last = here
  }

  /// To the beginning of the source line before, or one instruction back.
  private func back(_ doing: Activity) throws {
    activity = nil
    isTerminated = false
    var stop = try session.stepBack()
    guard stop == .stepped else {
      _ = settle(stop, isBackward: true)
      return
    }
    if doing.isByLine, let line = position(of: session.codeAddress) {
      while true {
        let here = session.codeAddress
        stop = try session.stepBack()
        guard stop == .stepped else { break }
        guard session.codeAddress &+ 4 == here, position(of: session.codeAddress) == line else {
          // That was too far.
          _ = try session.step()
          break
        }
      }
    }
    stopped("step", nil)
  }

  /// Settles a stop, and a breakpoint at its place, which a run that begins there would pass.
  private func settleAll(_ stop: DebugStop) -> Bool {
    if settle(stop) { return true }
    switch stop {
    case .event, .watchpoint: return session.stopHere(DebugGoal()).map { settle($0) } ?? false
    default: return false
    }
  }

  /// Decides whether the machine stays where it is, and tells the client then.
  func settle(_ stop: DebugStop, isBackward: Bool = false) -> Bool {
    switch stop {
    case .interrupted: return false
    case .breakpoint(let number): return settleBreakpoint(number, isBackward)
    case .watchpoint(let number, let old, let new): return settleWatchpoint(number, old, new, isBackward)
    case .event(let record):
      guard let filter = ExceptionFilter(record), let wish = points.exceptions[filter],
        wish.matches(record, session)
      else { return false }
      lastEvent = (filter.rawValue, DebugText.event(record, session))
      stopped("exception", lastEvent?.text)
    case .device:
      lastEvent = ("device", "access to a device, by the instruction before \(hex(session.codeAddress))")
      stopped("exception", lastEvent?.text)
    case .stepped, .count, .returned: stopped("step", nil)
    case .outOfTime: stopped("pause", "\(Int(session.hostSeconds)) s of host time are over")
    case .historyStart:
      stopped("entry", "the start: there is no earlier state")
    case .ended(let reason): ended(reason)
    }
    return true
  }

  private func ended(_ reason: StopReason) {
    let isOff: Bool
    if case .powerOff = reason { isOff = true } else { isOff = false }
    if isOff, points.exceptions[.end] == nil || activity?.isAfterEnd == true {
      activity = nil
      flushConsole()
      tell("\(reason)\n")
      event("exited", ["exitCode": .integer(Int(truncatingIfNeeded: reason.status))])
      return terminated()
    }
    // A machine that cannot go on stands, so that it can be looked at and taken back.
    lastEvent = ("end", "\(reason)")
    stopped("exception", "\(reason)")
  }

  // MARK: goto

  func gotoTargets(_ arguments: JSON) throws -> JSON {
    guard let file = sources.number(arguments["source"]), let line = arguments["line"]?.int else {
      throw Failure("that file is no source of the program")
    }
    let wanted = line + 1 - sources.firstLine
    guard let image = sources.image, let found = sources.lines(file).first(where: { $0.line == wanted })
    else {
      return ["targets": []]
    }
    let targets = found.starts.map { start -> JSON in
      let address = session.address(of: start, in: image)
      return [
        "id": .integer(Int(address)), "label": .string("line \(wanted), \(hex(address))"),
        "line": .integer(line),
        "instructionPointerReference": .string(hex(address)),
      ]
    }
    return ["targets": .array(targets)]
  }

  func goTo(_ arguments: JSON) throws -> JSON? {
    guard let target = arguments["targetId"]?.int, let address = UInt32(exactly: target), address % 4 == 0
    else {
      throw Failure("targetId must be one that `gotoTargets` gave")
    }
    session.setRegister(Int(session.engine.instructionSet.system.programCounter), UInt64(address))
    isTerminated = false
    return nil
  }
}
