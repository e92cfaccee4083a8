import MachineCore
import Trace

/// What the boundary between two instructions asks for.
enum Boundary {
  /// Execute an instruction.
  case proceed
  /// Time passed or the processor woke up: look again.
  case again
  /// An interrupt was delivered: look again.
  case delivered
  case stop(StopReason)
}

extension Core {
  /// Runs until a limit or a stop.
  ///
  /// - Parameter steps: how many events (retired instructions, deliveries) may happen.
  mutating func run(_ limits: RunLimits, steps: UInt64, into recorder: TraceRecorder?) -> StopReason {
    // The platform may have changed between two runs.
    retired = platform.retired
    let (last, overflow) = retired.addingReportingOverflow(limits.instructions)
    end = overflow ? .max : last
    let devices = platform.mappedMemory
    deviceLow = devices.lowerBound
    deviceSize = devices.upperBound - devices.lowerBound
    self.recorder = recorder?.level == .final ? nil : recorder
    skips = 0
    // Between two runs anybody may have changed anything.
    forgetTranslations()
    enter()
    let first = retired
    let isObserved =
      self.recorder?.level == .instructions || journal != nil || !limits.until.isEmpty || steps != .max
    let reason = isObserved ? observedLoop(limits.until, steps: steps) : plainLoop()
    leave()
    statistics.retired &+= retired &- first
    if reason.isGuestEnd, let recorder = self.recorder {
      recorder.append(
        TraceRecord(
          .halt, mode: currentMode(), code: reason.code, clock: retired, pc: file[pc],
          value: reason.status))
    }
    self.recorder = nil
    reportStores()
    return reason
  }

  // The order at an instruction boundary, the same in all engines:
  //   1. powered off: stop;
  //   2. the deadline has come: devices act;
  //   3. waiting: wake up if an interrupt is pending, else let time pass, and look again (where only an
  //      interrupt that can be taken wakes up and none can: stop);
  //   4. time passes at shared points and the processor spins: time jumps;
  //      an interrupt is pending, can be taken, and an instruction has retired since the last
  //      delivery: deliver it;
  //   5. limits: instructions, then `until` (not before the first instruction of a run);
  //   6. fetch, decode, execute, retire, or deliver a trap.
  // A trap although no instruction has retired since the last delivery is a check stop.

  /// Steps 1 to 5 without `until`.
  @inline(never) mutating func boundary() -> Boundary {
    if let stop = platform.stop { return .stop(stop) }
    if recorder?.failure != nil { return .stop(.recorderFailed(recorderMessage())) }
    leave()
    if platform.now >= platform.deadline {
      journal?.willTouch(platform)
      platform.advance()
      enter()
    }
    if file[waiting] != 0 {
      let isDeaf = lowering.system.wakesOnlyInterruptible && !isInterruptible()
      if isDeaf { return .stop(.idle(pc: file[pc])) }
      if platform.pending != 0 {
        journal?.willWrite(waiting, file[waiting])
        file[waiting] = 0
        memo.isStale = true
        skips = 0
      } else {
        // Devices that act for ever without asking for an interrupt must not hang the host.
        skips += 1
        guard platform.deadline != .max, skips < 65536 else { return .stop(.idle(pc: file[pc])) }
        journal?.willTouch(platform)
        _ = platform.skipToDeadline()
        enter()
      }
      return .again
    }
    if let spin = platform.spin(at: retired), isInterruptible(), fetch() == .completed, bytes == spin {
      journal?.willTouch(platform)
      _ = platform.skipToDeadline()
      enter()
    }
    if platform.pending != 0, hasProgress, isInterruptible() {
      journal?.willTouch(platform)
      let interrupt = platform.takeInterrupt(causeBase: lowering.system.interruptCauseBase)
      enter()
      file[nextPC] = file[pc]
      file[word] = 0
      let stop = deliver(interrupt.cause, interrupt.line, isInterrupt: true)
      return stop.map { .stop($0) } ?? .delivered
    }
    return retired >= end ? .stop(.limit) : .proceed
  }

