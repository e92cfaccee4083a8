import MachineCore
import Trace

extension X86Core {
  /// Runs until a limit or a stop.
  mutating func run(_ limits: RunLimits, into recorder: TraceRecorder?) -> StopReason {
    retired = platform.retired
    let (last, overflow) = retired.addingReportingOverflow(limits.instructions)
    end = overflow ? .max : last
    let devices = platform.mappedMemory
    deviceLow = devices.lowerBound
    deviceSize = devices.upperBound - devices.lowerBound
    self.recorder = recorder?.level == .final ? nil : recorder
    skips = 0
    enter()
    let first = retired
    let isObserved = self.recorder?.level == .instructions || !limits.until.isEmpty
    let reason = isObserved ? observedLoop(limits.until) : plainLoop()
    isTracing = false
    leave()
    statistics.retired &+= retired &- first
    if reason.isGuestEnd, let recorder = self.recorder {
      recorder.append(
        TraceRecord(
          .halt, mode: UInt8(privilege), code: reason.code, clock: retired, pc: rip, value: reason.status))
    }
    self.recorder = nil
    return reason
  }

  /// Lets one instruction retire, or delivers one trap or interrupt; a reason when neither can be.
  mutating func step() -> StopReason? {
    retired = platform.retired
    end = .max
    let devices = platform.mappedMemory
    deviceLow = devices.lowerBound
    deviceSize = devices.upperBound - devices.lowerBound
    recorder = nil
    isTracing = false
    skips = 0
    enter()
    defer { leave() }
    while retired >= attentionAt || reg(.halted) != 0 {
      guard let stop = boundary() else { break }
      if let reason = stop.reason { return reason }
      if !hasProgress { return nil }
    }
    do throws(X86Fault) {
      let instruction = try fetch()
      try execute(instruction)
      rip = next
      retired &+= 1
      hasProgress = true
      return nil
    } catch {
      return deliver(error)
    }
  }

  /// The range that was stored to since the last call.
  mutating func takeStored() -> Range<Int>? {
    guard storedLow < storedHigh else { return nil }
    let range = Int(storedLow)..<Int(min(storedHigh, memorySize))
    (storedLow, storedHigh) = (.max, 0)
    hasReported = true
    return range
  }

  /// The loop without a trace of instructions.
  @inline(never) private mutating func plainLoop() -> StopReason {
    isTracing = false
    // A repeated string instruction is at its address again: what comes next is for the exact step.
    var repeats = false
    while true {
      if retired >= attentionAt || reg(.halted) != 0 {
        if let stop = boundary() {
          if let reason = stop.reason { return reason }
          continue
        }
      }
      if !repeats, let mode = fastMode, retired < attentionAt,
        attentionAt &- retired >= Self.smallestBudget
      {
        runFast(mode)
        if retired >= attentionAt { continue }
      }
      do throws(X86Fault) {
        if hasBreakpoints { try checkBreakpoints() }
        let old = flags
        let instruction = try fetch()
        try execute(instruction)
        let payload = needsFinish(old) ? finish(instruction.pointee.operation, old) : 0
        repeats = next == rip
        rip = next
        retired &+= 1
        hasProgress = true
        if payload != 0, let stop = deliver(debugTrap(payload)) { return stop }
      } catch {
        repeats = false
        if let stop = deliver(error) { return stop }
      }
      // The fast loop never sets the interrupt flag.
      if isRequested, flags & X86Flags.interrupt.rawValue != 0 { attentionAt = 0 }
    }
  }

  /// The loop for traces of instructions and breakpoints.
  @inline(never) private mutating func observedLoop(_ until: Set<UInt64>) -> StopReason {
    let recordsInstructions = recorder?.level == .instructions
    var isFirst = true
    while true {
      if retired >= attentionAt || reg(.halted) != 0 {
        if let stop = boundary() {
          if let reason = stop.reason { return reason }
          continue
        }
      }
      if !isFirst, until.contains(rip) { return .breakpoint(pc: rip) }
      if recordsInstructions, retired & 0xFF == 0, recorder?.failure != nil { return recorderFailed }
      isFirst = false
      isTracing = recordsInstructions
      accessCount = 0
      // SAFETY: both blocks have room for every register.
      if recordsInstructions { before.update(from: r, count: Self.registerCount) }
      let mode = UInt8(privilege)
      do throws(X86Fault) {
        if hasBreakpoints { try checkBreakpoints() }
        let old = flags
        let instruction = try fetch()
        // Stores of the instruction may drop its cache entry, never overwrite it.
        let bytes = instruction.pointee.bytes
        try execute(instruction)
        let payload = needsFinish(old) ? finish(instruction.pointee.operation, old) : 0
        let pc = rip
        rip = next
        retired &+= 1
        hasProgress = true
        if recordsInstructions {
          recorder?.append(
            TraceRecord(.retire, mode: mode, clock: retired, pc: pc, address: rip, bytes: bytes))
          recordEffects(mode)
        }
        if payload != 0, let stop = deliver(debugTrap(payload)) { return stop }
      } catch {
        if let stop = deliver(error) { return stop }
      }
      if isRequested, flags & X86Flags.interrupt.rawValue != 0 { attentionAt = 0 }
    }
  }

