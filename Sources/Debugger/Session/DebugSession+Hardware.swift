internal import MachineCore
internal import Properties
internal import Trace
internal import X86Backend

/// KVM under a debugger: free runs to the processor's own breakpoints, single steps, and a replica on the emulator
/// for what the hardware cannot do.
extension DebugSession {
  /// Addresses at which the processor's debug registers stop a free run.
  private static let hardwareBreakpoints = 4
  /// Seconds of a free run after which interruptions are looked for.
  private static let slice = 0.2

  /// One step of the hardware; where it cannot step, a step of the replica whose state it then takes.
  func hardwareStep(into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason? {
    let handlers = view.handlers(engine.state, PhysicalMemory(platform: engine.platform))
    let recorder = recorder ?? TraceRecorder(level: .instructions) { _ in }
    do throws(EngineRefusal) {
      return note(try engine.run(RunLimits(instructions: 1, until: handlers, hostSeconds: 5), into: recorder))
    } catch {
      let replica: Replica
      do throws(EngineRefusal) { replica = try locate() } catch let lack {
        throw EngineRefusal("\(error.reason); nor can the emulator step in its place: \(lack.reason)")
      }
      let reason = try replica.session.rawStep(into: recorder)
      try adopt(replica)
      if let reason { end = reason }
      return reason
    }
  }

  func resumeHardware(_ goal: DebugGoal) throws(EngineRefusal) -> DebugStop {
    let places = Set(breakpoints.map(\.address)).union(goal.places)
    if DebugScanner.isNeeded(self, goal) || goal.count != nil || places.count > Self.hardwareBreakpoints {
      return try resumeStepping(goal)
    }
    defer { engine.platform.accessesLeft = nil }
    if goal.events.contains(.device) { engine.platform.accessesLeft = 1 }
    if places.contains(codeAddress) {
      if let reason = try rawStep() { return .ended(reason) }
      if engine.platform.accessesLeft == 0 { return .device }
      if let found = stopHere(goal) { return found }
    }
    var left = hostSeconds
    while true {
      if isInterrupted() { return .interrupted }
      isCountExact = false
      let stop = try engine.run(RunLimits(until: places, hostSeconds: Self.slice), into: nil)
      passConsole()
      if let reason = note(stop) { return .ended(reason) }
      if engine.platform.accessesLeft == 0 { return .device }
      if let found = stopHere(goal) { return found }
      if stop == .hostTimeLimit {
        left -= Self.slice
        if left <= 0 { return .interrupted }
      }
      // The condition of a breakpoint does not hold: past it by a step.
      if places.contains(codeAddress) {
        if let reason = try rawStep() { return .ended(reason) }
        if let found = stopHere(goal) { return found }
      }
    }
  }

  /// Runs by single steps, for what the processor's debug registers do not watch.
  private func resumeStepping(_ goal: DebugGoal) throws(EngineRefusal) -> DebugStop {
    if goal.count != nil, !isCountExact {
      throw EngineRefusal(
        "\(engine.flavour) ran without counting instructions", remedy: "run to a count from the start")
    }
    if let count = goal.count, count <= engine.platform.retired { return .count }
    let scanner = DebugScanner(self, goal: goal, tracer: tracer)
    var contents = watchedContents()
    defer { engine.platform.accessesLeft = nil }
    while true {
      if isInterrupted() { return .interrupted }
      if goal.events.contains(.device) { engine.platform.accessesLeft = 1 }
      let reason = try rawStep(into: scanner.recorder)
      scanner.recorder.flush()
      passConsole()
      let now = watchedContents()
      for index in watchpoints.indices {
        let number = watchpoints[index].number
        if let old = contents[number], let new = now[number], old != new {
          watchpoints[index].hits += 1
          return .watchpoint(number, old: old, new: new)
        }
      }
      contents = now
      for finding in scanner.findings where finding.isCertain {
        if let event = finding.event { return .event(event) }
        if finding.isReturn { return .returned }
        if let number = finding.watchpoint { return .watchpoint(number, old: finding.old, new: finding.new) }
      }
      scanner.clear()
      if let reason { return .ended(reason) }
      if engine.platform.accessesLeft == 0 { return .device }
      if let found = stopHere(goal) { return found }
      if let count = goal.count, engine.platform.retired >= count { return .count }
    }
  }

  // MARK: The replica

  /// Carries out a move on the emulator and takes its state.
  func onReplica(
    _ move: (DebugSession) throws(EngineRefusal) -> DebugStop
  ) throws(EngineRefusal) -> DebugStop {
    let replica = try locate()
    let session = replica.session
    session.breakpoints = breakpoints
    session.watchpoints = watchpoints
    session.isInterrupted = isInterrupted
    let stop = try move(session)
    breakpoints = session.breakpoints
    watchpoints = session.watchpoints
    try adopt(replica)
    return stop
  }

  /// An emulator that is at the same place of the same run.
  ///
  /// - Throws: ``EngineRefusal`` when there is none: the reason that nothing can be taken back.
  func locate() throws(EngineRefusal) -> Replica {
    guard usesReplica else {
      throw EngineRefusal("the emulator, with which this machine is compared, must not act for it")
    }
    guard !isEdited else {
      throw EngineRefusal(
        "the machine was changed by hand, so that the emulator cannot be brought to its state")
    }
    let found: Replica
    if let replica, isCountExact, replica.session.position == position, replica.session.end == nil {
      found = replica
    } else if let replica, isCountExact, let start = replica.session.history.start,
      engine.platform.retired >= start.count
    {
      try replica.session.seek(engine.platform.retired, pc: pc)
      found = replica
    } else {
      found = try Replica(workload)
      let target =
        isCountExact
        ? Replica.Target.count(engine.platform.retired) : .accesses(accessBase &+ engine.platform.accesses)
      try found.follow(to: target, state: engine.state, masks: Self.masks, isInterrupted)
    }
    if let difference = found.difference(engine, masks: Self.masks) {
      throw EngineRefusal(
        "the emulator is not in the same state after the same run (\(difference)), so that it cannot replay it"
      )
    }
    replica = found
    return found
  }

  /// Makes a fresh engine that is where the replica is.
  private func adopt(_ replica: Replica) throws(EngineRefusal) {
    do {
      let next = try workload.makeEngine(engine.kind)
      try workload.snapshot(of: replica.session.engine).install(into: next)
      engine = next
    } catch let refusal as EngineRefusal {
      throw refusal
    } catch {
      throw EngineRefusal("the state cannot be put into \(engine.flavour): \(error)")
    }
    end = replica.session.end
    isCountExact = true
    hasReplayed = true
    accessBase = replica.session.engine.platform.accesses
  }

  /// Bits of each register that a real processor must have as the emulator does.
  static let masks: [UInt64] = {
    var masks = [UInt64](repeating: .max, count: X86Register.allCases.count)
    masks[X86Register.rflags.index] = ~0x1_08D5
    masks[X86Register.interruptShadow.index] = 0
    masks[X86Register.timeOffset.index] = 0
    for register in HostDeviations.measured.flatMap(\.registers) { masks[register.index] = 0 }
    return masks
  }()
}

/// An emulator that follows another machine's run.
final class Replica {
  /// What tells the place.
  enum Target {
    case count(UInt64)
    case accesses(UInt64)
  }

