import MachineCore
import Testing
import X86Backend

private typealias M = SystemMachine

/// Single steps, breakpoints and shadows (Intel SDM vol. 3, chapter 18 and 6.8.3).
@Suite struct DebugTests {
  @Test func `Single step traps after the instruction`() throws {
    var machine = SystemMachine()
    machine.put([0x90, 0x90])
    machine.state[.rflags] = 0x102
    let end = try machine.run()
    #expect(end.vector == 1)
    #expect(end.frame(3) == [M.code + 1, M.code0, 0x102])
    #expect(end[.dr6] == 0xFFFF_4FF0)
  }

  @Test func `POPF that sets TF traps after the next instruction`() throws {
    var machine = SystemMachine()
    machine.put([0x9D, 0x90, 0x90])
    machine.put(M.stack0, 0x102, 4)
    let end = try machine.run()
    #expect(end.frame(1) == [M.code + 2])
  }

  @Test func `MOV SS holds the trap back`() throws {
    var machine = SystemMachine()
    machine.put([0x8E, 0xD0, 0x90, 0x90])
    machine.state[.rax] = M.data0
    machine.state[.rflags] = 0x102
    #expect(try machine.run().frame(1) == [M.code + 3])
  }

  @Test func `INT n is not stepped`() throws {
    var machine = SystemMachine()
    machine.put([0xCD, 0x40])
    machine.state[.rflags] = 0x102
    let end = try machine.run()
    #expect(end.vector == 0x40)
    #expect(end.frame(3) == [M.code + 2, M.code0, 0x102])
  }

  @Test func `A data breakpoint traps after a store that touches it`() throws {
    for (kind, bytes) in [(1, [0xA2]), (3, [0xA0]), (3, [0xA2])] as [(UInt64, [UInt8])] {
      var machine = SystemMachine()
      let place: [UInt8] = [0x03, 0x80, 0x01, 0]
      machine.put([0x90] + bytes + place + [0x90])
      // Four bytes at the start of the data, number 2.
      machine.state[.dr2] = M.data
      machine.state[.dr7] = 0x400 | 1 << 4 | kind << 24 | 3 << 26
      let end = try machine.run()
      #expect(end.vector == 1)
      #expect(end.frame(1) == [M.code + 6])
      #expect(end[.dr6] == 0xFFFF_0FF4)
    }
  }

  @Test func `A breakpoint for writes ignores reads, and one that is off everything`() throws {
    var machine = SystemMachine()
    machine.put([0xA0, 0, 0x80, 1, 0])
    machine.state[.dr0] = M.data
    machine.state[.dr7] = 0x400 | 3 | 1 << 16
    #expect(try machine.run(1).stop == .limit)
    machine.state[.dr7] = 0x400 | 3 << 16
    #expect(try machine.run(1).stop == .limit)
  }

  @Test func `An instruction breakpoint faults before the instruction, unless RF is set`() throws {
    var machine = SystemMachine()
    machine.put([0x90, 0x40, 0xEB, 0xFD])
    machine.state[.dr1] = M.code + 1
    machine.state[.dr7] = 0x400 | 4
    let end = try machine.run()
    #expect(end.vector == 1)
    #expect(end[.rax] == 0)
    #expect(end.frame(3) == [M.code + 1, M.code0, 2])
    #expect(end[.dr6] == 0xFFFF_0FF2)
    // With RF the instruction is carried out once, and meets the breakpoint when it comes again.
    machine.state[.rip] = M.code + 1
    machine.state[.rflags] = 0x1_0002
    let again = try machine.run()
    #expect(again.vector == 1)
    #expect(again[.rax] == 1)
  }

  @Test func `General detect guards the debug registers`() throws {
    var machine = SystemMachine()
    machine.put([0x0F, 0x21, 0xC0])
    machine.state[.dr7] = 0x2400
    let end = try machine.run()
    #expect(end.vector == 1)
    #expect(end.frame(3) == [M.code, M.code0, 0x1_0002])
    #expect(end[.dr6] == 0xFFFF_2FF0)
    #expect(end[.dr7] == 0x400)
  }

  @Test func `DR4 is DR6, or undefined under CR4.DE`() throws {
    var machine = SystemMachine()
    machine.put([0x0F, 0x21, 0xE0])
    #expect(try machine.run(1)[.rax] == 0xFFFF_0FF0)
    machine.state[.cr4] = 8
    #expect(try machine.run().vector == 6)
  }

  @Test func `Port breakpoints need CR4.DE`() throws {
    var machine = SystemMachine()
    machine.put([0xE4, 0x21, 0x90])
    machine.state[.dr0] = 0x20
    machine.state[.dr7] = 0x400 | 1 | 2 << 16 | 1 << 18
    #expect(try machine.run(1).stop == .limit)
    machine.state[.cr4] = 8
    let end = try machine.run()
    #expect(end.vector == 1)
    #expect(end[.dr6] & 15 == 1)
  }

  @Test func `INT1 goes through any gate and leaves DR6 alone`() throws {
    var machine = SystemMachine(ring: 3)
    machine.put([0xF1])
    let end = try machine.run()
    #expect(end.vector == 1)
    #expect(end.frame(1) == [M.code + 1])
    #expect(end[.dr6] == 0xFFFF_0FF0)
  }

  /// Where an interrupt that waits comes: STI and MOV SS hold it for one instruction.
  @Test(
    arguments: [
      ([0xFB, 0x90, 0x90], 0x2, 2), ([0xFB, 0xFB, 0x90], 0x2, 2), ([0xFB, 0x90], 0x202, 0),
    ] as [([UInt8], UInt64, UInt64)]) func `STI casts a shadow`(_ row: ([UInt8], UInt64, UInt64)) throws
  {
    var machine = SystemMachine()
    machine.put(row.0)
    machine.state[.rflags] = row.1
    let end = try machine.run(raising: 1)
    #expect(end.vector == 33)
    #expect(end.frame(1) == [M.code + row.2])
  }

  @Test func `MOV SS casts a shadow, a second one does not`() throws {
    var machine = SystemMachine()
    machine.put([0x90, 0x8E, 0xD0, 0x8E, 0xD0, 0x90])
    machine.state[.rax] = M.data0
    machine.state[.rflags] = 0x202
    machine.state[.interruptShadow] = 1
    // Under the shadow NOP completes and the interrupt comes.
    #expect(try machine.run(raising: 1).frame(1) == [M.code + 1])
    machine.state[.rip] = M.code + 1
    #expect(try machine.run(raising: 1).frame(1) == [M.code + 3])
    machine.state[.interruptShadow] = 0
    #expect(try machine.run(raising: 1).frame(1) == [M.code + 1])
  }
}
