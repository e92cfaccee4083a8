#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  extension KVMCore {
    /// Executes the first instruction of a run when the run starts where it should stop.
    ///
    /// A breakpoint in a debug register stops before that instruction; no engine stops there. So it is
    /// single-stepped first, and its exits recorded as in a free run.
    /// - Returns: why the run ends with this instruction, if it does.
    func leaveBreakpoint(
      _ limits: RunLimits, _ recorder: TraceRecorder?, _ stepper: SingleStepper
    ) throws(KVMError) -> StopReason? {
      guard !limits.until.isEmpty else { return nil }
      let state = try readState()
      let is64 = state[.efer] & 0x400 != 0 && state[.csAttributes] & 0x2000 != 0
      let linear = is64 ? state[.rip] : (state[.csBase] &+ state[.rip]) & 0xFFFF_FFFF
      guard limits.until.contains(linear) else { return nil }
      let counts = (platform.retired, stepped)
      // A free run counts nothing.
      defer { (platform.retired, stepped) = counts }
      let filter = TraceRecorder(level: .instructions) { batch in
        for record in batch
        where record.kind == EventKind.exit.rawValue || record.kind == EventKind.device.rawValue {
          recorder?.append(record)
        }
      }
      var stepper = stepper
      let stop = try stepper.run(self, RunLimits(instructions: 1, until: limits.until), filter)
      filter.flush()
      refusal = stepper.refusal
      return stop == .limit ? nil : stop
    }

    /// Arms single-stepping or stops at linear addresses and at ``watches``, or disarms all.
    ///
    /// Single-stepping must be armed again after general registers were written.
    func setDebugging(steps: Bool, breakpoints: Set<UInt64> = []) throws(KVMError) {
      let slots = watches + breakpoints.sorted().map { DebugSlot(execution: $0) }
      guard steps || !slots.isEmpty || isDebugging else { return }
      isDebugging = steps || !slots.isEmpty
      var debug = kvm_guest_debug()
      if steps { debug.control = ckvm_guestdbg_singlestep }
      if !slots.isEmpty {
        debug.control |= ckvm_guestdbg_hardware
        func address(_ index: Int) -> UInt64 { index < slots.count ? slots[index].address : 0 }
        debug.arch.debugreg.0 = address(0)
        debug.arch.debugreg.1 = address(1)
        debug.arch.debugreg.2 = address(2)
        debug.arch.debugreg.3 = address(3)
        debug.arch.debugreg.7 = DebugSlot.control(slots)
      }
      guard machine.vcpu.call(ckvm_set_guest_debug, &debug) == 0 else {
        throw .cannotRun("KVM_SET_GUEST_DEBUG failed: \(errorText())")
      }
    }

    /// Keeps which of ``watches`` a DEBUG exit tells of: bit n of DR6 stands for debug register n.
    func noteHits() {
      guard !watches.isEmpty else { return }
      let bits = ckvm_debug_dr6(page)
      for number in watches.indices where bits >> UInt64(number) & 1 != 0 { hits.insert(number) }
    }
  }
#endif
