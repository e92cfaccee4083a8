import MachineCore
import Testing
import X86Backend

/// Call gates, tables, privileged and sensitive instructions (Intel SDM vol. 3, chapters 2, 3 and 5).
@Suite struct SystemTransferTests {
  /// A call gate at selector 0x18 (in place of the user code segment's slot 0x38 behind the table).
  private func addDescriptor(_ guest: inout SystemGuest, _ value: UInt64, at selector: UInt64) {
    guest.memory.store(X86Layout.gdt + selector & ~7, value, width: 8)
    guest.state[.gdtrLimit] = 0xFF
  }

  private func callGate(_ target: UInt64, selector: UInt64, type: UInt64, count: UInt64 = 0) -> UInt64 {
    target & 0xFFFF | selector << 16 | count << 32 | type << 40 | (target >> 16) << 48
  }

  @Test(arguments: SystemGuest.engines) func callGateCopiesParameters(_ kind: EngineKind) throws {
    // CALL FAR 43h:0; at the gate's target RETF 8.
    var guest = try SystemGuest(.protected32, on: kind, [0x9A, 0, 0, 0, 0, 0x43, 0, 0x90])
    addDescriptor(&guest, callGate(0x2_0100, selector: 8, type: 0xEC, count: 2), at: 0x40)
    guest.put([0xCA, 8, 0], at: 0x2_0100)
    guest.enterRing3()
    guest.memory.store(SystemGuest.stack, 0x1111_1111, width: 4)
    guest.memory.store(SystemGuest.stack + 4, 0x2222_2222, width: 4)
    try guest.run(1)
    #expect(guest.state[.cs] == 8)
    #expect(guest.state[.rip] == 0x2_0100)
    #expect(guest.state[.rsp] == SystemGuest.innerStack - 24)
    #expect(
      guest.frame(6) == [
        SystemGuest.code + 7, 0x1B, 0x1111_1111, 0x2222_2222, SystemGuest.stack, 0x23,
      ])
    try guest.run(1)
    #expect(guest.state[.cs] == 0x1B)
    #expect(guest.state[.rip] == SystemGuest.code + 7)
    #expect(guest.state[.rsp] == SystemGuest.stack + 8)
  }

  @Test(arguments: SystemGuest.engines) func callGateOf16Bits(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x9A, 0, 0, 0, 0, 0x43, 0])
    // Its target is a 16-bit offset.
    addDescriptor(&guest, callGate(0xA000, selector: 8, type: 0xE4, count: 1), at: 0x40)
    guest.enterRing3()
    guest.memory.store(SystemGuest.stack, 0x1234, width: 2)
    try guest.run(1)
    #expect(guest.state[.rip] == 0xA000)
    #expect(guest.frame(5, width: 2) == [0x0007, 0x1B, 0x1234, 0, 0x23])
  }

  @Test(arguments: SystemGuest.engines) func callGateOf64Bits(_ kind: EngineKind) throws {
    // CALL FAR [40000h]
    var guest = try SystemGuest(.long64, on: kind, [0xFF, 0x1C, 0x25, 0, 0, 4, 0])
    guest.memory.store(0x4_0000, 0x43 << 32, width: 6)
    guest.memory.store(0x4_0004, 0x43, width: 2)
    addDescriptor(&guest, callGate(0x2_0100, selector: 8, type: 0xEC), at: 0x40)
    guest.memory.store(X86Layout.gdt + 0x48, 0, width: 8)
    openPages(guest)
    guest.enterRing3()
    try guest.run(1)
    #expect(guest.state[.rip] == 0x2_0100)
    #expect(guest.state[.ss] == 0)
    #expect(guest.frame(4, width: 8) == [SystemGuest.code + 7, 0x2B, SystemGuest.stack, 0x23])
  }

  /// Lets ring 3 use all pages.
  private func openPages(_ guest: SystemGuest) {
    for entry in [X86Layout.pml4, X86Layout.pdpt, X86Layout.pageDirectories] {
      guest.memory.store(entry, guest.word(entry, 8) | 4, width: 8)
    }
  }

  @Test(arguments: SystemGuest.engines) func gateBelowThePrivilegeLevelFaults(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x9A, 0, 0, 0, 0, 0x43, 0])
    addDescriptor(&guest, callGate(0x2_0100, selector: 8, type: 0x8C), at: 0x40)
    guest.enterRing3()
    try guest.run()
    #expect(guest.vector == 13)
    #expect(guest.frame(1) == [0x40])
  }

  @Test(arguments: SystemGuest.engines) func taskSwitchIsNamed(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x9A, 0, 0, 0, 0, 0x40, 0])
    addDescriptor(&guest, 0x0000_8900_0600_0067, at: 0x40)
    try guest.run()
    guard case .unsupported(let what)? = guest.stop else {
      Issue.record("a task switch ended in \(String(describing: guest.stop))")
      return
    }
    #expect(what.reason == "hardware task switch")
  }

  @Test(arguments: SystemGuest.engines) func localTable(_ kind: EngineKind) throws {
    // LLDT AX; MOV DS, CX; SLDT DX
    var guest = try SystemGuest(
      .protected32, on: kind, [0x0F, 0, 0xD0, 0x8E, 0xD9, 0x0F, 0, 0xC2])
    // A table of one descriptor at 40000h: base 12345h, limit FFh, data.
    addDescriptor(&guest, 0x0000_8204_0000_0007, at: 0x40)
    guest.memory.store(0x4_0000, 0x0040_9201_2345_00FF, width: 8)
    guest.state[.rax] = 0x40
    guest.state[.rcx] = 4
    try guest.run(3)
    #expect(guest.state[.ldtrBase] == 0x4_0000)
    #expect(guest.state[.dsBase] == 0x1_2345)
    #expect(guest.state[.dsLimit] == 0xFF)
    #expect(guest.word(0x4_0000 + 5, 1) == 0x93)
    #expect(guest.state[.rdx] == 0x40)
  }

  @Test(arguments: SystemGuest.engines) func portBitmap(_ kind: EngineKind) throws {
    for (port, allowed) in [(0x70, true), (0x71, false)] as [(UInt8, Bool)] {
      var guest = try SystemGuest(.protected32, on: kind, [0xE4, port])
      guest.enterRing3()
      guest.memory.store(X86Layout.tss + 0x66, 0x68, width: 2)
      guest.memory.store(X86Layout.tss + 0x68 + 14, 0x02, width: 2)
      guest.state[.trLimit] = 0x100
      try guest.run(1)
      #expect(guest.traps.isEmpty == allowed)
      // A 16-bit task-state segment has no bitmap.
      var old = try SystemGuest(.protected32, on: kind, [0xE4, port])
      old.enterRing3()
      old.memory.store(X86Layout.tss + 0x66, 0x68, width: 2)
      old.state[.trLimit] = 0x100
      old.state[.trAttributes] = 0x83
      old.setGate(13, type: 0x8E, selector: 8)
      try old.run(1)
      #expect(!old.traps.isEmpty || old.stop == .checkStop(cause: 8, pc: SystemGuest.code))
    }
  }

  @Test(arguments: SystemGuest.engines) func userModeInstructionPrevention(_ kind: EngineKind) throws {
    for bytes in [[0x0F, 1, 0x00], [0x0F, 1, 0x08], [0x0F, 0, 0xC0], [0x0F, 0, 0xC8], [0x0F, 1, 0xE0]]
      as [[UInt8]]
    {
      for prevents in [false, true] {
        var guest = try SystemGuest(.protected32, on: kind, bytes)
        guest.enterRing3()
        guest.state[.rax] = 0x4_0000
        guest.state[.cr4] = prevents ? 0x800 : 0
        try guest.run(1)
        #expect((guest.traps.first?.vector == 13) == prevents, "\(bytes)")
      }
    }
  }

  @Test(arguments: SystemGuest.engines) func sysenterAndSysexit(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x34])
    guest.put([0x0F, 0x35], at: 0x2_0100)
    guest.enterRing3()
    guest.state[.rflags] = 0x202
    (guest.state[.sysenterCS], guest.state[.sysenterESP], guest.state[.sysenterEIP]) = (8, 0x5_0000, 0x2_0100)
    (guest.state[.rcx], guest.state[.rdx]) = (0x3_8000, 0x2_0200)
    try guest.run(1)
    #expect(guest.state[.cs] == 8)
    #expect(guest.state[.ss] == 0x10)
    #expect(guest.state[.rsp] == 0x5_0000)
    #expect(guest.state[.rip] == 0x2_0100)
    #expect(guest.state[.rflags] == 2)
    try guest.run(1)
    #expect(guest.state[.cs] == 0x1B)
    #expect(guest.state[.ss] == 0x23)
    #expect(guest.state[.rip] == 0x2_0200)
    #expect(guest.state[.rsp] == 0x3_8000)
    var none = try SystemGuest(.protected32, on: kind, [0x0F, 0x34])
    try none.run()
    #expect(none.vector == 13)
  }

  @Test(arguments: SystemGuest.engines) func modelSpecificRegisters(_ kind: EngineKind) throws {
    for entry in X86ModelSpecific.all {
      var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x32])
      guest.state[.rcx] = UInt64(entry.number)
      try guest.run(1)
      #expect(guest.traps.isEmpty, "\(hex(UInt64(entry.number)))")
    }
    for (number, value) in [
      (0x12345, 0), (0xFE, 0), (0x277, 2), (0x175, 0x8000_0000_0000), (0x1A0, 2), (0xC000_0080, 0x8000),
    ] as [(UInt64, UInt64)] {
      var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x30])
      guest.state[.rcx] = number
      guest.state[.rax] = value & 0xFFFF_FFFF
      guest.state[.rdx] = value >> 32
      try guest.run()
      #expect(guest.vector == 13, "\(hex(number))")
    }
  }

  /// In long mode the base has 64 bits, and must be canonical (Intel SDM vol. 2, LTR and LLDT).
  @Test(arguments: SystemGuest.engines) func tablesAboveFourGigabytes(_ kind: EngineKind) throws {
    for (opcode, type, register) in [
      (0xD8, 0x89, X86Register.trBase), (0xD0, 0x82, .ldtrBase),
    ] as [(UInt8, UInt64, X86Register)] {
      for (high, isCanonical) in [
        (0, true), (0x7FFF, true), (0xFFFF_8000, true), (0x8000, false), (1 << 40, false),
      ]
        as [(UInt64, Bool)]
      {
        // MOV EAX, 30h; LTR AX or LLDT AX
        var guest = try SystemGuest(.long64, on: kind, [0xB8, 0x30, 0, 0, 0, 0x0F, 0x00, opcode])
        guest.memory.store(X86Layout.gdt + 0x30, 0x1200_0034_5678_0067 | type << 40, width: 8)
        guest.memory.store(X86Layout.gdt + 0x38, high, width: 8)
        try guest.run(2)
        if isCanonical {
          #expect(guest.traps.isEmpty && guest.state[register] == high << 32 | 0x1234_5678)
        } else {
          #expect(guest.traps.first?.vector == 13)
        }
      }
    }
  }
}
