import MachineCore
import Testing
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
}
