internal import MachineCore
internal import Properties
internal import Trace
internal import X86Backend

/// An emulator in the place of hardware that cannot step, watch or go back.
extension DebugSession {
  /// Carries out a move on the emulator and takes its state.
  ///
  /// - Parameter start: from where, if that is not here.
  func onReplica(
    _ start: HardwareStart? = nil, _ move: (DebugSession) throws(EngineRefusal) -> DebugStop
  ) throws(EngineRefusal) -> DebugStop {
    let replica: Replica
    do throws(EngineRefusal) {
      if let start { replica = try locate(start) } else { replica = try locate() }
    } catch {
      // An interruption shows as a place that was not reached.
      if isInterrupted() { return .interrupted }
      throw error
    }
    let session = replica.session
    session.breakpoints = breakpoints
    session.watchpoints = watchpoints
    session.isInterrupted = isInterrupted
    session.tracer = tracer
    defer { session.tracer = nil }
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
        ? Replica.Target.count(engine.platform.retired) : .accesses(accesses)
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

  /// An emulator that is where a run of this machine began.
  private func locate(_ start: HardwareStart) throws(EngineRefusal) -> Replica {
    let found: Replica
    if let replica, case .count(let count) = start.target, let first = replica.session.history.start,
      count >= first.count
    {
      found = replica
      try found.session.seek(count, pc: start.state.registers[X86Register.rip.index])
    } else {
      found = try Replica(workload)
      try found.follow(to: start.target, state: start.state, masks: Self.masks, isInterrupted)
    }
    replica = found
    if let difference = found.difference(of: start.state, engine.instructionSet, masks: Self.masks) {
      throw EngineRefusal("the emulator is not in the same state where the run began (\(difference))")
    }
    return found
  }

  /// Makes a fresh engine that is where the replica is.
  func adopt(_ replica: Replica) throws(EngineRefusal) {
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
    accessOffset = engine.platform.accesses &- replica.session.accesses
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
  private static let interrupted = EngineRefusal(
    "interrupted while the emulator was brought to this place")

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
      if isInterrupted() { throw Self.interrupted }
      if !isThere() { _ = try session.step() }
    case .accesses(let count):
      while session.accesses < count {
        let stop = try session.resume(DebugGoal(event: .device))
        // The last access of a run may be the one that switches the machine off.
        guard stop == .device || session.end != nil && session.accesses == count else {
          if isInterrupted() { throw Self.interrupted }
          throw EngineRefusal("the emulator's run has fewer accesses to devices")
        }
      }
      while !isThere() {
        switch try session.resume(DebugGoal(places: [code])) {
        case .breakpoint where session.accesses == count: continue
        case .ended where isThere(): return
        default:
          if isInterrupted() { throw Self.interrupted }
          throw EngineRefusal(
            "the emulator does not come by this state between accesses \(count) and \(count + 1) to devices")
        }
      }
    }
  }

  /// What of the registers differs; `nil` if nothing does.
  func difference(of state: ProcessorState, _ set: any InstructionSet, masks: [UInt64]) -> String? {
    for (number, pair) in zip(session.engine.state.registers, state.registers).enumerated() {
      let mask = number < masks.count ? masks[number] : .max
      if (pair.0 ^ pair.1) & mask != 0 {
        return "\(set.registers[number].name): \(hex(pair.1)), on the emulator \(hex(pair.0))"
      }
    }
    return nil
  }

  /// What differs from another machine; `nil` if nothing does.
  func difference(_ other: any Engine, masks: [UInt64]) -> String? {
    if let found = difference(of: other.state, other.instructionSet, masks: masks) { return found }
    if session.engine.platform.memory.digest != other.platform.memory.digest { return "its storage" }
    return session.engine.platform.console == other.platform.console ? nil : "its console"
  }
}

/// Where a free run of hardware began, for an emulator that is to go there.
struct HardwareStart {
  let state: ProcessorState
  let target: Replica.Target

  /// `nil` where no emulator can come.
  init?(_ session: DebugSession) {
    guard session.usesReplica, !session.isEdited else { return nil }
    state = session.engine.state
    target =
      session.isCountExact
      ? .count(session.engine.platform.retired)
      : .accesses(session.accesses)
  }
}
