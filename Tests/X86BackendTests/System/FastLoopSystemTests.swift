import MachineCore
import Testing
import X86Backend

private typealias M = SystemMachine

/// What the fast loop remembers must hold for the ring, the tables and the observer that it is used for.
@Suite struct FastLoopSystemTests {
  private static let table = M.tables + 0x1000
  private static let inner: UInt64 = 0x1_1000
  /// In the page that has no entry for ring 3; not where other code here would lie in the same cache line.
  private static let function = M.data + 0x3320

  private func word(_ value: UInt64) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// The instructions `body`, sixty times: long enough for the fast loop.
  private func loop(_ body: [UInt8]) -> [UInt8] {
    // mov ecx, 60; body; dec ecx; jnz body
    [0xB9] + word(60) + body + [0x49, 0x75, UInt8(bitPattern: Int8(-3 - body.count))]
  }

  /// mov eax, [address]
  private func load(_ address: UInt64) -> [UInt8] { [0xA1] + word(address) }
  /// call function, from the end of `before` at `start`
  private func call(from start: UInt64, after before: [UInt8]) -> [UInt8] {
    [0xE8] + word(Self.function &- (start + UInt64(before.count) + 5))
  }

  /// Paging with pages for ring 3, but for those of the data and of the function.
  private func machine() -> SystemMachine {
    var machine = SystemMachine()
    machine.put(M.tables, Self.table | 0x27, 4)
    for page in 0..<UInt64(512) {
      let isInner = page << 12 == M.data || page << 12 == Self.function & ~0xFFF
      machine.put(Self.table + page * 4, page << 12 | (isInner ? 0x63 : 0x67), 4)
    }
    // A data segment that ring 3 may keep.
    machine.state.setSegment(
      3, SegmentState(selector: M.data3, limit: 0xFFFF_FFFF, attributes: 0xC0F3))
    machine.state[.cr3] = M.tables
    machine.state[.cr0] = 0x8000_0011
    return machine
  }

  /// iret to ring 3
  private var leave: [UInt8] {
    [M.data3, M.stack3, 2, M.code3, Self.inner].flatMap { [0x68] + word($0) } + [0xCF]
  }

  @Test func `A page that the supervisor read stays closed to ring 3`() throws {
    var machine = machine()
    machine.put(loop(load(M.data)) + leave)
    machine.put(loop(load(M.data + 0x1000)) + load(M.data) + [0xF4], at: Self.inner)
    let end = try machine.run(1000)
    #expect(end.vector == 14)
    #expect(end[.cr2] == M.data)
    #expect(end.frame(1) == [5])
  }

  @Test func `Code that the supervisor ran stays closed to ring 3`() throws {
    var machine = machine()
    machine.put([0xC3], at: Self.function)
    // The call stands five bytes into the loop.
    machine.put(loop(call(from: M.code, after: [0, 0, 0, 0, 0])) + leave)
    let before = loop(load(M.data + 0x1000))
    machine.put(before + call(from: Self.inner, after: before) + [0xF4], at: Self.inner)
    let end = try machine.run(1000)
    #expect(end.vector == 14)
    #expect(end[.cr2] == Self.function)
  }

  @Test func `A page that goes away is gone`() throws {
    var machine = machine()
    let entry = Self.table + (M.data + 0x1000) >> 12 * 4
    // The entry is cleared, and the processor told.
    let change = [0xC7, 0x05] + word(entry) + word(0) + [0x0F, 0x01, 0x3D] + word(M.data + 0x1000)
    machine.put(loop(load(M.data + 0x1000)) + change + loop(load(M.data + 0x2000)) + load(M.data + 0x1000))
    let end = try machine.run(1000)
    #expect(end.vector == 14)
    #expect(end[.cr2] == M.data + 0x1000)
  }

