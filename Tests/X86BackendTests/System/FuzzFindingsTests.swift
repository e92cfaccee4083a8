import MachineCore
import Testing
import Trace
import X86Backend

/// What fuzzing simulator against emulator has found, with the manual's or a processor's answer.
@Suite struct FuzzFindingsTests {
  /// A descriptor, or the half of one, in the machine's global table.
  private func put(_ guest: inout SystemGuest, _ value: UInt64, at selector: UInt64) {
    guest.memory.store(X86Layout.gdt + selector & ~7, value, width: 8)
    guest.state[.gdtrLimit] = 0xFF
  }

  @Test(arguments: SystemGuest.engines) func realFarCallChecksTheStackFirst(_ kind: EngineKind) throws {
    // CALL FAR 2000h:4E130000h: neither the target nor the stack is within its segment. "Stack not large enough for
    // a 6-byte return address: #SS(0)" comes first (SDM vol. 2, CALL).
    var guest = try SystemGuest(.real16, on: kind, [0x66, 0x9A, 0, 0, 0x13, 0x4E, 0, 0x20])
    guest.state[.rsp] = 2
    try guest.run()
    #expect(guest.vector == 12)
  }

  @Test(arguments: SystemGuest.engines) func wordCallThroughAWideGateSavesTheWholeAddress(_ kind: EngineKind)
    throws
  {
    // 66 CALL FAR 43h:0: the gate's size says what is pushed, not the operand's.
    var guest = try SystemGuest(.protected32, on: kind, [0x66, 0x9A, 0, 0, 0x43, 0])
    put(&guest, 0x0002_EC00_0008_0100, at: 0x40)
    guest.enterRing3()
    try guest.run(1)
    #expect(guest.frame(2) == [SystemGuest.code + 6, 0x1B])
  }

  @Test(arguments: SystemGuest.engines) func absentLongGateIsFoundBeforeItsUpperHalf(_ kind: EngineKind)
    throws
  {
    // CALL FAR [40000h]: the gate is not present, and its upper half has a type.
    var guest = try SystemGuest(.long64, on: kind, [0xFF, 0x1C, 0x25, 0, 0, 4, 0])
    guest.memory.store(0x4_0004, 0x40, width: 2)
    put(&guest, 0x0002_6C00_0008_0100, at: 0x40)
    put(&guest, 0x0000_0C00_0000_0000, at: 0x48)
    try guest.run()
    #expect(guest.vector == 11)
  }

  @Test(arguments: SystemGuest.engines) func longTablesHaveNoTypeAboveAndACanonicalBase(_ kind: EngineKind)
    throws
  {
    for (high, faults) in [
      (0, false), (0x0000_0200_0000_0000, true), (0x8000, true), (0xFFFF_8000, false),
    ] as [(UInt64, Bool)] {
      // LLDT AX, of the table at 40000h
      var guest = try SystemGuest(.long64, on: kind, [0x0F, 0x00, 0xD0])
      put(&guest, 0x0000_8204_0000_0007, at: 0x40)
      put(&guest, high, at: 0x48)
      guest.state[.rax] = 0x40
      try guest.run(1)
      #expect(guest.state[.ldtr] == (faults ? 0 : 0x40))
      guard faults else { continue }
      try guest.run(1)
      #expect(guest.vector == 13)
      #expect(guest.frame(1, width: 8) == [0x40])
    }
  }

