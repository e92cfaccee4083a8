internal import MachineCore
internal import Properties
internal import Trace

extension Stepper {
  func step(_ count: UInt64) throws {
    for index in 0..<count {
      guard report(try lockstep.step(), isQuiet: true) == .stepped, !isStopped(at: index) else { return }
    }
    showPlace()
  }

  func stepBack(_ count: UInt64) throws {
    for index in 0..<count {
      let outcome = try lockstep.back { (session) throws(EngineRefusal) in try session.stepBack() }
      guard report(outcome, isQuiet: true) == .stepped, !isStopped(at: index) else { return }
    }
    showPlace()
  }

  /// Whether somebody has interrupted a row of steps; looked at now and then.
  private func isStopped(at index: UInt64) -> Bool {
    guard index % 256 == 255, session.isInterrupted() else { return false }
    _ = report(.stopped(.interrupted), isQuiet: true)
    return true
  }

  func next(_ count: UInt64) throws {
    for index in 0..<count {
      let outcome =
        session.isCallNext ? try lockstep.resume(DebugGoal(depth: 1)) : try lockstep.step()
      let stop = report(outcome, isQuiet: true)
      guard stop == .stepped || stop == .returned, !isStopped(at: index) else { return }
    }
    showPlace()
  }

  func go(_ goal: DebugGoal) throws {
    if report(try lockstep.resume(goal), isQuiet: false) != nil { showPlace() }
  }

  func goBack(_ goal: DebugGoal) throws {
    let outcome = try lockstep.back { (session) throws(EngineRefusal) in try session.resumeBack(goal) }
    if report(outcome, isQuiet: false) != nil { showPlace() }
  }

  func goTo(_ count: UInt64) throws {
    guard session.counts || session.isCountExact else {
      throw Failure("\(session.engine.flavour) ran without counting instructions")
    }
    if count < session.position.count { return try goBack(DebugGoal(count: count)) }
    try go(DebugGoal(count: count))
  }

  func goToEvent(_ text: String) throws {
    let words = text.split(separator: " ").map(String.init)
    guard let first = words.first, let event = DebugGoal.Event(rawValue: first), words.count <= 2 else {
      throw Failure("event takes trap, interrupt, device or exit, and how many of them")
    }
    if event == .exit, session.engine.exitNames.isEmpty {
      throw Failure("the \(session.engine.kind.rawValue) has no exits")
    }
    let count = words.count == 2 ? try value(words[1]) : 1
    guard (1...1_000_000).contains(count) else { throw Failure("a count is from 1 to 1000000") }
    for index in 1...count {
      let outcome = try lockstep.resume(DebugGoal(event: event))
      guard let stop = report(outcome, isQuiet: index < count) else { return }
      switch stop {
      case .event, .device: continue
      default: return index == count ? showPlace() : ()
      }
    }
    showPlace()
  }

  // MARK: Points

  func addBreakpoint(_ text: String, isTemporary: Bool) throws {
    let parts = Self.split(text, at: " if ")
    let address = try place(parts.first)
    let condition = try parts.second.map { try DebugExpression($0) }
    // A name that is none is told now, not at the first stop.
    if let condition { try condition.checkNames(session) }
    let number = session.addBreakpoint(address, condition: condition, isTemporary: isTemporary)
    let name = session.location(of: address).name.map { " (\($0))" } ?? ""
    line("breakpoint \(number) at \(hex(address))\(name)" + (condition.map { " if \($0.text)" } ?? ""))
  }

  private static func split(_ text: String, at word: String) -> (first: String, second: String?) {
    guard let range = text.firstRange(of: word) else { return (text.trimmed, nil) }
    return (text[..<range.lowerBound].trimmed, text[range.upperBound...].trimmed)
  }

