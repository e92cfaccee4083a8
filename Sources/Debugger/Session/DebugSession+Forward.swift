public import MachineCore
internal import Trace

extension DebugSession {
  /// Makes one step: an instruction retires, or a trap leads to its handler's entry.
  ///
  /// - Throws: ``EngineRefusal`` when the engine cannot step here.
  public func step() throws(EngineRefusal) -> DebugStop {
    if let end { return .ended(end) }
    let scanner = tracer.map { DebugScanner(self, goal: DebugGoal(), tracer: $0) }
    let stop = try rawStep(into: scanner?.recorder)
    scanner?.recorder.flush()
    passConsole()
    return stop.map { .ended($0) } ?? .stepped
  }

  /// Makes one step, and looks at watchpoints and for the events of a goal; breakpoints do not matter.
  ///
  /// - Throws: ``EngineRefusal`` when the engine cannot step here.
  public func step(watching goal: DebugGoal) throws(EngineRefusal) -> DebugStop {
    guard counts, end == nil, DebugScanner.isNeeded(self, goal) || goal.events.contains(.device) else {
      return try step()
    }
    if goal.events.contains(.device) { engine.platform.accessesLeft = 1 }
    defer { engine.platform.accessesLeft = nil }
    let scanner = DebugScanner.isNeeded(self, goal) ? DebugScanner(self, goal: goal, tracer: tracer) : nil
    var contents = watchedContents()
    let stop = try rawStep(into: scanner?.recorder)
    let isAccess = engine.platform.accessesLeft == 0
    scanner?.recorder.flush()
    passConsole()
    for finding in scanner?.findings ?? [] {
      if let found = try judge(finding, &contents) { return found }
    }
    if let stop { return .ended(stop) }
    return isAccess ? .device : .stepped
  }

  /// One step; why the machine cannot go on, or `nil`.
  func rawStep(into recorder: TraceRecorder? = nil) throws(EngineRefusal) -> StopReason? {
    guard counts else { return try hardwareStep(into: recorder) }
    let handlers = view.handlers(engine.state, PhysicalMemory(platform: engine.platform))
    let stop = try engine.run(RunLimits(instructions: 1, until: handlers), into: recorder)
    return note(stop)
  }

  /// Keeps why the machine cannot go on, and a checkpoint where one is due.
  func note(_ stop: StopReason) -> StopReason? {
    switch stop {
    case .limit:
      // Only here is this the first state with its count.
      if counts, let last = history.checkpoints.last?.position.count,
        engine.platform.retired >= history.next(after: last)
      {
        history.keep(engine, at: position, accesses: accesses)
      }
      return nil
    case .breakpoint, .hostTimeLimit: return nil
    default:
      end = stop
      return stop
    }
  }

  /// Program counters at which a run must be looked at.
  func stopAddresses(_ goal: DebugGoal) -> Set<UInt64> {
    let state = engine.state
    let places = Set(breakpoints.map(\.address)).union(goal.places)
    return Set(places.flatMap { view.programCounters(for: $0, state) })
  }

  /// The stop that the present place asks for.
  func stopHere(_ goal: DebugGoal) -> DebugStop? {
    let here = codeAddress
    var found: DebugStop?
    for index in breakpoints.indices where breakpoints[index].address == here {
      if let condition = breakpoints[index].condition {
        // What has no value is told by a stop.
        guard (try? condition.value(self)) != 0 else { continue }
      }
      breakpoints[index].hits += 1
      if found == nil { found = .breakpoint(breakpoints[index].number) }
    }
    if let found {
      breakpoints.removeAll { $0.isTemporary && $0.address == here }
      return found
    }
    return goal.places.contains(here) ? .breakpoint(nil) : nil
  }

