#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// Which pages of storage were written to: by the guest, as KVM's dirty log has it, and by devices.
  ///
  /// The log is KVM's own (KVM_MEM_LOG_DIRTY_PAGES): a page counts when something was stored in it, if only the value
  /// that was there, and so does one in which the processor set an accessed or dirty bit of a page table.
  struct KVMDirtyLog {
    /// A bit a page of storage.
    fileprivate var bits: [UInt64]

    fileprivate init(pages: Int) { bits = [UInt64](repeating: 0, count: (pages + 63) / 64) }

    /// Numbers of the pages, ascending.
    var pages: [UInt64] {
      bits.enumerated().flatMap { index, word in
        (0..<64).filter { word >> UInt64($0) & 1 != 0 }.map { UInt64(index * 64 + $0) }
      }
    }

    fileprivate mutating func add(_ page: Int) {
      guard page >= 0, page >> 6 < bits.count else { return }
      bits[page >> 6] |= 1 << UInt64(page & 63)
    }

    fileprivate mutating func add(_ range: Range<Int>) {
      guard !range.isEmpty else { return }
      for page in (range.lowerBound / GuestMemory.pageSize)...((range.upperBound - 1) / GuestMemory.pageSize)
      {
        add(page)
      }
    }

    /// What is wrong with this host's dirty log, measured with a guest that writes to two pages and reads a third;
    /// `nil` where it is true.
    static let lack: String? = {
      // MOV [0x20000], AL; MOV EBX, [0x30000]; MOV [0x41FFE], EAX; HLT.
      let code: [UInt8] = [
        0xA2, 0, 0, 0x02, 0, 0x8B, 0x1D, 0, 0, 0x03, 0, 0xA3, 0xFE, 0x1F, 0x04, 0, 0xF4,
      ]
      guard let probe = try? ProbeGuest(.protected32, code) else { return "no guest could be made" }
      if let failure = probe.guest.logWrites() { return failure }
      let reason = probe.run()
      guard case .idle = reason else { return "the guest that tries it ended so: \(reason)" }
      probe.guest.perform(()) { core in
        do throws(KVMError) { try core.collectWrites() } catch { core.writes = nil }
      }
      guard let pages = probe.guest.writtenPages() else { return "KVM_GET_DIRTY_LOG failed" }
      let expected: [UInt64] = [0x20, 0x41, 0x42]
      return pages == expected ? nil : "after writes to the pages \(list(expected)) it says \(list(pages))"
    }()

    private static func list(_ pages: [UInt64]) -> String {
      pages.isEmpty ? "none" : pages.map { hex($0) }.joined(separator: ", ")
    }
  }

  extension KVMCore {
    /// Begins to keep which pages are written to.
    func logWrites() throws(KVMError) {
      guard writes == nil else { return }
      machine.logsWrites = true
      try machine.remap()
      writes = KVMDirtyLog(pages: platform.memory.size / GuestMemory.pageSize)
      let previous = platform.memory.observer
      platform.memory.observer = { [weak self] range in
        previous?(range)
        self?.writes?.add(range)
      }
    }

    /// Takes over what KVM has logged; KVM forgets it.
    func collectWrites() throws(KVMError) {
      guard writes != nil else { return }
      let base = UInt(bitPattern: platform.memory.base)
      for (number, slot) in machine.slots.enumerated() where !slot.isReadOnly && slot.host >= base {
        let pages = Int(slot.size) / GuestMemory.pageSize
        let first = Int(slot.host - base) / GuestMemory.pageSize
        var bits = [UInt64](repeating: 0, count: (pages + 63) / 64)
        var log = kvm_dirty_log()
        log.slot = UInt32(number)
        // SAFETY: the bitmap has a bit for each page of the slot, in whole words, and lives through the call.
        let status = bits.withUnsafeMutableBytes { buffer in
          log.dirty_bitmap = buffer.baseAddress
          return machine.vm.call(ckvm_get_dirty_log, &log)
        }
        guard status == 0 else { throw .cannotRun("KVM_GET_DIRTY_LOG failed: \(errorText())") }
        for (index, word) in bits.enumerated() where word != 0 {
          for bit in 0..<64 where word >> UInt64(bit) & 1 != 0 { writes?.add(first + index * 64 + bit) }
        }
      }
    }
  }
#endif