  @Test func `Code whose page goes elsewhere is other code`() throws {
    var machine = machine()
    // mov edx, 1; ret — and mov edx, 2; ret in another page, which takes the place of the first.
    let other = Self.function + 0x1000
    machine.put([0xBA, 1, 0, 0, 0, 0xC3], at: Self.function)
    machine.put([0xBA, 2, 0, 0, 0, 0xC3], at: other)
    let first = loop(call(from: M.code, after: [0, 0, 0, 0, 0]))
    let entry = Self.table + (Self.function >> 12) * 4
    let change =
      [0xC7, 0x05] + word(entry) + word(other & ~0xFFF | 0x67) + [0x0F, 0x01, 0x3D] + word(Self.function)
    let before = first + change
    let second = loop(call(from: M.code + UInt64(before.count), after: [0, 0, 0, 0, 0]))
    machine.put(before + second + [0xF4])
    let end = try machine.run(1000)
    #expect(end[.halted] == 1)
    #expect(end[.rdx] == 2)
  }

  @Test func `A call that went to a page goes to the page that took its place`() throws {
    var machine = machine()
    let other = Self.function + 0x1000
    // add edx, 1; ret — and add edx, 16; ret.
    machine.put([0x83, 0xC2, 1, 0xC3], at: Self.function)
    machine.put([0x83, 0xC2, 16, 0xC3], at: other)
    // mov edi, 2; jmp M; M: sixty calls; the other page; dec edi; jnz M; hlt
    let calls = loop(call(from: M.code, after: [UInt8](repeating: 0, count: 12)))
    let entry = Self.table + (Self.function >> 12) * 4
    let change =
      [0xC7, 0x05] + word(entry) + word(other & ~0xFFF | 0x67) + [0x0F, 0x01, 0x3D] + word(Self.function)
    let body = calls + change + [0x4F, 0x0F, 0x85]
    machine.put([0xBF] + word(2) + [0xEB, 0] + body + word(0 &- UInt64(body.count + 4)) + [0xF4])
    let end = try machine.run(2000)
    #expect(end[.halted] == 1)
    #expect(end[.rdi] == 0)
    #expect(end[.rdx] == 60 + 60 * 16)
  }

  @Test func `A load across pages takes each part from its page`() throws {
    var machine = machine()
    // The second page stands for another place than the one behind the first.
    machine.put(Self.table + (M.data + 0x2000) >> 12 * 4, 0x6_0000 | 0x67, 4)
    machine.put(M.data + 0x1FFE, 0x2211, 2)
    machine.put(M.data + 0x2000, 0x4433, 2)
    machine.put(0x6_0000, 0x6655, 2)
    machine.put(loop(load(M.data + 0x1000) + load(M.data + 0x1FFE)) + [0xF4])
    let end = try machine.run(1000)
    #expect(end[.halted] == 1)
    #expect(end[.rax] == 0x6655_2211)
  }

  @Test func `Code goes on in the page that follows, not in the storage that follows`() throws {
    var machine = machine()
    let pageEnd = (Self.function | 0xFFF) + 1
    machine.put(Self.table + (pageEnd >> 12) * 4, 0x6_0000 | 0x67, 4)
    // Thirty-two times inc eax to the page's end; then mov ebx, 7; hlt or mov ebx, 9; hlt.
    machine.put([UInt8](repeating: 0x40, count: 32), at: pageEnd - 32)
    machine.put([0xBB, 7, 0, 0, 0, 0xF4], at: 0x6_0000)
    machine.put([0xBB, 9, 0, 0, 0, 0xF4], at: pageEnd)
    let before = loop(load(M.data))
    let jump = pageEnd - 32 &- (M.code + UInt64(before.count) + 5)
    machine.put(before + [0xE9] + word(jump))
    let end = try machine.run(1000)
    #expect(end[.halted] == 1)
    #expect(end[.rbx] == 7)
  }