  @Test(arguments: SystemGuest.engines) func flushingALineMeetsBreakpointsOnItsByte(_ kind: EngineKind) throws
  {
    for (address, hits) in [(0x4_0000, true), (0x4_0001, false)] as [(UInt64, Bool)] {
      // CLFLUSH [EBX]; HLT
      var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0xAE, 0x3B, 0xF4])
      guest.state[.rbx] = address
      guest.state[.dr0] = 0x4_0000
      guest.state[.dr7] = 0x3_0401
      try guest.run()
      #expect(guest.vector == (hits ? 1 : nil))
      #expect(guest.state[.dr6] & 15 == (hits ? 1 : 0))
    }
  }

  @Test(arguments: SystemGuest.engines) func flushingALineNeedNotRead(_ kind: EngineKind) throws {
    // CLFLUSH CS:[EBX] in an execute-only segment, and the load of the same byte.
    for (bytes, vector) in [([0x2E, 0x0F, 0xAE, 0x3B, 0xF4], nil), ([0x2E, 0x8A, 0x03, 0xF4], 13)]
      as [([UInt8], UInt64?)]
    {
      var guest = try SystemGuest(.protected32, on: kind, bytes)
      guest.state[.csAttributes] = 0xC099
      guest.state[.rbx] = SystemGuest.code
      try guest.run()
      #expect(guest.vector == vector)
    }
  }

  @Test(arguments: SystemGuest.engines) func enterLooksAtItsNewTopWithoutABreakpoint(_ kind: EngineKind)
    throws
  {
    // ENTER 200h, 0; HLT: a write of the last slot is tried, which is none; the push of EBP is one.
    for (address, hits) in [(SystemGuest.stack - 0x204, false), (SystemGuest.stack - 4, true)] {
      var guest = try SystemGuest(.protected32, on: kind, [0xC8, 0, 2, 0, 0xF4])
      guest.state[.dr0] = address
      guest.state[.dr7] = 0xD_0401
      try guest.run()
      #expect(guest.vector == (hits ? 1 : nil))
    }
  }

  @Test(arguments: SystemGuest.engines) func roomOnTheNewStackComesBeforeParameters(_ kind: EngineKind) throws
  {
    // CALL FAR 43h:0 through a gate with four parameters, which are in a page that is not there. The new stack has
    // room for seven slots, not for eight: "IF stack does not have room for parameters plus 16 bytes: #SS(SS)".
    var guest = try SystemGuest(.protected32, on: kind, [0x9A, 0, 0, 0, 0, 0x43, 0])
    put(&guest, 0x0002_EC04_0008_0100, at: 0x40)
    put(&guest, 0x0040_9208_0000_0FFF, at: 0x48)
    guest.memory.store(X86Layout.tss + 4, 28, width: 4)
    guest.memory.store(X86Layout.tss + 8, 0x48, width: 4)
    let table = SystemGuest.tables + 0x1000
    guest.memory.store(SystemGuest.tables, table | 7, width: 4)
    for page in 0..<UInt64(512) where page != SystemGuest.stack >> 12 {
      guest.memory.store(table + page * 4, page << 12 | 7, width: 4)
    }
    guest.state[.cr3] = SystemGuest.tables
    guest.state[.cr0] = 0x8000_0011
    guest.enterRing3()
    try guest.run()
    #expect(guest.vector == 12)
    #expect(guest.frame(1) == [0x48])
    #expect(guest.state[.cr2] == 0)
  }

  @Test(arguments: SystemGuest.engines) func parametersAreReadAfterTheOldStackIsSaved(_ kind: EngineKind)
    throws
  {
    // The one parameter lies where the gate saves SS: "Push(oldSS:oldESP)" comes first.
    var guest = try SystemGuest(.protected32, on: kind, [0x9A, 0, 0, 0, 0, 0x43, 0])
    put(&guest, 0x0002_EC01_0008_0100, at: 0x40)
    guest.enterRing3()
    guest.state[.rsp] = SystemGuest.innerStack - 4
    try guest.run(1)
    #expect(guest.frame(5) == [SystemGuest.code + 7, 0x1B, 0x23, SystemGuest.innerStack - 4, 0x23])
  }

  @Test(arguments: SystemGuest.engines) func parametersOfAGateAreMemoryEffects(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x9A, 0, 0, 0, 0, 0x43, 0])
    put(&guest, 0x0002_EC02_0008_0100, at: 0x40)
    guest.enterRing3()
    guest.memory.store(SystemGuest.stack, 0x1111_1111, width: 4)
    guest.memory.store(SystemGuest.stack + 4, 0x2222_2222, width: 4)
    try guest.run(1)
    let reads = guest.records.filter { $0.eventKind == .memoryRead }
    #expect(reads.map(\.address) == [SystemGuest.stack + 4, SystemGuest.stack])
    #expect(reads.map(\.value) == [0x2222_2222, 0x1111_1111])
    #expect(!guest.records.contains { $0.eventKind == .memoryWrite })
  }

  @Test(arguments: SystemGuest.engines) func longModeNeedsATaskOf32Bits(_ kind: EngineKind) throws {
    // MOV CR0, EAX: "#GP(0) if an attempt is made to activate IA-32e mode and TR references a 16-bit TSS".
    for (task, faults) in [(0x83, true), (0x8B, false)] as [(UInt64, Bool)] {
      var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x22, 0xC0])
      guest.memory.store(SystemGuest.tables, (SystemGuest.tables + 0x1000) | 3, width: 8)
      guest.memory.store(SystemGuest.tables + 0x1000, 0x83, width: 8)
      guest.state[.cr3] = SystemGuest.tables
      guest.state[.cr4] = 0x20
      guest.state[.efer] = 0x100
      guest.state[.rax] = 0x8000_0011
      guest.state[.trAttributes] = task
      try guest.run(1)
      #expect(guest.state[.efer] == (faults ? 0x100 : 0x500))
      guard faults else { continue }
      #expect(guest.vector == 13)
      #expect(guest.frame(2) == [0, SystemGuest.code])
    }
  }

  @Test(arguments: SystemGuest.engines) func breakpointsMatchAcrossTheEndOfTheAddressSpace(_ kind: EngineKind)
    throws
  {
    // MOV AX, [RBX] or MOV [RBX], AX at FFFFFFFFFFFFFFFFh; HLT. A breakpoint matches "any byte in the range".
    for (address, control, hits) in [
      (0, 0x3_0401, true), (0, 0xF_0401, true), (1, 0x3_0401, false), (.max, 0x3_0401, true),
      (.max - 7, 0xB_0401, true),
      (.max - 1, 0x3_0401, false), (.max - 1, 0x7_0401, true), (8, 0xB_0401, false),
    ] as [(UInt64, UInt64, Bool)] {
      for opcode in [0x8B, 0x89] as [UInt8] {
        var guest = try SystemGuest(.long64, on: kind, [0x66, opcode, 0x03, 0xF4])
        // The last 2 MiB are the first ones again.
        guest.memory.store(X86Layout.pml4 + 511 * 8, X86Layout.pdpt | 0x23, width: 8)
        guest.memory.store(X86Layout.pdpt + 511 * 8, X86Layout.pageDirectories | 0x23, width: 8)
        guest.memory.store(X86Layout.pageDirectories + 511 * 8, 0xE3, width: 8)
        guest.state[.rbx] = .max
        guest.state[.dr0] = address
        guest.state[.dr7] = control
        try guest.run()
        #expect(guest.vector == (hits ? 1 : nil), "\(address), \(control)")
        #expect(guest.state[.dr6] & 15 == (hits ? 1 : 0), "\(address), \(control)")
      }
    }
  }
}