  private func recordEffects(_ mode: UInt8) {
    guard let recorder else { return }
    for index in 0..<accessCount {
      // SAFETY: initialised up to the count.
      accesses[index].clock = retired
      accesses[index].flags = mode
      recorder.append(accesses[index])
    }
    recordRegisters(mode)
  }

  private func recordRegisters(_ mode: UInt8) {
    guard let recorder else { return }
    for index in 0..<Self.registerCount
    where r[index] != before[index] && index != X86Register.rip.index
      && index != X86Register.interruptShadow.index
    {
      recorder.append(
        TraceRecord(.registerWrite, mode: mode, code: UInt32(index), clock: retired, value: r[index]))
    }
  }

  private var recorderFailed: StopReason {
    .recorderFailed(recorder?.failure.map { String(describing: $0) } ?? "")
  }

  /// A reason to stop, or to look at the boundary again.
  struct Stop {
    var reason: StopReason?
  }

  /// What is due between two instructions, in the order that all engines share; `nil` to go on.
  @inline(never) private mutating func boundary() -> Stop? {
    if let stop = platform.stop { return Stop(reason: stop) }
    if recorder?.failure != nil { return Stop(reason: recorderFailed) }
    leave()
    if platform.now >= platform.deadline {
      platform.advance()
      enter()
    }
    let mayInterrupt = flags & X86Flags.interrupt.rawValue != 0 && reg(.interruptShadow) == 0
    if reg(.halted) != 0 {
      // Nothing but an interrupt that can be taken wakes the processor up.
      guard mayInterrupt else { return Stop(reason: .idle(pc: rip)) }
      if platform.pending != 0 {
        set(.halted, 0)
        skips = 0
      } else {
        // Devices that act for ever without asking for an interrupt must not hang the host.
        skips += 1
        guard platform.deadline != .max, skips < 65536 else { return Stop(reason: .idle(pc: rip)) }
        _ = platform.skipToDeadline()
        enter()
      }
      return Stop()
    }
    if mayInterrupt, let spin = platform.spin(at: retired), isNext(spin) {
      _ = platform.skipToDeadline()
      enter()
    }
    if platform.pending != 0, hasProgress, mayInterrupt {
      let interrupt = platform.takeInterrupt(causeBase: 32)
      enter()
      next = rip
      return Stop(
        reason: deliver(
          Delivery(vector: interrupt.cause, value: interrupt.line, code: 0, entry: .interrupt)))
    }
    if retired >= end { return Stop(reason: .limit) }
    updateAttention()
    return nil
  }

  /// Delivers the fault of an instruction; a reason when that cannot be done.
  @inline(never) private mutating func deliver(_ fault: X86Fault) -> StopReason? {
    if fault.isUnsupported {
      let reason = fault.reason.utf8CodeUnitCount == 0 ? unsupportedText : "\(fault.reason)"
      return .unsupported(UnsupportedInstruction(pc: rip, bytes: currentBytesAt(rip), reason: reason))
    }
    discard()
    let value = fault.vector == 14 ? fault.address : fault.code
    return deliver(
      Delivery(vector: UInt64(fault.vector), value: value, code: fault.code, entry: .fault))
  }

  /// #DB after an instruction, with bits of DR6.
  private func debugTrap(_ payload: UInt64) -> Delivery {
    Delivery(vector: 1, value: payload, code: payload, entry: .trap)
  }

  private mutating func deliver(_ event: Delivery) -> StopReason? {
    let saved = rip
    let checkStop = StopReason.checkStop(cause: UInt32(X86Vector.doubleFault), pc: saved)
    guard hasProgress || event.entry == .interrupt || deliveries < X86System.deliveryLimit else {
      return checkStop
    }
    let mode = UInt8(privilege)
    // SAFETY: both blocks have room for every register.
    before.update(from: r, count: Self.registerCount)
    for register in kept { before[register.index] = register.old }
    settle()
    isTracing = false
    let delivered: Delivery
    do throws(X86Fault) {
      guard let event = try deliverEvent(event, back: saved) else { return checkStop }
      delivered = event
      if event.vector == 1, event.entry != .interrupt { noteDebug(event.value) }
      set(.interruptShadow, 0)
      // A trap after HLT ends the wait.
      set(.halted, 0)
      rip = next
    } catch {
      // SAFETY: as above; an event that is not supported changes nothing.
      set(.cr2, before[X86Register.cr2.index])
      return .unsupported(
        UnsupportedInstruction(pc: saved, bytes: currentBytesAt(saved), reason: "\(error.reason)"))
    }
    deliveries = hasProgress ? 1 : deliveries &+ 1
    hasProgress = false
    if let recorder {
      recorder.append(
        TraceRecord(
          delivered.entry == .interrupt ? .interrupt : .trap, mode: mode,
          code: UInt32(truncatingIfNeeded: delivered.vector), clock: retired, pc: saved,
          value: delivered.value, aux: rip))
      recordRegisters(mode)
    }
    return nil
  }

  /// Whether this is the instruction at the program counter.
  private mutating func isNext(_ bytes: InstructionBytes) -> Bool {
    guard let instruction = try? fetch() else { return false }
    return instruction.pointee.bytes == bytes
  }

  /// Bytes of the instruction at `address` for messages.
  private mutating func currentBytesAt(_ address: UInt64) -> [UInt8] {
    if let instruction = try? fetch(), instruction.pointee.length > 0, next &- address < 16 {
      return instruction.pointee.bytes.array
    }
    return currentBytes.array
  }
}