  @Test func `A store to the last byte of a block counts`() throws {
    var machine = SystemMachine()
    // mov edx, 2; mov ecx, 60; L: inc eax; dec ecx; jz OUT; jmp L; OUT: dec edx; jz END;
    // mov byte [the distance of the second jump], 18; mov ecx, 60; jmp L; END: hlt; mov ebx, 7; hlt
    machine.put(
      [0xBA, 2, 0, 0, 0, 0xB9] + word(60) + [0x40, 0x49, 0x74, 2, 0xEB, 0xFA, 0x4A, 0x74, 14, 0xC6, 0x05]
        + word(M.code + 15) + [18, 0xB9] + word(60) + [0xEB, 0xE9, 0xF4, 0xBB, 7, 0, 0, 0, 0xF4])
    let end = try machine.run(10_000)
    #expect(end[.halted] == 1)
    #expect(end[.rbx] == 7)
    #expect(end[.rax] == 61)
  }

  @Test func `An operand that faults saves the flags of the instruction before it`() throws {
    var machine = machine()
    machine.put(Self.table + (M.data + 0x1000) >> 12 * 4, 0, 4)
    // mov eax, 7FFFFFFFh; inc eax; add ebx, [absent]
    let absent: [UInt8] = [0x03, 0x1D] + word(M.data + 0x1000)
    machine.put(
      loop(load(M.data)) + [0xB8] + word(0x7FFF_FFFF) + [0x40] + absent + [0xF4])
    let end = try machine.run(1000)
    #expect(end.vector == 14)
    // Overflow, sign, adjust, parity.
    #expect(end.frame(4)[3] & 0x8D5 == 0x894)
  }

  @Test func `A return releases the arguments`() throws {
    var machine = SystemMachine()
    // ret 8
    machine.put([0xC2, 8, 0], at: Self.function)
    // Seven bytes before the call: mov ecx, 60; push eax; push eax.
    machine.put(
      loop([0x50, 0x50] + call(from: M.code, after: [UInt8](repeating: 0, count: 7))) + [0xF4])
    let end = try machine.run(1000)
    #expect(end[.halted] == 1)
    #expect(end[.rsp] == M.stack0)
  }

  @Test func `A 64-bit return releases the arguments`() throws {
    // mov ecx, 60; L: push rax; push rax; call F; dec ecx; jnz L; hlt; F: ret 16
    let code: [UInt8] =
      [0xB9] + word(60) + [0x50, 0x50, 0xE8, 5, 0, 0, 0, 0xFF, 0xC9, 0x75, 0xF5, 0xF4, 0xC2, 16, 0]
    let machine = X86Machine(
      mode: .long64, entry: M.code, segments: [LoadSegment(address: M.code, bytes: code)],
      memorySize: 2 << 20)
    let engine = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
    _ = try engine.run(RunLimits(instructions: 1000), into: nil)
    #expect(engine.state[.halted] == 1)
    #expect(engine.state[.rsp] == machine.initialState[.rsp])
  }

  @Test func `A segment that does not begin at zero moves every access`() throws {
    var machine = SystemMachine()
    machine.state[.dsBase] = 0x1000
    machine.put(M.data, 1, 4)
    machine.put(M.data + 0x1000, 2, 4)
    machine.put(loop(load(M.data)) + [0xF4])
    let end = try machine.run(1000)
    #expect(end[.halted] == 1)
    #expect(end[.rax] == 2)
  }

  @Test func `Every run tells what it stored`() throws {
    // L: mov [data], ecx; dec ecx; jmp L
    let code = [0x89, 0x0D] + word(M.data) + [0x49, 0xEB, 0xF7]
    let machine = X86Machine(
      mode: .protected32, entry: M.code, segments: [LoadSegment(address: M.code, bytes: code)],
      memorySize: 2 << 20)
    let platform = try machine.makePlatform()
    var ranges: [Range<Int>] = []
    platform.memory.observer = { ranges.append($0) }
    let engine = X86Interpreter(platform: platform, state: machine.initialState)
    for run in 1...3 {
      ranges = []
      _ = try engine.run(RunLimits(instructions: 300), into: nil)
      #expect(ranges.contains { $0.contains(Int(M.data)) }, "run \(run)")
    }
  }
}
