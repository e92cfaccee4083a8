#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  /// Which instruction stored to a device's memory.
  ///
  /// Where the kernel interprets the guest, the exit of a store comes with the program counter behind the
  /// instruction, so it is looked for in the bytes before: the shortest instruction that ends there, names that
  /// address, and stores that value.
  extension KVMCore {
    func storeAddress(_ access: DeviceAccess, after: UInt64, system: kvm_sregs) -> UInt64? {
      guard let state = try? machine.readState(halted: false) else { return nil }
      let is64 = system.efer & 0x400 != 0 && system.cs.l != 0
      let context: X86DecodeContext = is64 ? .long64 : system.cs.db != 0 ? .flat32 : .real16
      let base = is64 ? 0 : system.cs.base
      for length in 1...UInt64(15) {
        let bytes = readGuest(linear: base &+ after &- length, count: Int(length))
        guard bytes.count == Int(length),
          case .decoded(let decoded) = X86Decoder.shared.decode(InstructionBytes(bytes), context: context),
          decoded.length == Int(length), decoded.operandCount > 0, decoded.operands[0].kind == .memory,
          Int(decoded.operands[0].width.rawValue) == access.size * 8,
          physical(decoded.operands[0], state, next: after, is64: is64) == access.address
        else { continue }
        if decoded.operandCount > 1, let value = value(decoded.operands[1], state),
          (value ^ access.value) & mask(decoded.operands[0].width) != 0
        {
          continue
        }
        return after &- length
      }
      return nil
    }

    private func mask(_ width: Width) -> UInt64 {
      width.rawValue >= 64 ? .max : 1 << UInt64(width.rawValue) &- 1
    }

    /// What a source operand gives, as far as the instruction has not changed it.
    private func value(_ operand: Operand, _ state: ProcessorState) -> UInt64? {
      switch operand.kind {
      case .immediate: operand.value
      case .register where Int(operand.register) < state.registers.count:
        state.registers[Int(operand.register)] >> UInt64(operand.shift) & mask(operand.width)
      default: nil
      }
    }

    private func physical(
      _ operand: Operand, _ state: ProcessorState, next: UInt64, is64: Bool
    ) -> UInt64? {
      func register(_ number: RegisterID) -> UInt64 {
        if number == Operand.nextPC { return next }
        return Int(number) < state.registers.count ? state.registers[Int(number)] : 0
      }
      var address = operand.value &+ register(operand.register)
      address &+= register(operand.index) << UInt64(operand.shift)
      address &= mask(operand.addressWidth)
      // In 64-bit mode only FS and GS have a base.
      if !is64 || operand.segment >= 4 { address &+= state.segment(Int(min(operand.segment, 5))).base }
      var translation = kvm_translation()
      translation.linear_address = is64 ? address : address & 0xFFFF_FFFF
      guard machine.vcpu.call(ckvm_translate, &translation) == 0, translation.valid != 0 else { return nil }
      return translation.physical_address & platform.view.addressMask
    }
  }
#endif