  private mutating func isInterruptible() -> Bool {
    forget()
    return execute(interruptible.start) == .completed && file[Int(interruptible.result)] != 0
  }

  private func recorderMessage() -> String {
    recorder?.failure.map { String(describing: $0) } ?? ""
  }

  /// Enters the handler of a trap or interrupt; a reason when that cannot be done.
  @inline(never) mutating func deliver(_ cause: UInt64, _ value: UInt64, isInterrupt: Bool) -> StopReason? {
    let saved = file[pc]
    let checkStop = StopReason.checkStop(
      cause: UInt32(truncatingIfNeeded: lowering.system.checkStopCause ?? cause), pc: saved)
    guard hasProgress || isInterrupt || deliveries < lowering.system.deliveryLimit else { return checkStop }
    let mode = recorder == nil ? 0 : currentMode()
    let kept = isInterrupt ? [] : commitKept()
    forget()
    if memo.isStale { refreshMemo() }
    var (cause, value, isInterrupt) = (cause, value, isInterrupt)
    recordsAccesses = false
    var tries = 0
    attempt: while true {
      forget()
      let arguments = [cause, value, isInterrupt ? 1 : 0]
      for (slot, argument) in zip(deliverParameters, arguments) { file[slot] = argument }
      file[Int(deliver.back)] = 0
      switch execute(deliver.start) {
      case .completed: break attempt
      case .unsupported: return unsupportedStop()
      case .trapped:
        guard let next = escalated(from: isInterrupt ? .max : cause), tries < 8 else {
          return shutDown(checkStop)
        }
        (cause, value, isInterrupt) = (next.cause, next.value, false)
        tries += 1
      }
    }
    let head: TraceRecord? =
      recorder == nil
      ? nil
      : TraceRecord(
        isInterrupt ? .interrupt : .trap, mode: mode, code: UInt32(truncatingIfNeeded: cause),
        clock: retired, pc: saved, value: value)
    commitObserved(following: saved, head: head, kept: kept)
    deliveries = hasProgress ? 1 : deliveries &+ 1
    hasProgress = false
    return nil
  }

  /// Leaves the state as a check stop does.
  private mutating func shutDown(_ reason: StopReason) -> StopReason {
    guard let shutdown else { return reason }
    forget()
    if memo.isStale { refreshMemo() }
    file[Int(shutdown.back)] = 0
    if execute(shutdown.start) == .completed {
      for index in 0..<writeCount {
        let register = Int(writes[index].register)
        journal?.willWrite(register, file[register])
      }
      commitWrites(following: file[pc])
    }
    return reason
  }

  /// What is delivered in place of a cause whose delivery trapped; `nil` for a check stop.
  private mutating func escalated(from first: UInt64) -> (cause: UInt64, value: UInt64)? {
    guard let escalate else { return nil }
    let (second, secondValue) = (cause, value)
    file[Int(escalate.parameters[0])] = first
    file[Int(escalate.parameters[1])] = second
    file[Int(escalate.back)] = 0
    forget()
    guard execute(escalate.start) == .completed else { return nil }
    let next = file[Int(escalate.result)]
    guard next <= 0xFF else { return nil }
    return (next, next == second ? secondValue : 0)
  }

  /// Whether the next instruction runs with what comes before and after it.
  @inline(__always) var isWatched: Bool {
    // SAFETY: the slots are below the file's capacity.
    (file[watched.0] & watchedMasks.0) | (file[watched.1] & watchedMasks.1)
      | (file[watched.2] & watchedMasks.2) != 0
  }

