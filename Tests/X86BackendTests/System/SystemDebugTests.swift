import MachineCore
import Testing
import X86Backend

/// Debug exceptions (Intel SDM vol. 3, chapter 17).
@Suite struct SystemDebugTests {
  @Test(arguments: SystemGuest.engines) func singleStep(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x40, 0x40])
    guest.state[.rflags] = 0x102
    try guest.run()
    #expect(guest.vector == 1)
    #expect(guest.state[.rax] == 1)
    #expect(guest.frame(3) == [SystemGuest.code + 1, 8, 0x102])
    #expect(guest.state[.dr6] == 0xFFFF_4FF0)
    #expect(guest.traps.map(\.value) == [0x4000])
  }

  @Test(arguments: SystemGuest.engines) func popfStepsTheNextInstruction(_ kind: EngineKind) throws {
    // POPF; INC EAX; INC EAX
    var guest = try SystemGuest(.protected32, on: kind, [0x9D, 0x40, 0x40])
    guest.memory.store(SystemGuest.stack, 0x102, width: 4)
    try guest.run()
    #expect(guest.frame(1) == [SystemGuest.code + 2])
  }

  @Test(arguments: SystemGuest.engines) func interruptInstructionsAreNotStepped(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0xCD, 0x20])
    guest.state[.rflags] = 0x102
    try guest.run()
    #expect(guest.vector == 0x20)
    #expect(guest.state[.dr6] == 0xFFFF_0FF0)
  }

  @Test(arguments: SystemGuest.engines) func instructionBreakpointIsAFaultThatResumes(_ kind: EngineKind)
    throws
  {
    var guest = try SystemGuest(.protected32, on: kind, [0x40, 0x40, 0xF4])
    guest.state[.dr1] = SystemGuest.code + 1
    guest.state[.dr7] = 0x404
    try guest.run()
    #expect(guest.vector == 1)
    #expect(guest.state[.rax] == 1)
    #expect(guest.frame(3) == [SystemGuest.code + 1, 8, 2])
    #expect(guest.state[.dr6] == 0xFFFF_0FF2)
    // With RF it goes on, and RF goes with the instruction.
    var resumed = try SystemGuest(.protected32, on: kind, [0x40, 0x40, 0xF4])
    resumed.state[.dr0] = SystemGuest.code
    resumed.state[.dr7] = 0x402
    resumed.state[.rflags] = 0x1_0002
    try resumed.run()
    #expect(resumed.state[.rax] == 2)
    #expect(resumed.state[.rflags] & 0x1_0000 == 0)
  }

  @Test(arguments: SystemGuest.engines) func dataBreakpoints(_ kind: EngineKind) throws {
    // MOV EAX, [EBX] or MOV [EBX], EAX; INC EAX
    for (kindBits, write, hits) in [
      (1, true, true), (1, false, false), (3, false, true), (3, true, true),
    ] as [(UInt64, Bool, Bool)] {
      var guest = try SystemGuest(.protected32, on: kind, [write ? 0x89 : 0x8B, 0x03, 0x40, 0xF4])
      guest.state[.rbx] = 0x4_0000
      // One byte, the last of the access.
      guest.state[.dr3] = 0x4_0003
      guest.state[.dr7] = 0x400 | 0x40 | kindBits << 28
      try guest.run()
      #expect((guest.vector == 1) == hits)
      if hits {
        #expect(guest.frame(1) == [SystemGuest.code + 2])
        #expect(guest.state[.dr6] == 0xFFFF_0FF8)
      }
    }
  }

  @Test(arguments: SystemGuest.engines) func movSSHoldsTheTrapBack(_ kind: EngineKind) throws {
    // MOV SS, [EBX] with a breakpoint on its operand; INC EAX; INC EAX
    var guest = try SystemGuest(.protected32, on: kind, [0x8E, 0x13, 0x40, 0x40])
    guest.state[.rbx] = 0x4_0000
    guest.memory.store(0x4_0000, 0x10, width: 2)
    guest.state[.dr0] = 0x4_0000
    guest.state[.dr7] = 0x401 | 3 << 16
    try guest.run()
    #expect(guest.vector == 1)
    #expect(guest.frame(1) == [SystemGuest.code + 3])
    #expect(guest.state[.dr6] == 0xFFFF_0FF1)
  }

  @Test(arguments: SystemGuest.engines) func generalDetect(_ kind: EngineKind) throws {
    // MOV EAX, DR0 with DR7.GD.
    var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x21, 0xC0])
    guest.state[.dr7] = 0x2400
    try guest.run()
    #expect(guest.vector == 1)
    #expect(guest.frame(3) == [SystemGuest.code, 8, 0x1_0002])
    #expect(guest.state[.dr6] == 0xFFFF_2FF0)
    #expect(guest.state[.dr7] == 0x400)
  }

  @Test(arguments: SystemGuest.engines) func debugRegistersFourAndFive(_ kind: EngineKind) throws {
    for extends in [false, true] {
      // MOV EAX, DR4
      var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x21, 0xE0, 0xF4])
      guest.state[.cr4] = extends ? 8 : 0
      try guest.run()
      #expect(guest.vector == (extends ? 6 : nil))
      if !extends { #expect(guest.state[.rax] == 0xFFFF_0FF0) }
    }
  }

  @Test(arguments: SystemGuest.engines) func portBreakpoint(_ kind: EngineKind) throws {
    // IN AL, 70h; HLT
    for extends in [false, true] {
      var guest = try SystemGuest(.protected32, on: kind, [0xE4, 0x70, 0xF4])
      guest.state[.cr4] = extends ? 8 : 0
      guest.state[.dr0] = 0x70
      guest.state[.dr7] = 0x401 | 2 << 16
      try guest.run()
      #expect(guest.vector == (extends ? 1 : nil))
    }
  }
}