  let session: DebugSession

  init(_ workload: Workload) throws(EngineRefusal) {
    do {
      session = DebugSession(workload, try workload.makeEngine(.emulator))
    } catch let refusal as EngineRefusal {
      throw refusal
    } catch {
      throw EngineRefusal("the emulator cannot be made: \(error)")
    }
  }

  /// Runs to the first place at the target where the registers are those of `state`.
  func follow(
    to target: Target, state: ProcessorState, masks: [UInt64], _ isInterrupted: @escaping () -> Bool
  ) throws(EngineRefusal) {
    let engine = session.engine
    let code = session.view.codeAddress(state)
    func isThere() -> Bool {
      zip(engine.state.registers, state.registers).enumerated().allSatisfy {
        let mask = $0.offset < masks.count ? masks[$0.offset] : .max
        return $0.element.0 & mask == $0.element.1 & mask
      }
    }
    session.isInterrupted = isInterrupted
    switch target {
    case .count(let count):
      if count > engine.platform.retired { _ = try session.resume(DebugGoal(count: count)) }
      if !isThere() { _ = try session.step() }
    case .accesses(let count):
      while engine.platform.accesses < count {
        guard case .device = try session.resume(DebugGoal(event: .device)) else {
          throw EngineRefusal("the emulator's run has fewer accesses to devices")
        }
      }
      while !isThere() {
        switch try session.resume(DebugGoal(places: [code])) {
        case .breakpoint where engine.platform.accesses == count: continue
        case .ended where isThere(): return
        default:
          throw EngineRefusal(
            "the emulator does not come by this state between accesses \(count) and \(count + 1) to devices")
        }
      }
    }
  }

  /// What differs from another machine; `nil` if nothing does.
  func difference(_ other: any Engine, masks: [UInt64]) -> String? {
    let names = other.instructionSet.registers
    for (number, pair) in zip(session.engine.state.registers, other.state.registers).enumerated() {
      let mask = number < masks.count ? masks[number] : .max
      if (pair.0 ^ pair.1) & mask != 0 {
        return "\(names[number].name): \(hex(pair.1)), on the emulator \(hex(pair.0))"
      }
    }
    if session.engine.platform.memory.digest != other.platform.memory.digest { return "its storage" }
    return session.engine.platform.console == other.platform.console ? nil : "its console"
  }
}
