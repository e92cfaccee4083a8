#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  /// Virtual time and interrupts on KVM.
  ///
  /// KVM does not count instructions. With time at shared points, the default, time is what passes at the points
  /// that every engine shares: an access to a device takes ``KVMCore/ticksPerAccess``, and HLT takes until the next
  /// deadline; interrupts are requested at these points only. A guest that runs freely has the host's clock instead
  /// (``KVMHostClock``). Either way an interrupt is injected as soon as the guest can take it.
  extension KVMCore {
    /// Virtual time that an access to a device takes, in instructions.
    static var ticksPerAccess: UInt64 { 100 }

    /// Lets devices act, hands the guest the interrupt it can take, or asks for an exit when it can.
    ///
    /// Called before each entry on a platform with an interrupt controller.
    func prepareEntry(_ limits: RunLimits, _ recorder: TraceRecorder?) throws(KVMError) {
      clock?.update(platform)
      if platform.now >= platform.deadline { platform.advance() }
      defer { clock?.arm(platform) }
      let page = page
      guard platform.pending != 0 else {
        page.pointee.request_interrupt_window = 0
        return
      }
      // Until it has run once, the vCPU has not told whether it can take one: the window tells.
      guard !hasUnseenExit, !isIncomplete, page.pointee.ready_for_interrupt_injection != 0,
        page.pointee.if_flag != 0
      else {
        page.pointee.request_interrupt_window = 1
        return
      }
      let interrupt = platform.takeInterrupt(causeBase: 32)
      // Only a request that is still there needs another window.
      page.pointee.request_interrupt_window = platform.pending != 0 ? 1 : 0
      let before = recorder == nil ? nil : try readState()
      try inject(interrupt)
      // It is not known before the next exit whether another can be taken.
      page.pointee.ready_for_interrupt_injection = 0
      if let recorder, let before {
        _ = try record(interrupt, before, recorder, breakpoints: limits.until)
      }
    }

    private func inject(_ interrupt: Interrupt) throws(KVMError) {
      var request = kvm_interrupt()
      request.irq = UInt32(truncatingIfNeeded: interrupt.cause)
      guard machine.vcpu.call(ckvm_interrupt, &request) == 0 else {
        throw .cannotRun("KVM_INTERRUPT failed: \(errorText())")
      }
      injected &+= 1
    }

    /// Lets devices act and the guest take an interrupt, between two steps; instructions are counted there, and time
    /// is exact.
    ///
    /// - Parameter hasRetired: an instruction retired since the last delivery.
    /// - Returns: the state in front of the handler; `nil` where there is no interrupt to take.
    func takeInterruptStepping(
      _ before: ProcessorState, hasRetired: Bool, _ recorder: TraceRecorder
    ) throws(KVMError) -> ProcessorState? {
      if platform.now >= platform.deadline { platform.advance() }
      if let spin = platform.spin(at: platform.retired), before[.rflags] & X86Flags.interrupt.rawValue != 0,
        try isNext(spin)
      {
        _ = platform.skipToDeadline()
      }
      guard platform.pending != 0, hasRetired, before[.rflags] & X86Flags.interrupt.rawValue != 0 else {
        return nil
      }
      var events = kvm_vcpu_events()
      try machine.check(machine.vcpu.call(ckvm_get_vcpu_events, &events), "KVM_GET_VCPU_EVENTS")
      guard events.interrupt.shadow == 0 else { return nil }
      let interrupt = platform.takeInterrupt(causeBase: 32)
      try inject(interrupt)
      let after = try record(interrupt, before, recorder, breakpoints: [])
      try setDebugging(steps: true)
      if let after { return after }
      return try readState()
    }

    /// Records an interrupt with its effects: the guest is stopped before the first instruction of the handler.
    ///
    /// Where it does not get there (the delivery faults, or something else comes first) the record has none.
    /// - Parameter breakpoints: what is to be armed afterwards.
    /// - Returns: the state in front of the handler.
    private func record(
      _ interrupt: Interrupt, _ before: ProcessorState, _ recorder: TraceRecorder, breakpoints: Set<UInt64>
    ) throws(KVMError) -> ProcessorState? {
      let mode = before[.cr0] & 1 == 0 ? 0 : UInt8(truncatingIfNeeded: before[.cs] & 3)
      var record = TraceRecord(
        .interrupt, mode: mode, code: UInt32(truncatingIfNeeded: interrupt.cause), clock: platform.retired,
        pc: before[.rip], value: interrupt.line)
      guard let handler = handlerAddress(interrupt.cause, before) else {
        recorder.append(record)
        return nil
      }
      try setDebugging(steps: false, breakpoints: [handler])
      var after: ProcessorState?
      machine.deliveries = 0
      while after == nil {
        guard machine.vcpu.call(ckvm_run) == 0 else {
          // A signal: the time is up, or nothing but a timer's kick.
          if ckvm_get_immediate_exit(page) != 0 { break }
          continue
        }
        guard ckvm_exit_reason(page) == UInt32(KVM_EXIT_DEBUG) else {
          hasUnseenExit = true
          break
        }
        after = try machine.readState(halted: false)
      }
      try setDebugging(steps: false, breakpoints: breakpoints)
      if let after { record.aux = after[.rip] }
      recorder.append(record)
      guard let after else { return nil }
      for register in X86Register.allCases
      where before[register] != after[register] && register != .rip && register.descriptor.isTraced {
        recorder.append(
          TraceRecord(
            .registerWrite, mode: mode, code: UInt32(register.id), clock: platform.retired,
            value: after[register]))
      }
      return after
    }

    /// How waiting in HLT ended.
    enum Waking {
      /// An interrupt is requested, or the machine is off.
      case woken
      /// None can ever come or be taken.
      case never
      /// The run's time is up.
      case outOfTime
    }

    /// Waits in HLT until an interrupt is requested.
    func waitForInterrupt() throws(KVMError) -> Waking {
      guard try generalRegisters().rflags & X86Flags.interrupt.rawValue != 0 else { return .never }
      clock?.update(platform)
      if platform.now >= platform.deadline { platform.advance() }
      if let clock { return wait(by: clock) }
      var skips = 0
      while platform.pending == 0 {
        // Devices that act for ever without asking for an interrupt must not hang the host.
        skips += 1
        guard skips < 65536, platform.skipToDeadline() else { return .never }
        if platform.stop != nil { return .woken }
      }
      return .woken
    }

    private func wait(by clock: KVMHostClock) -> Waking {
      while platform.pending == 0 {
        if ckvm_get_immediate_exit(page) != 0 { return .outOfTime }
        guard let delay = clock.delay(platform) else { return .never }
        // In pieces, for a kick that comes before the sleep begins would be missed.
        if delay > 0 { ckvm_sleep(min(delay, 10_000_000)) }
        clock.update(platform)
        if platform.now >= platform.deadline { platform.advance() }
        if platform.stop != nil { return .woken }
      }
      return .woken
    }

    /// Lets time jump for a guest that spins, called after each signal to the vCPU's thread.
    func passSpin() throws(KVMError) {
      guard let spin = platform.sharedPoints?.spin, platform.pending == 0, platform.deadline != .max,
        page.pointee.if_flag != 0, clock == nil, try isNext(spin)
      else { return }
      _ = platform.skipToDeadline()
    }

    /// Whether this is the instruction at the program counter.
    private func isNext(_ bytes: InstructionBytes) throws(KVMError) -> Bool {
      var system = kvm_sregs()
      guard machine.vcpu.call(ckvm_get_sregs, &system) == 0 else { return false }
      let base = system.efer & 0x400 != 0 && system.cs.l != 0 ? 0 : system.cs.base
      let found = readGuest(linear: base &+ (try generalRegisters().rip), count: bytes.count)
      return InstructionBytes(found) == bytes
    }

    /// Gives KVM the storage as the platform shows it now.
    func takeView() throws(KVMError) {
      guard viewVersion != platform.viewVersion else { return }
      viewVersion = platform.viewVersion
      try collectWrites()
      try machine.map(platform.slots)
    }
  }
#endif
