public import MachineCore
internal import ToyISA
public import Trace

/// The virtual machine as an engine: its platform's devices, virtual time and interrupts.
extension VirtualMachineMonitor {
  public func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
    let recorder = recorder?.level == .final ? nil : recorder
    events = recorder
    processor.events = recorder
    forwarder = recorder.flatMap { $0.level == .instructions ? TraceForwarder(to: $0) : nil }
    defer {
      events = nil
      processor.events = nil
      processor.effects = nil
      forwarder = nil
    }
    events?.append(
      TraceRecord(
        .schedule, mode: processor.mode, clock: platform.retired, pc: UInt64(processor.psw.pc),
        aux: limits.instructions))
    let reason = loop(limits)
    if reason.isGuestEnd {
      events?.append(
        TraceRecord(
          .halt, mode: processor.mode, code: reason.code, clock: platform.retired,
          pc: UInt64(processor.psw.pc), value: reason.status))
    }
    audit()
    return reason
  }

  // The order at an instruction boundary is the same in all engines; `until` is looked at before
  // every instruction but the first, so with addresses to stop at the slices are of one instruction.
  private func loop(_ limits: RunLimits) -> StopReason {
    let (sum, overflow) = platform.retired.addingReportingOverflow(limits.instructions)
    let end = overflow ? UInt64.max : sum
    var isFirst = true
    var skips = 0
    while true {
      if let stop = platform.stop { return stop }
      if let failure = events?.failure { return .recorderFailed(String(describing: failure)) }
      if platform.now >= platform.deadline { platform.advance() }
      if processor.waiting {
        if platform.pending != 0 {
          processor.waiting = false
          skips = 0
        } else {
          // Devices that act for ever without asking for an interrupt must not hang the host.
          skips += 1
          guard skips < 65536, platform.skipToDeadline() else {
            return .idle(pc: UInt64(processor.psw.pc))
          }
        }
        continue
      }
      let isInterruptible = platform.pending != 0 && processor.psw.interruptEnable
      if isInterruptible, !processor.hasDelivered {
        inject()
        continue
      }
      guard platform.retired < end else { return .limit }
      let pc = UInt64(processor.psw.pc)
      if !isFirst, limits.until.contains(pc) { return .breakpoint(pc: pc) }
      isFirst = false
      if let stop = proceed(
        limit: limits.until.isEmpty && !isInterruptible ? end - platform.retired : 1)
      {
        return stop
      }
    }
  }

  /// Gives the guest the hardware, and does what the dispatcher left to do.
  private func proceed(limit: UInt64) -> StopReason? {
    if policy.interprets(processor.psw) { return interpret() }
    let deadline = platform.deadline
    let untilDeadline = deadline > platform.now ? deadline - platform.now : 1
    let slice = max(min(policy.slice(limit, untilDeadline), policy.quantum), 1)
    switch runDirectly(slice: slice, isTimer: slice >= untilDeadline) {
    case .sliceEnd: return nil
    case .emulate(let trap): return emulate(trap)
    case .reflect(let trap): return reflect(trap)
    case .recorderFailed:
      let failure = forwarder?.recorder.failure ?? events?.failure
      return .recorderFailed(failure.map { String(describing: $0) } ?? "")
    case .stuck:
      return .hostFailure("the hardware faults again and again on a page that its shadow table has")
    }
  }

  /// Carries out a trapped instruction on the virtual processor.
  private func emulate(_ trap: GuestTrap) -> StopReason? {
    let isWord = trap.cause == ToyCause.privileged.rawValue || trap.cause == ToyCause.illegal.rawValue
    guard let word = isWord ? trap.value : processor.peekInstruction() else { return reflect(trap) }
    return carryOut(word, reason: ExitReason(cause: trap.cause))
  }

  /// Interprets the instruction at the virtual pc, whatever it is.
  private func interpret() -> StopReason? {
    do {
      let word = try processor.fetch()
      guard ToyCodec.row(of: word) != nil else {
        return reflect(GuestTrap(.illegal, word))
      }
      return carryOut(word, reason: .interpreted)
    } catch {
      return reflect(error)
    }
  }

  /// Carries out an instruction on the virtual processor by its routine.
  private func carryOut(_ word: UInt32, reason: ExitReason) -> StopReason? {
    let pc = processor.psw.pc
    let mode = processor.mode
    events?.append(
      TraceRecord(
        .emulate, mode: mode, code: reason.rawValue, clock: platform.retired,
        pc: UInt64(pc), bytes: InstructionBytes(word: word)))
    guard let routine = policy.routines.routine(for: word) else {
      return .unsupported(
        UnsupportedInstruction(
          pc: UInt64(pc), bytes: InstructionBytes(word: word).array,
          reason: "the VMM has no interpreter routine for it"))
    }
    let isTraced = forwarder != nil
    let before = isTraced ? processor.allRegisters : []
    processor.effects = isTraced ? [] : nil
    do {
      processor.psw.pc = try routine(processor, InstructionWord(word))
    } catch {
      return reflect(error)
    }
    platform.retired &+= 1
    emulated &+= 1
    processor.hasDelivered = false
    if isTraced {
      recordRetire(word, pc: pc, mode: mode, before: before)
    }
    return nil
  }

  private func recordRetire(_ word: UInt32, pc: UInt32, mode: UInt8, before: [UInt64]) {
    let clock = platform.retired
    events?.append(
      TraceRecord(
        .retire, mode: mode, clock: clock, pc: UInt64(pc), address: UInt64(processor.psw.pc),
        bytes: InstructionBytes(word: word)))
    for effect in processor.effects ?? [] {
      var effect = effect
      effect.clock = clock
      effect.mode = mode
      events?.append(effect)
    }
    recordChanges(from: before, to: processor.allRegisters, first: 0, mode: mode)
  }

  /// Records the registers that changed; numbers from 16 on are those after the pc.
  private func recordChanges(from before: [UInt64], to after: [UInt64], first: Int, mode: UInt8) {
    for (index, (old, new)) in zip(before, after).enumerated() where old != new {
      let number = first + index
      events?.append(
        TraceRecord(
          .registerWrite, mode: mode, code: UInt32(number < ToyRegister.generalCount ? number : number + 1),
          clock: platform.retired, value: new))
    }
  }

  /// Hands a trap on to the guest's own supervisor.
  private func reflect(_ trap: GuestTrap) -> StopReason? {
    if processor.hasDelivered { return .checkStop(cause: trap.cause, pc: UInt64(processor.psw.pc)) }
    reflected &+= 1
    deliver(.reflect, .trap, trap)
    return nil
  }

  /// Gives the guest the pending interrupt of the lowest line.
  private func inject() {
    guard let line = platform.acknowledge() else { return }
    injected &+= 1
    deliver(
      .inject, .interrupt,
      GuestTrap(cause: ToyCause.timer.rawValue &+ UInt32(line), value: UInt32(line)))
  }

  private func deliver(_ vmmEvent: EventKind, _ guestEvent: EventKind, _ trap: GuestTrap) {
    let mode = processor.mode
    let before = processor.systemRegisters
    let saved = policy.savedPC(processor.psw.pc)
    processor.swapPSW(cause: trap.cause, value: trap.value, savedPC: saved)
    guard let events else { return }
    for kind in [vmmEvent, guestEvent] {
      events.append(
        TraceRecord(
          kind, mode: mode, code: trap.cause, clock: platform.retired, pc: UInt64(saved),
          value: UInt64(trap.value), aux: UInt64(processor.psw.pc)))
    }
    recordChanges(
      from: before, to: processor.systemRegisters, first: ToyRegister.generalCount, mode: mode)
  }
}
