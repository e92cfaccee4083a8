#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  extension KVMCore {
    /// Runs the guest at full speed until it stops or the watchdog strikes.
    func runFreely(
      _ recorder: TraceRecorder?, _ limits: RunLimits = RunLimits()
    ) throws(KVMError) -> StopReason {
      clock?.begin(platform)
      defer { clock?.end() }
      while true {
        try takeView()
        if platform.controller != nil {
          try prepareEntry(limits, recorder)
          // Recording an interrupt enters the guest, and its time can be up by then.
          if recorder != nil, !hasUnseenExit, ckvm_get_immediate_exit(page) != 0 { return .hostTimeLimit }
        }
        if recorder == nil {
          runPortWrites()
          if let stop = platform.stop { return stop }
          if ckvm_get_immediate_exit(page) != 0 { return .hostTimeLimit }
          try takeView()
        }
        if let failure = recorder?.failure { return .recorderFailed("\(failure)") }
        switch enter() {
        case .failed(let text): return .hostFailure(text)
        case .interrupted:
          if ckvm_get_immediate_exit(page) != 0 { return .hostTimeLimit }
          try passSpin()
        case .exit(let reason):
          clock?.update(platform)
          if let stop = try handle(reason, recorder) { return stop }
        }
      }
    }

    /// Serves single port writes, the commonest exits by far, as long as nothing else comes.
    ///
    /// Any other exit is left for the general loop to look at.
    private func runPortWrites() {
      guard !hasUnseenExit, platform.stop == nil, platform.controller == nil else { return }
      let page = page
      let vcpu = machine.vcpu.number
      let limit = machine.page.size - 4
      let platform = platform
      var served: UInt64 = 0
      machine.deliveries = 0
      while ckvm_ioctl(vcpu, ckvm_run, 0) == 0 {
        let offset = Int(truncatingIfNeeded: ckvm_io_data_offset(page))
        guard ckvm_exit_reason(page) == UInt32(KVM_EXIT_IO), ckvm_io_is_out(page) != 0,
          ckvm_io_count(page) == 1, offset >= 0, offset <= limit
        else {
          isIncomplete = false
          countServed(served)
          hasUnseenExit = true
          return
        }
        // SAFETY: four bytes from `offset` lie inside the run page; the platform takes as many as are valid.
        let value = (UnsafeRawPointer(page) + offset).loadUnaligned(as: UInt32.self)
        platform.write(
          .port, UInt64(ckvm_io_port(page)), UInt64(value), width: Int(ckvm_io_size(page)))
        served &+= 1
        if platform.stop != nil { break }
      }
      // Interrupted, failed, or switched off: the general loop finds out which when it enters again.
      countServed(served)
      isIncomplete = served > 0
    }

    /// Does what an exit asks for.
    ///
    /// - Returns: why the run ends, if it does.
    func handle(_ reason: UInt32, _ recorder: TraceRecorder?) throws(KVMError) -> StopReason? {
      switch Int32(bitPattern: reason) {
      case KVM_EXIT_IO:
        passTime()
        guard let recorder else {
          _ = carryOutPortAccess(collects: false)
          return platform.stop
        }
        let before = try generalRegisters().rip
        let accesses = carryOutPortAccess(collects: true)
        try record(accesses, reason, before: before, recorder)
        return platform.stop
      case KVM_EXIT_MMIO:
        passTime()
        guard let recorder else {
          _ = carryOutMemoryAccess()
          return platform.stop
        }
        let before = try generalRegisters().rip
        // Stores to read-only memory are no accesses to a device.
        guard let access = carryOutMemoryAccess() else { return nil }
        try record([access], reason, before: before, recorder)
        return platform.stop
      case KVM_EXIT_HLT:
        isHalted = true
        let pc = try generalRegisters().rip
        recorder?.append(
          TraceRecord(.exit, mode: privilege(), code: reason, clock: platform.retired, pc: pc))
        switch try waitForInterrupt() {
        case .never: return .idle(pc: pc)
        case .outOfTime: return .hostTimeLimit
        case .woken: isHalted = false
        }
        return platform.stop
      case KVM_EXIT_SHUTDOWN:
        let pc = try clearResumeFlag()
        recorder?.append(TraceRecord(.exit, mode: 0, code: reason, clock: platform.retired, pc: pc))
        return .checkStop(cause: UInt32(X86Vector.doubleFault), pc: pc)
      case KVM_EXIT_DEBUG:
        noteHits()
        return .breakpoint(pc: try generalRegisters().rip)
      case KVM_EXIT_INTR, KVM_EXIT_IRQ_WINDOW_OPEN, KVM_EXIT_SET_TPR:
        // The last one tells that the guest lowered CR8.
        return nil
      case KVM_EXIT_FAIL_ENTRY:
        return .hostFailure(
          "KVM_EXIT_FAIL_ENTRY: the hardware refused the guest's state, reason \(hex(ckvm_fail_entry_reason(page)))"
        )
      case KVM_EXIT_INTERNAL_ERROR:
        return .hostFailure(try describeInternalError())
      default:
        reportBreach("KVM_EXIT_\(KVMExit.name(reason)): the guest reached for something it was not given")
        return .hostFailure("KVM_EXIT_\(KVMExit.name(reason)), which this machine has no use for")
      }
    }

    /// Takes the resume flag away, which the processor sets when it begins to deliver a fault.
    ///
    /// - Returns: the program counter.
    private func clearResumeFlag() throws(KVMError) -> UInt64 {
      var registers = try generalRegisters()
      if registers.rflags & 0x1_0000 != 0 {
        registers.rflags &= ~0x1_0000
        guard machine.vcpu.call(ckvm_set_regs, &registers) == 0 else {
          throw .cannotRun("KVM_SET_REGS failed: \(errorText())")
        }
      }
      return registers.rip
    }

    private func passTime() {
      // With shared points the platform itself sees to it.
      if platform.controller != nil, clock == nil, platform.sharedPoints == nil {
        platform.idle &+= Self.ticksPerAccess
      }
    }

    /// Records an exit and its accesses; completes the instruction to learn where it was.
    private func record(
      _ accesses: [DeviceAccess], _ reason: UInt32, before: UInt64, _ recorder: TraceRecorder
    ) throws(KVMError) {
      try complete()
      let after = try generalRegisters().rip
      var system = kvm_sregs()
      _ = machine.vcpu.call(ckvm_get_sregs, &system)
      let mode = Self.privilege(system)
      guard let first = accesses.first else { return }
      let pc = accessAddress(first, before: before, after: after, system: system)
      recorder.append(
        TraceRecord(
          .exit, mode: mode, code: reason, clock: platform.retired, pc: pc,
          address: first.isPort ? 0 : first.address, value: first.isPort ? first.address : first.value))
      append(accesses, mode: mode, pc: pc, to: recorder)
    }

    /// Appends device records.
    func append(_ accesses: [DeviceAccess], mode: UInt8, pc: UInt64, to recorder: TraceRecorder) {
      for access in accesses {
        var record = TraceRecord(
          .device, mode: mode, code: access.isPort ? UInt32(truncatingIfNeeded: access.address) : 0,
          clock: platform.retired, pc: pc, address: access.isPort ? 0 : access.address, value: access.value,
          aux: UInt64(access.size))
        if access.isWrite { record.flags |= TraceRecord.writeFlag }
        recorder.append(record)
      }
    }

    /// What the kernel could not do, and on which bytes.
    private func describeInternalError() throws(KVMError) -> String {
      let registers = try generalRegisters()
      var system = kvm_sregs()
      _ = machine.vcpu.call(ckvm_get_sregs, &system)
      let base = system.efer & 0x400 != 0 && system.cs.l != 0 ? 0 : system.cs.base
      let bytes = readGuest(linear: base &+ registers.rip, count: 15)
      let text = bytes.map { hex(UInt64($0), digits: 2).dropFirst(2) }.joined(separator: " ")
      let what =
        switch ckvm_internal_suberror(page) {
        case 1: "the kernel cannot interpret the instruction"
        case 2: "two exceptions at once"
        case 3: "an exit while an event was being delivered"
        case let other: "suberror \(other)"
        }
      return "KVM_EXIT_INTERNAL_ERROR at \(hex(registers.rip)): \(what): [\(text)]"
    }
  }
#endif