  /// Runs on to a break- or watchpoint, or to the goal.
  ///
  /// - Throws: ``EngineRefusal`` when the engine cannot run on in this way.
  public func resume(_ goal: DebugGoal = DebugGoal()) throws(EngineRefusal) -> DebugStop {
    goalLeft = goal
    if let end { return .ended(end) }
    defer { passConsole() }
    guard counts else { return try resumeHardware(goal) }
    if let count = goal.count, count <= engine.platform.retired { return .count }
    let addresses = stopAddresses(goal)
    let scanner = DebugScanner.isNeeded(self, goal) ? DebugScanner(self, goal: goal, tracer: tracer) : nil
    var contents = watchedContents()
    defer { engine.platform.accessesLeft = nil }
    while true {
      if let scanner {
        goalLeft = goal.left(isInCall: scanner.isInCall, level: scanner.level, scanner.comeback)
      }
      if isInterrupted() { return .interrupted }
      let now = engine.platform.retired
      var length = history.next(after: now) - now
      if scanner?.recorder.level == .instructions { length = min(length, 16_384) }
      if let count = goal.count { length = min(length, count - now) }
      if goal.events.contains(.device) { engine.platform.accessesLeft = 1 }
      var stop = try engine.run(RunLimits(instructions: length, until: addresses), into: scanner?.recorder)
      let isAccess = engine.platform.accessesLeft == 0
      scanner?.recorder.flush()
      if scanner?.findings.isEmpty ?? true { passConsole() }
      if let scanner {
        let reached = position
        for finding in scanner.findings {
          if let found = try judge(finding, &contents) {
            goalLeft = goal.left(isInCall: finding.isInCall, level: finding.level, finding.comeback)
            return found
          }
        }
        scanner.clear()
        if position != reached {
          // The findings were none, and the machine is at the last of them.
          if stop == .limit || stop == .breakpoint(pc: reached.pc) {
            try seek(reached.count, pc: reached.pc)
          } else {
            stop = try engine.run(RunLimits(instructions: length), into: nil)
          }
        }
      }
      if let scanner {
        goalLeft = goal.left(isInCall: scanner.isInCall, level: scanner.level, scanner.comeback)
      }
      if let reason = note(stop) { return .ended(reason) }
      if isAccess { return .device }
      if let found = stopHere(goal) { return found }
      if let count = goal.count, engine.platform.retired >= count { return .count }
    }
  }

  /// The watched memory's contents, by the watchpoints' numbers.
  func watchedContents() -> [Int: UInt64] {
    watchpoints.isEmpty ? [:] : watchedContents(in: engine.state)
  }

  /// The same with addresses translated as a state has it.
  func watchedContents(in state: ProcessorState) -> [Int: UInt64] {
    var contents: [Int: UInt64] = [:]
    for watchpoint in watchpoints {
      if case .memory(let address, let length) = watchpoint.subject {
        contents[watchpoint.number] = number(at: address, bytes: min(length, 8), in: state) ?? 0
      }
    }
    return contents
  }

  /// Goes to a finding that may have been run past; `nil` if it turns out to be none.
  private func judge(
    _ finding: DebugScanner.Finding, _ contents: inout [Int: UInt64]
  ) throws(EngineRefusal) -> DebugStop? {
    let isHere =
      engine.platform.retired == finding.count && end == nil
      && (finding.handler == nil || finding.handler == pc)
    if !isHere { try seek(finding.count, pc: finding.handler) }
    if let event = finding.event { return .event(event) }
    if finding.isReturn { return .returned }
    guard let number = finding.watchpoint,
      let index = watchpoints.firstIndex(where: { $0.number == number })
    else { return nil }
    if finding.isCertain {
      watchpoints[index].hits += 1
      return .watchpoint(number, old: finding.old, new: finding.new)
    }
    let new = watchedContents()[number] ?? 0
    let old = contents[number] ?? 0
    guard new != old else { return nil }
    contents[number] = new
    watchpoints[index].hits += 1
    return .watchpoint(number, old: old, new: new)
  }
}
