import MachineCore
import Testing
import X86Backend

private typealias M = SystemMachine

/// Call gates, task register and I/O (Intel SDM vol. 2, CALL, RET, LTR; vol. 3, chapter 5; vol. 1, chapter 19).
@Suite struct PrivilegeTests {
  private func callGate(_ access: UInt64, count: UInt64 = 0, selector: UInt64 = M.code0) -> UInt64 {
    0x9100 | selector << 16 | count << 32 | access << 40
  }

  @Test func `A call gate changes the stack and copies parameters, and RET takes them off both`() throws {
    var machine = SystemMachine(ring: 3)
    machine.put(M.gdt + M.gate, callGate(0xEC, count: 2), 8)
    // call far 0x43:0; the handler: ret far 8
    machine.put([0x9A, 0, 0, 0, 0, UInt8(M.gate | 3), 0])
    machine.put([0xCA, 8, 0], at: 0x9100)
    machine.put(M.stack3, 0x1111, 4)
    machine.put(M.stack3 + 4, 0x2222, 4)
    let inside = try machine.run(1)
    #expect(inside[.rip] == 0x9100 && inside[.cs] == M.code0 && inside[.ss] == M.data0)
    #expect(inside[.rsp] == M.stack0 - 24)
    #expect(inside.frame(6) == [M.code + 7, M.code3, 0x1111, 0x2222, M.stack3, M.data3])
    let outside = try machine.run(2)
    #expect(outside[.rip] == M.code + 7 && outside[.cs] == M.code3 && outside[.ss] == M.data3)
    #expect(outside[.rsp] == M.stack3 + 8)
  }

  /// Gate, selector in the instruction, vector and code of the fault.
  @Test(arguments: [
    // Of ring 0 only; not present; to a null selector; to data; to absent code.
    (0x8C, 0x08, 13, 0x40), (0x6C, 0x08, 11, 0x40), (0xEC, 0, 13, 0), (0xEC, 0x10, 13, 0x10),
    (0xEC, 0x38, 11, 0x38),
  ]) func `A bad call gate faults`(_ row: (UInt64, UInt64, UInt64, UInt64)) throws {
    var machine = SystemMachine(ring: 3)
    machine.put(M.gdt + M.gate, callGate(row.0, selector: row.1), 8)
    machine.put([0x9A, 0, 0, 0, 0, UInt8(M.gate | 3), 0])
    let end = try machine.run()
    #expect(end.vector == row.2)
    #expect(end.frame(2) == [row.3, M.code])
  }

  @Test func `JMP through a call gate cannot change the level`() throws {
    var machine = SystemMachine(ring: 3)
    machine.put(M.gdt + M.gate, callGate(0xEC), 8)
    machine.put([0xEA, 0, 0, 0, 0, UInt8(M.gate | 3), 0])
    let end = try machine.run()
    #expect(end.vector == 13)
    #expect(end.frame(1) == [M.code0])
  }

  @Test func `A far jump to a task is not supported, to a busy one it faults`() throws {
    var machine = SystemMachine()
    machine.put([0xEA, 0, 0, 0, 0, UInt8(M.task), 0])
    let busy = try machine.run()
    #expect(busy.vector == 13)
    #expect(busy.frame(1) == [M.task])
    machine.put(M.gdt + M.task + 5, 0x89, 1)
    guard case .unsupported(let instruction) = try machine.run().stop else {
      Issue.record("carried out")
      return
    }
    #expect(instruction.reason.contains("hardware task switch"))
  }

  @Test func `LTR marks the task busy and takes 16-bit tasks too`() throws {
    for type in [0x81, 0x89] as [UInt64] {
      var machine = SystemMachine()
      machine.put([0x66, 0xB8, UInt8(M.task), 0, 0x0F, 0x00, 0xD8])
      machine.put(M.gdt + M.task + 5, type, 1)
      let end = try machine.run(2)
      #expect(end[.trAttributes] & 0xFF == type | 2)
      #expect(end.load(M.gdt + M.task + 5, 1) == type | 2)
    }
  }

