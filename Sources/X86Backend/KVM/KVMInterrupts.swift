#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  /// Virtual time and interrupts on KVM.
  ///
  /// KVM does not count instructions, so on this engine time is what passes at the points that every engine
  /// shares: an access to a device takes ``KVMCore/ticksPerAccess``, and HLT takes until the next
  /// deadline. Interrupts are requested at these points only, and injected as soon as the guest can take them.
  extension KVMCore {
    /// Virtual time that an access to a device takes, in instructions.
    static var ticksPerAccess: UInt64 { 100 }

    /// Lets devices act, hands the guest the interrupt it can take, or asks for an exit when it can.
    ///
    /// Called before each entry on a platform with an interrupt controller.
    func prepareEntry(_ recorder: TraceRecorder?) throws(KVMError) {
      if platform.now >= platform.deadline { platform.advance() }
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
      if let recorder {
        recorder.append(
          TraceRecord(
            .interrupt, mode: privilege(), code: UInt32(truncatingIfNeeded: interrupt.cause),
            clock: platform.retired, pc: try generalRegisters().rip, value: interrupt.line))
      }
      var request = kvm_interrupt()
      request.irq = UInt32(truncatingIfNeeded: interrupt.cause)
      guard machine.vcpu.call(ckvm_interrupt, &request) == 0 else {
        throw .cannotRun("KVM_INTERRUPT failed: \(errorText())")
      }
      // It is not known before the next exit whether another can be taken.
      page.pointee.ready_for_interrupt_injection = 0
    }

    /// Waits in HLT until an interrupt is requested; `false` when none can ever come or be taken.
    func waitForInterrupt() throws(KVMError) -> Bool {
      guard try generalRegisters().rflags & X86Flags.interrupt.rawValue != 0 else { return false }
      if platform.now >= platform.deadline { platform.advance() }
      var skips = 0
      while platform.pending == 0 {
        // Devices that act for ever without asking for an interrupt must not hang the host.
        skips += 1
        guard skips < 65536, platform.skipToDeadline() else { return false }
        if platform.stop != nil { return true }
      }
      return true
    }

    /// Lets time jump for a guest that spins, called after each signal to the vCPU's thread.
    func passSpin() throws(KVMError) {
      guard let spin = platform.sharedPoints?.spin, platform.pending == 0, platform.deadline != .max,
        page.pointee.if_flag != 0
      else { return }
      var system = kvm_sregs()
      guard machine.vcpu.call(ckvm_get_sregs, &system) == 0 else { return }
      let base = system.efer & 0x400 != 0 && system.cs.l != 0 ? 0 : system.cs.base
      let bytes = readGuest(linear: base &+ (try generalRegisters().rip), count: spin.count)
      if InstructionBytes(bytes) == spin { _ = platform.skipToDeadline() }
    }

    /// Gives KVM the storage as the platform shows it now.
    func takeView() throws(KVMError) {
      guard viewVersion != platform.viewVersion else { return }
      viewVersion = platform.viewVersion
      try machine.map(platform.slots)
    }
  }
#endif
