import MachineCore
import Testing
import X86Backend

/// Paging and its translation table (Intel SDM vol. 3, chapter 4).
@Suite struct SystemPagingTests {
  private static let directory = SystemGuest.tables
  private static let table = SystemGuest.tables + 0x1000
  /// A linear page of the test's own, and two frames for it.
  private static let page: UInt64 = 0x10_0000
  private static let frames: [UInt64] = [0x6_0000, 0x6_1000]

  /// 32-bit paging: the first 4 MiB are mapped one to one, `entry` at the test's page.
  private func paged(_ kind: EngineKind, _ entry: UInt64, _ bytes: [UInt8]) throws -> SystemGuest {
    var guest = try SystemGuest(.protected32, on: kind, bytes)
    guest.memory.store(Self.directory, Self.table | 7, width: 4)
    for number in 0..<UInt64(512) { guest.memory.store(Self.table + number * 4, number << 12 | 7, width: 4) }
    guest.memory.store(Self.table + (Self.page >> 12) * 4, entry, width: 4)
    for (number, frame) in Self.frames.enumerated() {
      guest.memory.store(frame, 0x1111_1111 * UInt64(number + 1), width: 4)
    }
    guest.state[.cr3] = Self.directory
    guest.state[.cr0] = 0x8000_0011
    guest.state[.rbx] = Self.page
    guest.state[.rsi] = Self.table + (Self.page >> 12) * 4
    return guest
  }

  /// MOV EAX, [EBX]; MOV [ESI], EDX; MOV ECX, [EBX]; then `flush`; MOV EDI, [EBX].
  private static func remap(_ flush: [UInt8]) -> [UInt8] {
    [0x8B, 0x03, 0x89, 0x16, 0x8B, 0x0B] + flush + [0x8B, 0x3B]
  }

  @Test(arguments: SystemGuest.engines) func storesIntoTablesCountAfterAnInvalidation(_ kind: EngineKind)
    throws
  {
    for (flush, global, forgets) in [
      ([0x90], false, false), ([0x0F, 0x01, 0x3B], false, true),
      ([0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8], false, true),
      ([0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8], true, false), ([0x0F, 0x01, 0x3B], true, true),
      // CR4.PGE off, from EBP.
      ([0x0F, 0x22, 0xE5], true, true),
    ] as [([UInt8], Bool, Bool)] {
      let bits: UInt64 = global ? 0x107 : 7
      var guest = try paged(kind, Self.frames[0] | bits, Self.remap(flush))
      guest.state[.cr4] = 0x80
      guest.state[.rdx] = Self.frames[1] | bits
      try guest.run(flush.count == 6 ? 6 : 5)
      #expect(guest.state[.rcx] == 0x1111_1111, "\(flush), \(global)")
      #expect(guest.state[.rdi] == (forgets ? 0x2222_2222 : 0x1111_1111), "\(flush), \(global)")
    }
  }

  @Test(arguments: SystemGuest.engines) func addedRightsCountAtOnce(_ kind: EngineKind) throws {
    // MOV EAX, [EBX]; MOV [ESI], EDX; MOV [EBX], EAX with CR0.WP.
    var guest = try paged(kind, Self.frames[0] | 5, [0x8B, 0x03, 0x89, 0x16, 0x89, 0x03])
    guest.state[.cr0] |= 0x1_0000
    guest.state[.rdx] = Self.frames[0] | 7
    try guest.run(3)
    #expect(guest.traps.isEmpty)
    #expect(guest.word(guest.state[.rsi]) == Self.frames[0] | 0x67)
  }

  @Test(arguments: SystemGuest.engines) func errorCodes(_ kind: EngineKind) throws {
    // entry, ring 3, write, CR0.WP, error code or nil
    for (entry, user, write, protects, code) in [
      (0, false, false, false, 0), (0, false, true, false, 2), (0, true, false, false, 4),
      (3, true, false, false, 5),
      (3, true, true, false, 7), (5, true, true, false, 7), (5, false, true, true, 3),
      (5, false, true, false, nil),
      (7, true, true, true, nil),
    ] as [(UInt64, Bool, Bool, Bool, UInt64?)] {
      var guest = try paged(kind, Self.frames[0] | entry, write ? [0x89, 0x03] : [0x8B, 0x03])
      if user { guest.enterRing3() }
      if protects { guest.state[.cr0] |= 0x1_0000 }
      try guest.run(code == nil ? 1 : 2)
      if let code {
        #expect(guest.vector == 14)
        #expect(guest.frame(1) == [code], "\(entry)")
        #expect(guest.state[.cr2] == Self.page)
        #expect(guest.word(guest.state[.rsi]) == Self.frames[0] | entry)
      } else {
        #expect(guest.traps.isEmpty)
        #expect(guest.word(guest.state[.rsi]) == Self.frames[0] | entry | 0x60)
      }
    }
  }

