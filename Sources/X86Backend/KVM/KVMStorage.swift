#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// A piece of guest-physical memory as KVM is given it.
  struct KVMSlot: Equatable {
    var guest: UInt64
    var host: UInt
    var size: UInt64
    /// The guest's stores come out as MMIO.
    var isReadOnly: Bool
  }

  extension Platform {
    /// The pieces that make KVM see storage as ``view`` says.
    var slots: [KVMSlot] {
      let start = UInt(bitPattern: memory.base)
      let end = UInt64(memory.size)
      var slots: [KVMSlot] = []
      var next: UInt64 = 0
      func add(_ from: UInt64, _ to: UInt64, _ isReadOnly: Bool) {
        guard from < to else { return }
        slots.append(
          KVMSlot(guest: from, host: start + UInt(from), size: to - from, isReadOnly: isReadOnly))
      }
      for range in view.protected {
        add(next, min(range.lowerBound, end), false)
        add(max(next, min(range.lowerBound, end)), min(range.upperBound, end), true)
        next = max(next, min(range.upperBound, end))
      }
      add(next, end, false)
      for rom in roms {
        slots.append(
          KVMSlot(
            guest: rom.address, host: UInt(bitPattern: rom.storage.base), size: UInt64(rom.storage.size),
            isReadOnly: true))
      }
      return view.addressMask == .max ? slots : Self.aliased(slots, ~view.addressMask)
    }

    /// Where one bit of addresses does not count, both halves show what lies where the bit is clear.
    private static func aliased(_ slots: [KVMSlot], _ bit: UInt64) -> [KVMSlot] {
      guard bit.nonzeroBitCount == 1 else { return slots }
      var result: [KVMSlot] = []
      for slot in slots {
        var offset: UInt64 = 0
        while offset < slot.size {
          let guest = slot.guest + offset
          let size = min(slot.size - offset, bit - guest & (bit - 1))
          if guest & bit == 0 {
            for address in [guest, guest | bit] {
              result.append(
                KVMSlot(
                  guest: address, host: slot.host + UInt(offset), size: size, isReadOnly: slot.isReadOnly))
            }
          }
          offset += size
        }
      }
      return result
    }
  }

  extension KVMVirtualMachine {
    /// Replaces the pieces of memory that KVM has.
    ///
    /// - Throws: ``KVMError/cannotRun(_:)``.
    func map(_ new: [KVMSlot]) throws(KVMError) {
      let last = max(slots.count, new.count)
      // First away with what changes, for pieces must not overlap at any time.
      for number in 0..<last where number < slots.count {
        if number >= new.count || slots[number] != new[number] {
          var gone = slots[number]
          gone.size = 0
          try set(number, gone)
        }
      }
      for number in 0..<new.count where number >= slots.count || slots[number] != new[number] {
        try set(number, new[number])
      }
      slots = new
    }

    /// Gives KVM the pieces that it has once more, with other properties.
    func remap() throws(KVMError) {
      for (number, slot) in slots.enumerated() where !slot.isReadOnly { try set(number, slot) }
    }

    private func set(_ number: Int, _ slot: KVMSlot) throws(KVMError) {
      var region = kvm_userspace_memory_region()
      region.slot = UInt32(number)
      region.guest_phys_addr = slot.guest
      region.memory_size = slot.size
      region.userspace_addr = UInt64(slot.host)
      if slot.size > 0 {
        region.flags =
          slot.isReadOnly ? UInt32(KVM_MEM_READONLY) : logsWrites ? UInt32(KVM_MEM_LOG_DIRTY_PAGES) : 0
      }
      guard vm.call(ckvm_set_user_memory_region, &region) == 0 else {
        throw .cannotRun(
          "KVM_SET_USER_MEMORY_REGION failed for \(slot.size) bytes at \(hex(slot.guest)): \(errorText())")
      }
    }
  }
#endif