  @Test func `LLDT makes local selectors work`() throws {
    var machine = SystemMachine()
    // mov ax, 0x48; lldt ax; mov ax, 0x0C; mov es, ax
    machine.put([0x66, 0xB8, 0x48, 0, 0x0F, 0x00, 0xD0, 0x66, 0xB8, 0x0C, 0, 0x8E, 0xC0])
    machine.put(M.ldt + 8, 0x0040_9200_1234_00FF, 8)
    let end = try machine.run(4)
    #expect(end[.ldtr] == M.local && end[.ldtrBase] == M.ldt && end[.ldtrLimit] == 0xFF)
    #expect(end[.es] == 0x0C && end[.esBase] == 0x1234 && end[.esAttributes] == 0x4093)
  }

  @Test func `LAR and LSL tell of a call gate and of a task`() throws {
    var machine = SystemMachine()
    machine.put(M.gdt + M.gate, callGate(0xEC), 8)
    // mov ecx, 0x40; lar eax, ecx; setz bl; lsl edx, ecx; setz bh; mov ecx, 0x28; lsl edx, ecx
    machine.put([
      0xB9, 0x40, 0, 0, 0, 0x0F, 0x02, 0xC1, 0x0F, 0x94, 0xC3, 0x0F, 0x03, 0xD1, 0x0F, 0x94, 0xC7,
      0xB9, 0x28, 0, 0, 0, 0x0F, 0x03, 0xD1,
    ])
    let end = try machine.run(7)
    #expect(end[.rax] == 0xEC00)
    #expect(end[.rbx] & 0xFFFF == 1)
    #expect(end[.rdx] == 0x67)
  }

  /// Instructions that need CPL ≤ IOPL, in ring 3 under IOPL 0.
  @Test(arguments: [[0xFA], [0xFB]] as [[UInt8]])
  func `CLI and STI need IOPL`(_ bytes: [UInt8]) throws {
    var machine = SystemMachine(ring: 3)
    machine.put(bytes)
    #expect(try machine.run().vector == 13)
    machine.state[.rflags] = 0x3002
    #expect(try machine.run(1).stop == .limit)
  }

  @Test func `POPF in ring 3 leaves IF and IOPL alone without a fault`() throws {
    var machine = SystemMachine(ring: 3)
    machine.put([0x9D])
    machine.put(M.stack3, 0x3AD7, 4)
    let end = try machine.run(1)
    #expect(end[.rflags] == 0x8D7 | 2 | 0)
  }

  @Test func `The bitmap of the task-state segment opens ports`() throws {
    var machine = SystemMachine(ring: 3)
    machine.state[.trLimit] = 0xFF
    // in ax, 0x27: bits 7 of one byte and 0 of the next; in al, 0x30
    machine.put([0x66, 0xE5, 0x27, 0xE4, 0x30])
    machine.put(M.tss + 0x68 + 6, 1, 1)
    let end = try machine.run()
    #expect(end.vector == 13)
    #expect(end.frame(2) == [0, M.code + 3])
    machine.put(M.tss + 0x68 + 5, 1, 1)
    #expect(try machine.run().frame(2) == [0, M.code])
    // A 16-bit task has no bitmap.
    machine.put(M.tss + 0x68 + 5, 0, 1)
    machine.state[.trAttributes] = 0x83
    #expect(try machine.run(0).stop == .limit)
    #expect(try machine.run(1)[.rip] != M.code + 3)
  }

  /// SGDT, SIDT, SLDT, STR and SMSW in ring 3.
  @Test(
    arguments: [
      [0x0F, 0x01, 0x00], [0x0F, 0x01, 0x08], [0x0F, 0x00, 0xC0], [0x0F, 0x00, 0xC8], [0x0F, 0x01, 0xE0],
    ] as [[UInt8]]) func `UMIP hides the tables from ring 3`(_ bytes: [UInt8]) throws
  {
    var machine = SystemMachine(ring: 3)
    machine.put(bytes)
    machine.state[.rax] = M.data
    #expect(try machine.run(1).stop == .limit)
    #expect(try machine.run(1)[.rip] == M.code + 3)
    machine.state[.cr4] = 0x800
    #expect(try machine.run().vector == 13)
  }