  func addWatchpoint(_ text: String, _ verb: String) throws {
    let use: Watchpoint.Use = verb == "rwatch" ? .read : verb == "awatch" ? .access : .change
    let plain = text.hasPrefix("$") ? String(text.dropFirst()) : text
    if let number = session.registerNumber(named: plain) {
      guard use == .change else { throw Failure("registers are watched for changes: watch \(text)") }
      guard number != Int(session.engine.instructionSet.system.programCounter) else {
        throw Failure("the program counter changes with every instruction: set a breakpoint")
      }
      let watchpoint = try session.addWatchpoint(.register(number))
      return line("watchpoint \(watchpoint): register \(plain)")
    }
    let parts = text.split(separator: ",", maxSplits: 1).map(\.trimmed)
    let address = try place(parts.first ?? "")
    let length = parts.count > 1 ? try value(parts[1]) : UInt64(session.view.addressBytes)
    guard (1...8).contains(length) else { throw Failure("1 to 8 bytes can be watched, not \(length)") }
    let watchpoint = try session.addWatchpoint(.memory(address, length: Int(length)), use)
    line("watchpoint \(watchpoint): \(use.rawValue) of \(length) bytes at \(hex(address))")
  }

  func delete(_ text: String) throws {
    if text.isEmpty {
      for number in session.breakpoints.map(\.number) + session.watchpoints.map(\.number) {
        session.remove(number)
      }
      return
    }
    let number = try value(text)
    guard session.remove(Int(clamping: number)) else { throw Failure("there is no point \(number)") }
  }

  func set(_ text: String) throws {
    let parts = Self.split(text, at: "=")
    guard let source = parts.second else { throw Failure("set takes REGISTER = EXPR, or word(ADDR) = EXPR") }
    let new = try value(source)
    let target = parts.first.hasPrefix("$") ? String(parts.first.dropFirst()) : parts.first
    let sizes = ["byte": 1, "half": 2, "word": 4, "quad": 8]
    if let size = sizes.first(where: { target.hasPrefix($0.key + "(") }), target.hasSuffix(")") {
      let address = try value(String(target.dropFirst(size.key.count)))
      let bytes = (0..<size.value).map { UInt8(truncatingIfNeeded: new >> UInt64($0 * 8)) }
      for session in lockstep.sessions {
        guard session.write(bytes, at: address) else {
          throw Failure("there is no storage at \(hex(address))")
        }
      }
      return
    }
    guard let number = session.registerNumber(named: target),
      session.engine.instructionSet.registers[number].name == target || target == "pc" || target == "sp"
        || session.workload.isa == "toy"
    else { throw Failure("`\(parts.first)` is no whole register; name it as `info all` does") }
    for session in lockstep.sessions { session.setRegister(number, new) }
  }

  // MARK: Telling

  /// Shows why the machines stand; `nil` after a difference.
  private func report(_ outcome: Lockstep.Outcome, isQuiet: Bool) -> DebugStop? {
    switch outcome {
    case .different(let difference):
      show(difference)
      return nil
    case .stopped(let stop):
      switch stop {
      case .stepped, .returned, .count: break
      case .event, .device, .breakpoint, .watchpoint:
        if !isQuiet || !isEvent(stop) { line(stopText(stop), .good) }
      case .interrupted, .outOfTime, .historyStart, .ended:
        line(stopText(stop), .bad)
        if isQuiet { showPlace() }
      }
      if isQuiet, case .breakpoint = stop { showPlace() }
      if isQuiet, case .watchpoint = stop { showPlace() }
      return stop
    }
  }

  private func isEvent(_ stop: DebugStop) -> Bool {
    switch stop {
    case .event, .device: true
    default: false
    }
  }

  private func stopText(_ stop: DebugStop) -> String {
    switch stop {
    case .stepped: return "stepped"
    case .breakpoint(let number?): return "breakpoint \(number)"
    case .breakpoint(nil): return "reached"
    case .watchpoint(let number, let old, let new):
      guard let point = session.watchpoints.first(where: { $0.number == number }) else {
        return "watchpoint \(number)"
      }
      return "watchpoint \(number): \(subject(point)) "
        + (point.use == .change ? "\(hex(old)) -> \(hex(new))" : "\(point.use.rawValue), \(hex(new))")
    case .event(let record): return DebugText.event(record, session)
    case .device: return "access to a device"
    case .count: return "count reached"
    case .returned: return "returned"
    case .interrupted: return "interrupted"
    case .outOfTime: return "stopped after \(Int(session.hostSeconds)) s of host time; `continue` goes on"
    case .historyStart: return "this is the start: there is no earlier state"
    case .ended(let reason): return "ended: \(reason)"
    }
  }

  func subject(_ point: Watchpoint) -> String {
    switch point.subject {
    case .memory(let address, let length): "\(length) bytes at \(hex(address))"
    case .register(let number): session.engine.instructionSet.registers[number].name
    }
  }
}
