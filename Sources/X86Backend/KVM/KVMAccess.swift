#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  /// One access of the guest to a device, as an exit told it.
  struct DeviceAccess {
    var isPort: Bool
    var isWrite: Bool
    /// Port or guest-physical address.
    var address: UInt64
    var size: Int
    var value: UInt64
  }

  extension KVMCore {
    /// Carries out the accesses of a KVM_EXIT_IO; there are several for a string instruction.
    ///
    /// - Returns: the accesses when `collects` is set, for the trace.
    func carryOutPortAccess(collects: Bool) -> [DeviceAccess] {
      let run = page
      let isWrite = ckvm_io_is_out(run) != 0
      let size = Int(ckvm_io_size(run))
      let port = UInt64(ckvm_io_port(run))
      let count = Int(ckvm_io_count(run))
      let offset = Int(truncatingIfNeeded: ckvm_io_data_offset(run))
      var accesses: [DeviceAccess] = []
      isIncomplete = true
      guard size == 1 || size == 2 || size == 4, offset >= 0, offset <= machine.page.size,
        count <= (machine.page.size - offset) / size
      else {
        reportBreach("an exit told of a port access of \(count)×\(size) bytes outside the run page")
        return []
      }
      // SAFETY: `count * size` bytes from `offset` lie inside the run page, as just checked.
      var datum = UnsafeMutableRawPointer(run) + offset
      for _ in 0..<count {
        let value: UInt64
        if isWrite {
          value = Self.load(datum, size)
          platform.write(.port, port, value, width: size)
        } else {
          value = platform.read(.port, port, width: size)
          Self.store(datum, value, size)
        }
        if collects {
          accesses.append(
            DeviceAccess(isPort: true, isWrite: isWrite, address: port, size: size, value: value))
        }
        datum += size
      }
      return accesses
    }

    /// Carries out the access of a KVM_EXIT_MMIO.
    ///
    /// - Returns: the access; `nil` for a store to read-only memory, which is none to a device.
    func carryOutMemoryAccess() -> DeviceAccess? {
      let run = page
      let isWrite = ckvm_mmio_is_write(run) != 0
      let size = min(Int(ckvm_mmio_length(run)), 8)
      let address = ckvm_mmio_address(run) & platform.view.addressMask
      // SAFETY: the exit's data field holds eight bytes.
      let datum = UnsafeMutableRawPointer(ckvm_mmio_data(run)!)
      isIncomplete = true
      if isWrite,
        platform.isProtected(address) || platform.roms.contains(where: { $0.range.contains(address) })
      {
        var value: UInt64 = 0
        for index in 0..<size {
          value |= UInt64(datum.load(fromByteOffset: index, as: UInt8.self)) << UInt64(index * 8)
        }
        if platform.isProtected(address) { platform.storeProtected(address, value, width: size) }
        return nil
      }
      if platform.memory.contains(address, count: 1) {
        reportBreach("an access to the guest's own storage at \(hex(address)) came out of KVM")
      }
      var value: UInt64 = 0
      if isWrite {
        for index in 0..<size {
          value |= UInt64(datum.load(fromByteOffset: index, as: UInt8.self)) << UInt64(index * 8)
        }
        platform.write(.memory, address, value, width: size)
      } else {
        value = platform.read(.memory, address, width: size)
        for index in 0..<size {
          datum.storeBytes(
            of: UInt8(truncatingIfNeeded: value >> UInt64(index * 8)), toByteOffset: index, as: UInt8.self)
        }
      }
      return DeviceAccess(isPort: false, isWrite: isWrite, address: address, size: size, value: value)
    }

    // SAFETY: both are called with `size` valid bytes at the pointer.
    private static func load(_ pointer: UnsafeMutableRawPointer, _ size: Int) -> UInt64 {
      switch size {
      case 1: UInt64(pointer.load(as: UInt8.self))
      case 2: UInt64(pointer.loadUnaligned(as: UInt16.self))
      default: UInt64(pointer.loadUnaligned(as: UInt32.self))
      }
    }

    private static func store(_ pointer: UnsafeMutableRawPointer, _ value: UInt64, _ size: Int) {
      switch size {
      case 1: pointer.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
      case 2: pointer.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
      default: pointer.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
      }
    }

    // MARK: Where the access came from

    /// Guest memory at a linear address, up to `count` bytes, translated by the vCPU's own tables.
    func readGuest(linear address: UInt64, count: Int) -> [UInt8] {
      var bytes: [UInt8] = []
      var next = address
      while bytes.count < count {
        let inPage = min(count - bytes.count, 4096 - Int(next & 4095))
        var translation = kvm_translation()
        translation.linear_address = next
        guard machine.vcpu.call(ckvm_translate, &translation) == 0, translation.valid != 0,
          platform.memory.contains(translation.physical_address, count: inPage)
        else { break }
        let start = Int(translation.physical_address)
        guard let part = try? platform.memory.read(start..<(start + inPage)) else { break }
        bytes += part
        next &+= UInt64(inPage)
      }
      return bytes
    }

    /// Address of the instruction whose access was just completed.
    ///
    /// KVM says only where the vCPU was at the exit, and that is behind the instruction when the
    /// kernel interpreted it and before it when the hardware exited. If completing the access moved
    /// the program counter, it was before; if not, the instruction is looked for in the bytes.
    func accessAddress(_ access: DeviceAccess, before: UInt64, after: UInt64, system: kvm_sregs) -> UInt64 {
      if before != after { return before }
      guard access.isPort else {
        return access.isWrite ? storeAddress(access, after: after, system: system) ?? before : before
      }
      let base = system.efer & 0x400 != 0 && system.cs.l != 0 ? 0 : system.cs.base
      let here = readGuest(linear: base &+ after, count: 4)
      if Self.isRepeatedStringAccess(here, isWrite: access.isWrite) { return after }
      let bytes = readGuest(linear: base &+ after &- 4, count: 4)
      guard bytes.count == 4 else { return before }
      var length = 1
      let input: UInt8 = access.isWrite ? 2 : 0
      let wide: UInt8 = access.size == 1 ? 0 : 1
      if bytes[2] == 0xE4 | input | wide && UInt64(bytes[3]) == access.address {
        length = 2
      } else if bytes[3] != 0xEC | input | wide && bytes[3] != 0x6C | input | wide {
        return before
      }
      // Prefixes in front of the opcode: operand size, repeat.
      let is16 = system.cs.l == 0 && system.cs.db == 0
      if (access.size == 2 && !is16) || (access.size == 4 && is16) {
        if bytes[3 - length] == 0x66 { length += 1 }
      }
      if bytes[3] == 0x6C | input | wide, length < 4, bytes[3 - length] & 0xFE == 0xF2 { length += 1 }
      return after &- UInt64(length)
    }

    private static func isRepeatedStringAccess(_ bytes: [UInt8], isWrite: Bool) -> Bool {
      var repeats = false
      for byte in bytes {
        switch byte {
        case 0xF2, 0xF3: repeats = true
        case 0x66, 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x40...0x4F: continue
        case 0x6C, 0x6D: return repeats && !isWrite
        case 0x6E, 0x6F: return repeats && isWrite
        default: return false
        }
      }
      return false
    }
  }
#endif
