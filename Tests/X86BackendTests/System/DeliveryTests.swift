import MachineCore
import Testing
import X86Backend

private typealias M = SystemMachine

/// Handlers of exceptions and INT n in protected mode (Intel SDM vol. 2, INT n; vol. 3, 6.12 to 6.15).
@Suite struct DeliveryTests {
  @Test func `A fault in ring 3 changes to the stack of the task-state segment`() throws {
    var machine = SystemMachine(ring: 3)
    machine.put([0xF4])
    machine.state[.rflags] = 0x202
    let end = try machine.run()
    #expect(end.vector == 13)
    #expect(end[.rsp] == M.stack0 - 24)
    // Code, EIP, CS, EFLAGS with RF, ESP, SS.
    #expect(end.frame(6) == [0, M.code, M.code3, 0x1_0202, M.stack3, M.data3])
    #expect(end[.cs] == M.code0 && end[.ss] == M.data0)
    #expect(end[.ssAttributes] >> 5 & 3 == 0)
    #expect(end[.rflags] & 0x200 == 0)
  }

  @Test func `A trap gate leaves the interrupt flag`() throws {
    var machine = SystemMachine()
    machine.put([0xCD, 0x40])
    machine.setGate(0x40, access: 0x8F)
    machine.state[.rflags] = 0x4302
    let end = try machine.run()
    #expect(end.vector == 0x40)
    // NT and TF go; EIP is that of the next instruction; no error code.
    #expect(end[.rflags] == 0x202)
    #expect(end.frame(3) == [M.code + 2, M.code0, 0x4302])
  }

  @Test func `A 16-bit gate pushes words`() throws {
    var machine = SystemMachine(ring: 3)
    machine.put([0x0F, 0x0B])
    machine.setGate(6, access: 0x86)
    let end = try machine.run()
    #expect(end.vector == 6)
    #expect(end[.rsp] == M.stack0 - 10)
    #expect(end.load(end[.rsp], 2) == M.code & 0xFFFF)
    #expect(end.load(end[.rsp] + 2, 2) == M.code3)
    #expect(end.load(end[.rsp] + 6, 2) == M.stack3 & 0xFFFF)
    #expect(end.load(end[.rsp] + 8, 2) == M.data3)
  }

  /// INT 40h from ring 3 to handlers that cannot be entered: vector and code of the fault.
  @Test(arguments: [
    // The gate is for ring 0 only; not present; not a gate; to a null selector, data, absent code, outside.
    (0x8E, 0x08, 13, 0x202), (0x6E, 0x08, 11, 0x202), (0xEC, 0x08, 13, 0x202), (0xEE, 0x00, 13, 0),
    (0xEE, 0x10, 13, 0x10), (0xEE, 0x38, 11, 0x38), (0xEE, 0x80, 13, 0x80),
  ]) func `INT n faults without EXT`(_ row: (UInt64, UInt64, UInt64, UInt64)) throws {
    var machine = SystemMachine(ring: 3)
    machine.put([0xCD, 0x40])
    machine.setGate(0x40, access: row.0, selector: row.1)
    let end = try machine.run()
    #expect(end.vector == row.2)
    #expect(end.frame(2) == [row.3, M.code])
  }

  @Test func `A fault during the delivery of a benign exception is delivered with EXT`() throws {
    var machine = SystemMachine()
    machine.put([0x0F, 0x0B])
    machine.setGate(6, access: 0x0E)
    let end = try machine.run()
    #expect(end.vector == 11)
    #expect(end.frame(2) == [6 * 8 + 3, M.code])
  }

  @Test func `Two contributory exceptions are a double fault`() throws {
    var machine = SystemMachine()
    // mov ds, 0x80: outside the table.
    machine.put([0x66, 0xB8, 0x80, 0x00, 0x8E, 0xD8])
    machine.setGate(13, access: 0x0E)
    let end = try machine.run()
    #expect(end.vector == 8)
    #expect(end.frame(3) == [0, M.code + 4, M.code0])
  }

  @Test func `A contributory exception while a double fault is delivered shuts the processor down`() throws {
    var machine = SystemMachine()
    machine.put([0x66, 0xB8, 0x80, 0x00, 0x8E, 0xD8])
    machine.setGate(13, access: 0x0E)
    machine.setGate(8, access: 0x0E)
    #expect(try machine.run().stop == .checkStop(cause: 8, pc: M.code + 4))
  }

  @Test func `A conforming handler runs at the level of the program`() throws {
    var machine = SystemMachine(ring: 3)
    machine.put([0x0F, 0x0B])
    machine.setGate(6, access: 0x8E, selector: M.conforming)
    let after = try machine.run(1)
    // HLT in ring 3 faults; its frame comes from the handler's first instruction.
    #expect(after.frame(3) == [0, M.handlers + 6 * 16, M.conforming | 3])
    #expect(after.load(M.stack3 - 12, 4) == M.code)
  }

