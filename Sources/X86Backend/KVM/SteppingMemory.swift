#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// What single-stepping reads and mends in guest memory.
  extension KVMCore {
    /// Up to 15 bytes of code at a linear address.
    func fetch(linear address: UInt64, paging: Bool) -> [UInt8] {
      guard !paging else { return readGuest(linear: address, count: 15) }
      let size = UInt64(platform.memory.size)
      let start = address & platform.view.addressMask
      guard start < size else {
        // Read-only memory; elsewhere there is no code.
        return platform.roms.contains { $0.range.contains(start) }
          ? (0..<15).map { platform.outsideByte(start &+ $0) } : []
      }
      let end = min(start + 15, size)
      return (try? platform.memory.read(Int(start)..<Int(end))) ?? []
    }

    /// Refreshes the registers that ordinary instructions change: general, segment and control registers.
    func readFrequent(into state: inout ProcessorState) throws(KVMError) {
      KVMVirtualMachine.read(try generalRegisters(), into: &state)
      var system = kvm_sregs()
      guard machine.vcpu.call(ckvm_get_sregs, &system) == 0 else {
        throw .cannotRun("KVM_GET_SREGS failed: \(errorText())")
      }
      KVMVirtualMachine.read(system, into: &state)
    }

    /// Whether an instruction is about to leave for ring 3, where some hosts lose the step.
    func entersRing3(_ state: ProcessorState, _ opcode: SteppedOpcode) -> Bool {
      guard state[.cr0] & 1 != 0, state[.cs] & 3 != 3 else { return false }
      switch opcode.leavesRing {
      case .never: return false
      case .always: return true
      case .popped(let width):
        let is64 = state[.efer] & 0x400 != 0 && state[.csAttributes] & 0x2000 != 0
        let stack = stackAddress(state, is64: is64) &+ UInt64(width)
        return readGuest(linear: stack, count: 1).first.map { $0 & 3 == 3 } ?? false
      }
    }

    /// Linear address of the stack's top.
    private func stackAddress(_ state: ProcessorState, is64: Bool) -> UInt64 {
      if is64 { return state[.rsp] }
      let wide = state[.ssAttributes] & 0x4000 != 0
      return (state[.ssBase] &+ (state[.rsp] & (wide ? 0xFFFF_FFFF : 0xFFFF))) & 0xFFFF_FFFF
    }

    /// Clears the trap flag in the flags that PUSHF just pushed.
    func clearTrapFlagOnStack(_ state: ProcessorState, width: Width) {
      let linear = stackAddress(state, is64: width == .bits64)
      // The flag is bit 0 of the second byte, whatever the width.
      let bytes = readGuest(linear: linear &+ 1, count: 1)
      guard let byte = bytes.first, byte & 1 != 0 else { return }
      var translation = kvm_translation()
      translation.linear_address = linear &+ 1
      guard machine.vcpu.call(ckvm_translate, &translation) == 0, translation.valid != 0 else { return }
      platform.memory.store(translation.physical_address, UInt64(byte & 0xFE), width: 1)
    }

    /// Linear address of the handler that a vector leads to; `nil` where the table has none.
    func handlerAddress(_ vector: UInt64, _ state: ProcessorState) -> UInt64? {
      let long = state[.efer] & 0x400 != 0
      let protected = state[.cr0] & 1 != 0
      let size: UInt64 = long ? 16 : protected ? 8 : 4
      guard vector &* size &+ size &- 1 <= state[.idtrLimit] else { return nil }
      let gate = readGuest(linear: state[.idtrBase] &+ vector &* size, count: Int(size))
      guard gate.count == Int(size) else { return nil }
      func number(_ bytes: [UInt8], _ at: Int, _ width: Int) -> UInt64 {
        (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[at + $1]) << UInt64($1 * 8) }
      }
      let selector = number(gate, 2, 2)
      let low = number(gate, 0, 2)
      if !protected { return selector << 4 &+ low }
      guard gate[5] & 0x80 != 0 else { return nil }
      if long { return low | number(gate, 6, 2) << 16 | number(gate, 8, 4) << 32 }
      let table = selector & 4 == 0 ? state[.gdtrBase] : state[.ldtrBase]
      let descriptor = readGuest(linear: table &+ selector & 0xFFF8, count: 8)
      guard descriptor.count == 8 else { return nil }
      let base = number(descriptor, 2, 3) | UInt64(descriptor[7]) << 24
      let offset = gate[5] & 0x08 != 0 ? low | number(gate, 6, 2) << 16 : low
      return (base &+ offset) & 0xFFFF_FFFF
    }

    /// The vector whose gate leads to `address`, below 32; `nil` when there is none.
    func handlerVector(_ address: UInt64, _ state: ProcessorState) -> UInt32? {
      let long = state[.efer] & 0x400 != 0
      let protected = state[.cr0] & 1 != 0
      let size = long ? 16 : protected ? 8 : 4
      let count = min(32, (Int(state[.idtrLimit]) + 1) / size)
      for vector in 0..<count {
        let gate = readGuest(linear: state[.idtrBase] &+ UInt64(vector * size), count: size)
        guard gate.count == size else { return nil }
        func number(_ at: Int, _ width: Int) -> UInt64 {
          (0..<width).reduce(UInt64(0)) { $0 | UInt64(gate[at + $1]) << UInt64($1 * 8) }
        }
        let low = number(0, 2)
        let offset = protected ? low | number(6, 2) << 16 | (long ? number(8, 4) << 32 : 0) : low
        if protected && gate[5] & 0x80 == 0 { continue }
        if offset == address { return UInt32(vector) }
      }
      return nil
    }
  }
#endif
