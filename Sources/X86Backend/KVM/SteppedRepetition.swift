#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// One iteration at a time of a repeated string instruction.
  ///
  /// The processor takes the debug trap after every iteration, but a kernel that interprets the guest
  /// runs up to a thousand of them in a step. So a step is given a count of 1, and the true
  /// count is put back after it; the host still executes every iteration.
  extension KVMCore {
    /// Lets the next step run one iteration only.
    ///
    /// - Returns: whether the count was changed and ``joinRepetition(_:_:_:)`` must follow.
    func splitRepetition(_ state: ProcessorState, _ opcode: SteppedOpcode) throws(KVMError) -> Bool {
      guard opcode.isRepeated, state[.rcx] & opcode.addressMask > 1 else { return false }
      try setCount(1 | state[.rcx] & ~opcode.addressMask, address: nil)
      return true
    }

    /// Puts the true count back after an iteration, and the instruction itself when more are to come.
    func joinRepetition(
      _ before: ProcessorState, _ after: inout ProcessorState, _ opcode: SteppedOpcode
    ) throws(KVMError) {
      let mask = opcode.addressMask
      guard after[.rcx] & mask == 0 else {
        // The iteration did not complete: it trapped, or the run ends here.
        after[.rcx] = before[.rcx]
        return try setCount(before[.rcx], address: nil)
      }
      let rest = (before[.rcx] & mask) &- 1
      let zero = after[.rflags] & 0x40 != 0
      let goesOn =
        switch opcode.kind {
        case .repeated(.whileZero): zero
        case .repeated(.whileNotZero): !zero
        default: true
        }
      // A 32-bit count in 64-bit code clears the upper half, as every 32-bit result does.
      after[.rcx] = mask == 0xFFFF ? before[.rcx] & ~mask | rest : rest
      if goesOn { after[.rip] = before[.rip] }
      try setCount(after[.rcx], address: after[.rip])
    }

    private func setCount(_ count: UInt64, address: UInt64?) throws(KVMError) {
      var registers = try generalRegisters()
      registers.rcx = count
      if let address { registers.rip = address }
      guard machine.vcpu.call(ckvm_set_regs, &registers) == 0 else {
        throw .cannotRun("KVM_SET_REGS failed: \(errorText())")
      }
      // Writing general registers disarms the trap flag.
      try setDebugging(steps: true)
    }
  }
#endif