  /// The new stack: limit of the task-state segment, SS0 null, outside, absent, of the wrong level.
  @Test(arguments: [
    (8, 0x10, 0x29), (0x67, 0, 1), (0x67, 0x80, 0x81), (0x67, 0x23, 0x21),
  ]) func `A bad inner stack raises #TS`(_ row: (UInt64, UInt64, UInt64)) throws {
    var machine = SystemMachine(ring: 3)
    machine.put([0x0F, 0x0B])
    machine.state[.trLimit] = row.0
    machine.put(M.tss + 8, row.1, 4)
    // The handler of #TS needs no stack of its own.
    machine.setGate(10, access: 0x8E, selector: M.conforming)
    machine.setGate(13, access: 0x8E, selector: M.conforming)
    // In the end HLT faults for ever; the first frame is on top.
    let end = try machine.run()
    #expect(end.load(M.stack3 - 16, 4) == row.2)
    #expect(end.load(M.stack3 - 12, 4) == M.code)
  }

  @Test func `An interrupt's handler is entered with EXT in its faults`() throws {
    var machine = SystemMachine()
    machine.put([0x90, 0x90, 0x90])
    machine.state[.rflags] = 0x202
    machine.setGate(33, access: 0x0E)
    let end = try machine.run(raising: 1)
    #expect(end.vector == 11)
    #expect(end.frame(2) == [33 * 8 + 3, M.code])
  }

  @Test func `IRET returns to ring 3 and clears data segments that are too privileged`() throws {
    var machine = SystemMachine()
    machine.put([0xCF])
    machine.state[.rsp] = M.stack0 - 20
    for (slot, value) in [M.data + 5, M.code3, 0x3202, M.stack3, M.data3].enumerated() {
      machine.put(M.stack0 - 20 + UInt64(slot) * 4, value, 4)
    }
    let end = try machine.run(1)
    #expect(end[.rip] == M.data + 5 && end[.cs] == M.code3 && end[.ss] == M.data3)
    #expect(end[.rsp] == M.stack3 && end[.rflags] == 0x3202)
    #expect(end[.ds] == 0 && end[.es] == 0)
  }

  @Test func `IRET with NT is a task switch and not supported`() throws {
    var machine = SystemMachine()
    machine.put([0xCF])
    machine.state[.rflags] = 0x4002
    guard case .unsupported(let instruction) = try machine.run(1).stop else {
      Issue.record("carried out")
      return
    }
    #expect(instruction.reason.contains("hardware task switch"))
  }

  // MARK: Virtual-8086 mode

  @Test func `IRET enters virtual-8086 mode and an exception leaves it`() throws {
    var machine = SystemMachine()
    machine.put([0xCF])
    machine.state[.rsp] = M.stack0 - 36
    let frame: [UInt64] = [
      0x10, M.data >> 4, 0x2_3202, 0x8000, M.stack3 >> 4 - 0x800, 0x1111, 0x2222, 0x3333, 0x4444,
    ]
    for (slot, value) in frame.enumerated() { machine.put(M.stack0 - 36 + UInt64(slot) * 4, value, 4) }
    // hlt in the virtual machine.
    machine.put([0xF4], at: M.data + 0x10)
    let inside = try machine.run(1)
    #expect(inside[.csBase] == M.data && inside[.csAttributes] == 0xF3 && inside[.csLimit] == 0xFFFF)
    #expect(inside[.es] == 0x1111 && inside[.gs] == 0x4444 && inside[.rsp] == 0x8000)
    let end = try machine.run()
    #expect(end.vector == 13)
    #expect(
      end.frame(10) == [
        0, 0x10, M.data >> 4, 0x3_3202, 0x8000, frame[4], 0x1111, 0x2222, 0x3333, 0x4444,
      ])
    #expect(end[.ds] == 0 && end[.gs] == 0 && end[.dsAttributes] == 0)
    #expect(end[.rflags] & 0x2_0000 == 0)
  }

  /// INT n, PUSHF, POPF, IRET and CLI need IOPL 3 in virtual-8086 mode; INT3 does not.
  @Test(arguments: [[0xCD, 0x40], [0x9C], [0x9D], [0xCF], [0xFA]] as [[UInt8]])
  func `Virtual-8086 mode is sensitive to IOPL`(_ bytes: [UInt8]) throws {
    var machine = SystemMachine()
    machine.enterVirtual(ioPrivilege: 2)
    machine.put(bytes)
    machine.setGate(0x40, access: 0xEE)
    let end = try machine.run()
    #expect(end.vector == 13)
    #expect(end.frame(3) == [0, 0, M.code >> 4])
    machine.enterVirtual(ioPrivilege: 3)
    #expect(try machine.run(1).vector != 13)
  }

  @Test func `INT3 of virtual-8086 mode goes by the gate`() throws {
    var machine = SystemMachine()
    machine.enterVirtual(ioPrivilege: 0)
    machine.put([0xCC])
    machine.setGate(3, access: 0xEE)
    let end = try machine.run()
    #expect(end.vector == 3)
    #expect(end.frame(3) == [1, M.code >> 4, 0x2_0002])
  }

  @Test func `Virtual-8086 mode reaches ports by the bitmap alone`() throws {
    var machine = SystemMachine()
    machine.enterVirtual(ioPrivilege: 3)
    machine.state[.trLimit] = 0xFF
    // in al, 0x21 (free), then in al, 0x22 (refused)
    machine.put([0xE4, 0x21, 0xE4, 0x22])
    machine.put(M.tss + 0x68 + 4, 1 << 2, 1)
    let end = try machine.run()
    #expect(end.vector == 13)
    #expect(end.frame(2) == [0, 2])
  }
}