  /// Executes an instruction with what comes before and after it; a reason when the run ends.
  @inline(never) private mutating func watchedInstruction(isTraced: Bool) -> StopReason? {
    let address = file[pc]
    let values = [file[watched.0], file[watched.1], file[watched.2]]
    recordsAccesses = false
    var outcome = Outcome.completed
    if let before {
      forget()
      if memo.isStale { refreshMemo() }
      file[nextPC] = address
      file[word] = 0
      bytes = InstructionBytes()
      file[Int(before.back)] = 0
      outcome = execute(before.start)
    }
    recordsAccesses = isTraced
    if outcome == .completed { outcome = fetch() }
    if outcome == .completed { outcome = execute(start) }
    switch outcome {
    case .completed:
      let head: TraceRecord? =
        isTraced
        ? TraceRecord(.retire, mode: currentMode(), clock: retired &+ 1, pc: address, bytes: bytes) : nil
      let follows = commitObserved(following: file[nextPC], head: head, after: [address] + values)
      retired &+= 1
      hasProgress = true
      return follows == 0 ? nil : deliver(lowering.system.afterCause, follows, isInterrupt: false)
    case .trapped: return deliver(cause, value, isInterrupt: false)
    case .unsupported: return unsupportedStop()
    }
  }

  /// What comes after an instruction that was not watched and has made that the next one is; a reason when
  /// the run ends.
  @inline(never) private mutating func settle() -> StopReason? {
    guard after != nil else { return nil }
    forget()
    let follows = commitObserved(following: file[pc], head: nil, after: [0, 0, 0, 0])
    return follows == 0 ? nil : deliver(lowering.system.afterCause, follows, isInterrupt: false)
  }

  func unsupportedStop() -> StopReason {
    let reason = message == -2 ? messageText : unsupportedReason()
    return .unsupported(UnsupportedInstruction(pc: file[pc], bytes: bytes.array, reason: reason))
  }

  /// The loop for runs without a trace of instructions: nothing here but the machine.
  @inline(never) private mutating func plainLoop() -> StopReason {
    recordsAccesses = false
    while true {
      if retired >= attentionAt || file[waiting] != 0 {
        switch boundary() {
        case .proceed: break
        case .again, .delivered: continue
        case .stop(let reason): return reason
        }
      }
      if isWatched {
        if let stop = watchedInstruction(isTraced: false) { return stop }
        continue
      }
      var outcome = fetch()
      if outcome == .completed { outcome = execute(start) }
      switch outcome {
      case .completed:
        if storeCount > 0 { commitStores() }
        commitWrites(following: file[nextPC])
        retired &+= 1
        hasProgress = true
        if isWatched, let stop = settle() { return stop }
      case .trapped:
        if let stop = deliver(cause, value, isInterrupt: false) { return stop }
      case .unsupported:
        return unsupportedStop()
      }
    }
  }

  /// The loop for traces of instructions, breakpoints, single steps, and going back.
  @inline(never) private mutating func observedLoop(_ until: Set<UInt64>, steps: UInt64) -> StopReason {
    let isTraced = recorder?.level == .instructions
    var isFirst = true
    var left = steps
    while left > 0 {
      journal?.begin(retired: retired, deliveries: hasProgress ? 0 : deliveries)
      if retired >= attentionAt || file[waiting] != 0 {
        switch boundary() {
        case .proceed: break
        case .again: continue
        case .delivered:
          journal?.close()
          left -= 1
          continue
        case .stop(let reason): return reason
        }
      }
      if !isFirst, until.contains(file[pc]) { return .breakpoint(pc: file[pc]) }
      if isTraced, retired & 0xFF == 0, recorder?.failure != nil {
        return .recorderFailed(recorderMessage())
      }
      isFirst = false
      if isWatched {
        if let stop = watchedInstruction(isTraced: isTraced) { return stop }
        journal?.close()
        left -= 1
        continue
      }
      recordsAccesses = isTraced
      var outcome = fetch()
      if outcome == .completed { outcome = execute(start) }
      switch outcome {
      case .completed:
        let head: TraceRecord? =
          isTraced
          ? TraceRecord(.retire, mode: currentMode(), clock: retired &+ 1, pc: file[pc], bytes: bytes) : nil
        commitObserved(following: file[nextPC], head: head)
        retired &+= 1
        hasProgress = true
        if isWatched, let stop = settle() { return stop }
        journal?.close()
      case .trapped:
        if let stop = deliver(cause, value, isInterrupt: false) { return stop }
        journal?.close()
      case .unsupported:
        return unsupportedStop()
      }
      left -= 1
    }
    return .limit
  }
}
