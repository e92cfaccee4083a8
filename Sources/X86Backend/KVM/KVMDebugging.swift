#if os(Linux) && arch(x86_64)
  internal import CKVM

  extension KVMCore {
    /// How many addresses the debug registers can stop at.
    static var breakpointCount: Int { 4 }

    /// Arms single-stepping or stops at linear addresses, or disarms both.
    ///
    /// Single-stepping must be armed again after general registers were written.
    func setDebugging(steps: Bool, breakpoints: Set<UInt64> = []) throws(KVMError) {
      guard steps || !breakpoints.isEmpty || isDebugging else { return }
      isDebugging = steps || !breakpoints.isEmpty
      var debug = kvm_guest_debug()
      if steps { debug.control = ckvm_guestdbg_singlestep }
      if !breakpoints.isEmpty {
        debug.control |= ckvm_guestdbg_hardware
        let addresses = breakpoints.sorted()
        func address(_ index: Int) -> UInt64 { index < addresses.count ? addresses[index] : 0 }
        debug.arch.debugreg.0 = address(0)
        debug.arch.debugreg.1 = address(1)
        debug.arch.debugreg.2 = address(2)
        debug.arch.debugreg.3 = address(3)
        // Global enable bits, exact-match bits and the one that always reads as one; type 0: execution.
        var control: UInt64 = 0x700
        for index in 0..<min(addresses.count, Self.breakpointCount) { control |= 2 << UInt64(index * 2) }
        debug.arch.debugreg.7 = control
      }
      guard machine.vcpu.call(ckvm_set_guest_debug, &debug) == 0 else {
        throw .cannotRun("KVM_SET_GUEST_DEBUG failed: \(errorText())")
      }
    }
  }
#endif
