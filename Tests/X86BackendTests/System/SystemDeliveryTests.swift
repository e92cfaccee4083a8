import MachineCore
import Testing
import X86Backend

/// Entering handlers through gates (Intel SDM vol. 3, chapter 6).
@Suite struct SystemDeliveryTests {
  @Test(arguments: SystemGuest.engines) func sameLevelThrough32BitGate(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x0B])
    guest.state[.rflags] = 0x202
    try guest.run()
    #expect(guest.vector == 6)
    // A fault: RF is set in the saved flags, and an interrupt gate clears IF.
    #expect(guest.frame(3) == [SystemGuest.code, 8, 0x1_0202])
    #expect(guest.state[.rsp] == SystemGuest.stack - 12)
    #expect(guest.state[.rflags] == 2)
  }

  @Test(arguments: SystemGuest.engines) func trapGateKeepsInterruptsOn(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x0B])
    guest.setGate(6, type: 0x8F)
    guest.state[.rflags] = 0x202
    try guest.run()
    #expect(guest.state[.rflags] & 0x200 != 0)
  }

  @Test(arguments: SystemGuest.engines) func gateOf16BitsPushesWords(_ kind: EngineKind) throws {
    // MOV DS, AX with a selector that the table does not have.
    var guest = try SystemGuest(.protected32, on: kind, [0x8E, 0xD8])
    guest.setGate(13, type: 0x86)
    guest.state[.rax] = 0x100
    try guest.run()
    #expect(guest.vector == 13)
    #expect(guest.frame(4, width: 2) == [0x100, SystemGuest.code & 0xFFFF, 8, 2])
    #expect(guest.state[.rsp] == SystemGuest.stack - 8)
  }

  @Test(arguments: SystemGuest.engines) func ring3TakesTheStackOfTheTaskState(_ kind: EngineKind) throws {
    // HLT
    var guest = try SystemGuest(.protected32, on: kind, [0xF4])
    guest.enterRing3()
    try guest.run()
    #expect(guest.vector == 13)
    #expect(
      guest.frame(6) == [0, SystemGuest.code, 0x1B, 0x1_0002, SystemGuest.stack, 0x23])
    #expect(guest.state[.rsp] == SystemGuest.innerStack - 24)
    #expect(guest.state[.ss] == 0x10)
    #expect(guest.state[.ssAttributes] == 0xC093)
    #expect(guest.state[.cs] == 8)
  }

  @Test(arguments: SystemGuest.engines) func absentGateGivesNotPresent(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x0F, 0x0B])
    guest.setGate(6, type: 0x0E)
    try guest.run()
    #expect(guest.vector == 11)
    // IDT and EXT bits; the address is that of the first exception.
    #expect(guest.frame(2) == [6 << 3 | 3, SystemGuest.code])
  }

  @Test(arguments: SystemGuest.engines) func contributoryTwiceIsADoubleFault(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x8E, 0xD8])
    guest.setGate(13, type: 0x0E)
    guest.state[.rax] = 0x100
    try guest.run()
    #expect(guest.vector == 8)
    #expect(guest.frame(2) == [0, SystemGuest.code])
    #expect(guest.traps.map(\.vector) == [8])
  }

  @Test(arguments: SystemGuest.engines) func thirdFaultShutsDown(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0x8E, 0xD8])
    guest.setGate(13, type: 0x0E)
    guest.setGate(8, type: 0x0E)
    guest.state[.rax] = 0x100
    try guest.run()
    #expect(guest.stop == .checkStop(cause: 8, pc: SystemGuest.code))
  }

  @Test(arguments: SystemGuest.engines) func longModeDoubleFaults(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.long64, on: kind, [0x8E, 0xD8])
    guest.setGate(13, type: 0x0E)
    guest.state[.rax] = 0x100
    try guest.run()
    #expect(guest.vector == 8)
    #expect(guest.frame(6, width: 8) == [0, SystemGuest.code, 8, 2, SystemGuest.stack, 0x10])
  }

  @Test(arguments: SystemGuest.engines) func interruptInstructionNeedsAnOpenGate(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0xCD, 0x20])
    guest.enterRing3()
    try guest.run()
    #expect(guest.vector == 13)
    #expect(guest.frame(2) == [0x20 << 3 | 2, SystemGuest.code])
    var open = try SystemGuest(.protected32, on: kind, [0xCD, 0x20])
    open.setGate(0x20, type: 0xEE)
    open.enterRing3()
    try open.run()
    #expect(open.vector == 0x20)
    #expect(open.frame(5) == [SystemGuest.code + 2, 0x1B, 2, SystemGuest.stack, 0x23])
  }

  @Test(arguments: SystemGuest.engines) func taskStateWithoutAStack(_ kind: EngineKind) throws {
    var guest = try SystemGuest(.protected32, on: kind, [0xF4])
    guest.enterRing3()
    guest.memory.store(X86Layout.tss + 8, 0, width: 2)
    try guest.run()
    // Every handler needs the same stack.
    #expect(guest.stop == .checkStop(cause: 8, pc: SystemGuest.code))
  }

  @Test(arguments: SystemGuest.engines) func returnToRing3AndBack(_ kind: EngineKind) throws {
    // IRETD to ring 3, whose data segments of ring 0 are taken away; then HLT there.
    var guest = try SystemGuest(.protected32, on: kind, [0xCF])
    guest.state[.rsp] = 0x3_0000
    for (slot, value) in [UInt64(0x2_0100), 0x1B, 0x3202, 0x3_8000, 0x23].enumerated() {
      guest.memory.store(0x3_0000 + UInt64(slot * 4), value, width: 4)
    }
    guest.put([0xF4], at: 0x2_0100)
    try guest.run(1)
    #expect(guest.state[.cs] == 0x1B)
    #expect(guest.state[.rip] == 0x2_0100)
    #expect(guest.state[.rsp] == 0x3_8000)
    #expect(guest.state[.ssAttributes] >> 5 & 3 == 3)
    #expect(guest.state[.rflags] == 0x3202)
    #expect(guest.state[.ds] == 0)
    #expect(guest.state[.dsAttributes] == 0)
  }

  @Test(arguments: SystemGuest.engines) func virtual8086AndBack(_ kind: EngineKind) throws {
    // IRETD into virtual-8086 mode, where HLT faults.
    var guest = try SystemGuest(.protected32, on: kind, [0xCF])
    let words: [UInt64] = [0x10, 0x2100, 0x2_3002, 0x400, 0x2200, 0x2300, 0x2400, 0x2500, 0x2600]
    for (slot, value) in words.enumerated() {
      guest.memory.store(SystemGuest.stack + UInt64(slot * 4), value, width: 4)
    }
    guest.put([0xF4], at: 0x2_1010)
    try guest.run(1)
    #expect(guest.state[.rflags] == 0x2_3002)
    #expect(guest.state[.csBase] == 0x2_1000)
    #expect(guest.state[.gs] == 0x2600)
    #expect(guest.state[.gsBase] == 0x2_6000)
    #expect(guest.state[.dsAttributes] == 0xF3)
    try guest.run()
    #expect(guest.vector == 13)
    #expect(
      guest.frame(10) == [0, 0x10, 0x2100, 0x3_3002, 0x400, 0x2200, 0x2300, 0x2400, 0x2500, 0x2600])
    #expect(guest.state[.rflags] & 0x2_0000 == 0)
    #expect(guest.state[.ds] == 0)
  }

  @Test(arguments: SystemGuest.engines) func virtual8086IsSensitiveToIOPL(_ kind: EngineKind) throws {
    for (bytes, isSensitive) in [
      ([0xCD, 0x20], true), ([0x9C], true), ([0x9D], true), ([0xFA], true), ([0xFB], true), ([0xCF], true),
      ([0xCC], false), ([0x90], false),
    ] as [([UInt8], Bool)] {
      var guest = try SystemGuest(.protected32, on: kind, bytes)
      guest.setGate(0x20, type: 0xEE)
      guest.setGate(3, type: 0xEE)
      guest.enterVirtual8086(ioPrivilege: 2)
      try guest.run(1)
      #expect((guest.traps.first?.vector == 13) == isSensitive, "\(bytes)")
    }
  }

  @Test(arguments: SystemGuest.engines) func realModeTableLimit(_ kind: EngineKind) throws {
    // INT 20h beyond the limit: general protection, whose vector is inside it.
    var guest = try SystemGuest(.real16, on: kind, [0xCD, 0x20])
    guest.state[.idtrLimit] = 0x3F
    try guest.run()
    #expect(guest.vector == 13)
    var none = try SystemGuest(.real16, on: kind, [0xCD, 0x20])
    none.state[.idtrLimit] = 3
    try none.run()
    #expect(none.stop == .checkStop(cause: 8, pc: 0))
  }

  @Test(arguments: SystemGuest.engines) func shadowHoldsAnInterruptOff(_ kind: EngineKind) throws {
    // STI; NOP; NOP with an interrupt pending: it comes after the first NOP.
    var guest = try SystemGuest(.protected32, on: kind, [0xFB, 0x90, 0x90])
    guest.platform.raise(line: 0)
    try guest.run()
    #expect(guest.vector == 32)
    #expect(guest.frame(3) == [SystemGuest.code + 2, 8, 0x202])
    // MOV SS, AX; NOP; NOP.
    var stack = try SystemGuest(.protected32, on: kind, [0x8E, 0xD0, 0x90, 0x90])
    stack.state[.rax] = 0x10
    stack.state[.rflags] = 0x202
    stack.state[.interruptShadow] = 2
    stack.platform.raise(line: 0)
    try stack.run()
    #expect(stack.frame(3) == [SystemGuest.code + 3, 8, 0x202])
  }
}