  @Test(arguments: SystemGuest.engines) func largePagesOf4MiB(_ kind: EngineKind) throws {
    for (entry, code) in [(0xE7, nil), (0x20E7, 9)] as [(UInt64, UInt64?)] {
      var guest = try paged(kind, 7, [0x8B, 0x03])
      guest.state[.cr4] = 0x10
      guest.memory.store(Self.directory + 4, entry, width: 4)
      guest.state[.rbx] = 0x40_0000 + Self.frames[1]
      try guest.run(code == nil ? 1 : 2)
      if let code {
        #expect(guest.frame(1) == [code])
      } else {
        #expect(guest.state[.rax] == 0x2222_2222)
      }
    }
  }

  /// PAE paging: a directory of large pages one to one, and the test's page at 2 MiB.
  private func pae(_ kind: EngineKind, _ entry: UInt64, _ bytes: [UInt8]) throws -> SystemGuest {
    var guest = try SystemGuest(.protected32, on: kind, bytes)
    let top = SystemGuest.tables
    guest.memory.store(top, (top + 0x1000) | 1, width: 8)
    guest.memory.store(top + 0x1000, 0x87, width: 8)
    guest.memory.store(top + 0x1008, entry, width: 8)
    guest.state[.rax] = top
    guest.state[.rcx] = 0x8000_0011
    guest.state[.rbx] = 0x20_0000
    guest.state[.cr4] = 0x20
    return guest
  }

  @Test(arguments: SystemGuest.engines) func pagingWithPAE(_ kind: EngineKind) throws {
    // MOV CR3, EAX; MOV CR0, ECX; MOV EDX, [EBX + 60000h]
    var guest = try pae(
      kind, 0x87, [0x0F, 0x22, 0xD8, 0x0F, 0x22, 0xC1, 0x8B, 0x93, 0, 0, 6, 0])
    guest.memory.store(0x6_0000, 0x3333_3333, width: 4)
    try guest.run(3)
    #expect(guest.state[.rdx] == 0x3333_3333)
    #expect(guest.state[.pdpte0] == (SystemGuest.tables + 0x1000) | 1)
    // The top level is in registers: a store into it does not count.
    // A present entry with a reserved bit: general protection.
    var bad = try pae(kind, 0x87, [0x0F, 0x22, 0xD8, 0x0F, 0x22, 0xC1])
    bad.memory.store(SystemGuest.tables + 8, 3, width: 8)
    try bad.run()
    #expect(bad.vector == 13)
    #expect(bad.frame(2)[1] == SystemGuest.code + 3)
  }

  @Test(arguments: SystemGuest.engines) func executeDisableAndSMEP(_ kind: EngineKind) throws {
    // JMP EBX into the test's page.
    for (entry, nxe, cr4, code) in [
      (1 << 63 | 0x83, true, 0x20, 0x11), (1 << 63 | 0x83, false, 0x20, 9), (0x87, true, 0x10_0020, 0x11),
      (0x83, true, 0x10_0020, nil),
    ] as [(UInt64, Bool, UInt64, UInt64?)] {
      var guest = try pae(kind, entry, [0x0F, 0x22, 0xD8, 0x0F, 0x22, 0xC1, 0xFF, 0xE3])
      // The code's own page belongs to the system.
      guest.memory.store(SystemGuest.tables + 0x1000, 0x83, width: 8)
      guest.state[.cr4] = cr4
      guest.state[.efer] = nxe ? 0x800 : 0
      guest.memory.store(0, 0xF4, width: 1)
      try guest.run(4)
      if let code {
        #expect(guest.vector == 14)
        #expect(guest.frame(2) == [code, 0x20_0000])
      } else {
        #expect(guest.state[.rip] == 0x20_0001)
      }
    }
  }

  @Test(arguments: SystemGuest.engines) func faultWhileAPageFaultIsDelivered(_ kind: EngineKind) throws {
    // No gate for page faults, and the stack's page is missing: a double fault that cannot be delivered either.
    var guest = try paged(kind, 0, [0x8B, 0x03])
    guest.state[.rsp] = Self.page + 0x800
    try guest.run()
    #expect(guest.stop == .checkStop(cause: 8, pc: SystemGuest.code))
    var gate = try paged(kind, 0, [0x8B, 0x03])
    gate.setGate(14, type: 0x0E)
    try gate.run()
    #expect(gate.vector == 8)
    #expect(gate.state[.cr2] == Self.page)
  }
}