  @Test func `SYSENTER and SYSEXIT set flat segments`() throws {
    var machine = SystemMachine(ring: 3)
    machine.put([0x0F, 0x34])
    machine.put([0x0F, 0x35], at: 0x9100)
    machine.state[.sysenterCS] = 0x08
    machine.state[.sysenterESP] = M.stack0
    machine.state[.sysenterEIP] = 0x9100
    machine.state[.rflags] = 0x302 & ~0x100
    machine.state[.rcx] = M.stack3 - 16
    machine.state[.rdx] = M.code + 2
    let inside = try machine.run(1)
    #expect(inside[.cs] == 0x08 && inside[.ss] == 0x10 && inside[.rsp] == M.stack0)
    #expect(inside[.csAttributes] == 0xC09B && inside[.ssAttributes] == 0xC093)
    #expect(inside[.rflags] == 2)
    let outside = try machine.run(2)
    #expect(outside[.cs] == 0x1B && outside[.ss] == 0x23)
    #expect(outside[.rip] == M.code + 2 && outside[.rsp] == M.stack3 - 16)
    machine.state[.sysenterCS] = 3
    #expect(try machine.run().vector == 13)
  }

  /// Model-specific registers: number, value to write, and whether that faults.
  @Test(arguments: [
    (0x174, 0xFFFF_FFFF, false), (0x174, 0x1_0000_0000, true), (0xC000_0080, 0x1, false),
    (0xC000_0080, 0x2, true), (0x277, 0x0007_0406_0007_0406, false), (0x277, 2, true), (0xFE, 0, true),
    (0x1234_5678, 0, true), (0x176, 0x8000_0000_0000, true),
  ]) func `Model-specific registers follow the list`(_ row: (UInt64, UInt64, Bool)) throws {
    var machine = SystemMachine()
    machine.put([0x0F, 0x30, 0x0F, 0x32])
    machine.state[.rcx] = row.0
    machine.state[.rax] = row.1 & 0xFFFF_FFFF
    machine.state[.rdx] = row.1 >> 32
    let end = try machine.run(2)
    #expect((end.vector == 13) == row.2)
    if !row.2 { #expect(end[.rax] | end[.rdx] << 32 == row.1) }
  }

  @Test func `The time-stamp counter is virtual time and can be set`() throws {
    var machine = SystemMachine()
    // wrmsr 10h; nop; rdtsc
    machine.put([0x0F, 0x30, 0x90, 0x0F, 0x31])
    machine.state[.rcx] = 0x10
    machine.state[.rax] = 1000
    let end = try machine.run(3)
    #expect(end[.rax] == 1002 && end[.rdx] == 0)
  }

  /// RDPMC #GP; MONITOR, VMCALL and XGETBV, which CPUID denies, #UD.
  @Test(
    arguments: [
      ([0x0F, 0x33], 13), ([0x0F, 0x01, 0xC8], 6), ([0x0F, 0x01, 0xC1], 6), ([0x0F, 0x01, 0xD0], 6),
    ] as [([UInt8], UInt64)]) func `Absent instructions fault`(_ row: ([UInt8], UInt64)) throws
  {
    var machine = SystemMachine()
    machine.put(row.0)
    #expect(try machine.run().vector == row.1)
  }

  @Test func `HLT does not wake up without the interrupt flag`() throws {
    var machine = SystemMachine()
    machine.put([0xF4])
    #expect(try machine.run(raising: 1).stop == .idle(pc: M.code + 1))
    machine.state[.rflags] = 0x202
    #expect(try machine.run(raising: 1, after: 1).vector == 33)
  }
}
