public import MachineCore

/// A segment descriptor's hidden part as ``X86Register`` keeps it.
package struct SegmentState: Sendable, Equatable {
  package var selector: UInt64
  package var base: UInt64
  package var limit: UInt64
  /// Type, S, DPL and P in bits 0–7; AVL, L, D/B and G in bits 12–15.
  package var attributes: UInt64

  package init(selector: UInt64, base: UInt64 = 0, limit: UInt64, attributes: UInt64) {
    self.selector = selector
    self.base = base
    self.limit = limit
    self.attributes = attributes
  }

  /// The eight bytes in a descriptor table that load as this state.
  package var descriptor: UInt64 {
    let granular = attributes & 0x8000 != 0
    let limit = granular ? limit >> 12 : limit
    var value = limit & 0xFFFF
    value |= (base & 0xFF_FFFF) << 16
    value |= (attributes & 0xFF) << 40
    value |= ((limit >> 16) & 0xF) << 48
    value |= ((attributes >> 12) & 0xF) << 52
    value |= ((base >> 24) & 0xFF) << 56
    return value
  }
}

/// The segments that the initial descriptor table describes.
///
/// Accessed bits are set from the start, so that no engine ever has to write to the table.
enum X86InitialSegments {
  static func code(_ mode: X86Mode) -> SegmentState {
    switch mode {
    case .real16: SegmentState(selector: 0, limit: 0xFFFF, attributes: 0x009B)
    case .protected32:
      SegmentState(selector: X86Layout.Selector.code, limit: 0xFFFF_FFFF, attributes: 0xC09B)
    case .long64: SegmentState(selector: X86Layout.Selector.code, limit: 0xFFFF_FFFF, attributes: 0xA09B)
    }
  }

  static func data(_ mode: X86Mode) -> SegmentState {
    mode == .real16
      ? SegmentState(selector: 0, limit: 0xFFFF, attributes: 0x0093)
      : SegmentState(selector: X86Layout.Selector.data, limit: 0xFFFF_FFFF, attributes: 0xC093)
  }

  static let userCode32 = SegmentState(
    selector: X86Layout.Selector.userCode32, limit: 0xFFFF_FFFF, attributes: 0xC0FB)
  static let userData = SegmentState(
    selector: X86Layout.Selector.userData, limit: 0xFFFF_FFFF, attributes: 0xC0F3)
  static let userCode64 = SegmentState(
    selector: X86Layout.Selector.userCode64, limit: 0xFFFF_FFFF, attributes: 0xA0FB)

  /// The task register: a busy task-state segment, which Intel's virtualization insists on.
  static func task(_ mode: X86Mode) -> SegmentState {
    mode == .real16
      ? SegmentState(selector: 0, limit: 0xFFFF, attributes: 0x008B)
      : SegmentState(
        selector: X86Layout.Selector.tss, base: X86Layout.tss, limit: X86Layout.tssLimit, attributes: 0x008B)
  }
}

/// What the machine's memory holds beside the program.
enum X86InitialTables {
  /// Last byte of the global descriptor table, from its start: six descriptors and a 16-byte one.
  static let gdtLimit: UInt64 = 0x3F

  /// Tables for a mode, each with its address; real mode needs none.
  static func contents(_ mode: X86Mode) -> [(address: UInt64, bytes: [UInt8])] {
    guard mode != .real16 else { return [] }
    let task = X86InitialSegments.task(mode)
    let descriptors: [UInt64] = [
      0,
      X86InitialSegments.code(mode).descriptor,
      X86InitialSegments.data(mode).descriptor,
      X86InitialSegments.userCode32.descriptor,
      X86InitialSegments.userData.descriptor,
      mode == .long64 ? X86InitialSegments.userCode64.descriptor : 0,
      task.descriptor,
      mode == .long64 ? task.base >> 32 : 0,
    ]
    var tables = [(X86Layout.gdt, bytes(descriptors)), (X86Layout.tss, taskState(mode))]
    if mode == .long64 { tables += pageTables }
    return tables
  }

  /// The task-state segment: zero but for the ring-0 stack.
  private static func taskState(_ mode: X86Mode) -> [UInt8] {
    var words = [UInt32](repeating: 0, count: 26)
    let stack = UInt32(truncatingIfNeeded: X86Layout.ring0StackTop)
    words[1] = stack
    // 32-bit: SS0 follows ESP0; 64-bit: the upper half of RSP0 does.
    if mode == .protected32 { words[2] = UInt32(truncatingIfNeeded: X86Layout.Selector.data) }
    // The offset of the I/O bitmap, beyond the limit: there is none.
    words[25] = UInt32(truncatingIfNeeded: X86Layout.tssLimit + 1) << 16
    return words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }

  /// Present, writable, and large for the last level; supervisor only, accessed and dirty set.
  private static var pageTables: [(UInt64, [UInt8])] {
    let table: UInt64 = 0x23
    let large: UInt64 = 0xE3
    var pml4 = [UInt64](repeating: 0, count: 512)
    pml4[0] = X86Layout.pdpt | table
    var pdpt = [UInt64](repeating: 0, count: 512)
    for index in 0..<4 { pdpt[index] = (X86Layout.pageDirectories + UInt64(index) * 0x1000) | table }
    let directories = (0..<2048).map { UInt64($0) << 21 | large }
    return [
      (X86Layout.pml4, bytes(pml4)), (X86Layout.pdpt, bytes(pdpt)),
      (X86Layout.pageDirectories, bytes(directories)),
    ]
  }

  private static func bytes(_ words: [UInt64]) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }
}

/// Processor states that machines start with.
enum X86InitialState {
  static func make(_ mode: X86Mode, entry: UInt64) -> ProcessorState {
    var state = ProcessorState(registers: [UInt64](repeating: 0, count: X86Register.allCases.count))
    func set(_ register: X86Register, _ value: UInt64) { state.registers[register.index] = value }
    // Bit 1 of the flags always reads as one.
    set(.rflags, 0x2)
    set(.rip, entry)
    set(.rsp, mode == .real16 ? X86Layout.realModeStackTop : X86Layout.stackTop)
    let data = X86InitialSegments.data(mode)
    for number in 0..<6 where number != 1 { state.setSegment(number, data) }
    state.setSegment(1, X86InitialSegments.code(mode))
    let task = X86InitialSegments.task(mode)
    set(.tr, task.selector)
    set(.trBase, task.base)
    set(.trLimit, task.limit)
    set(.trAttributes, task.attributes)
    // An empty local descriptor table, as after reset.
    set(.ldtrLimit, 0xFFFF)
    set(.ldtrAttributes, 0x0082)
    if mode == .real16 {
      set(.gdtrLimit, 0xFFFF)
      set(.idtrLimit, 0x3FF)
    } else {
      set(.gdtrBase, X86Layout.gdt)
      set(.gdtrLimit, X86InitialTables.gdtLimit)
      // No interrupt table: until the program loads one, any trap is a triple fault.
    }
    switch mode {
    case .real16: set(.cr0, 0x10)
    case .protected32: set(.cr0, 0x11)
    case .long64:
      set(.cr0, 0x8000_0011)
      set(.cr3, X86Layout.pml4)
      set(.cr4, 0x20)
      set(.efer, 0x500)
    }
    set(.dr6, 0xFFFF_0FF0)
    set(.dr7, 0x400)
    // The boot processor's APIC at its usual place; fast strings; the types that PAT has after reset.
    set(.apicBase, 0xFEE0_0900)
    set(.miscEnable, 1)
    set(.pat, 0x0007_0406_0007_0406)
    return state
  }

  /// The processor after reset (Intel SDM volume 3, table 9-1), before its first instruction at FFFFFFF0h.
  static func reset() -> ProcessorState {
    var state = make(.real16, entry: X86Layout.resetOffset)
    state[.rsp] = 0
    state[.rdx] = 0x600
    state.setSegment(
      1,
      SegmentState(
        selector: X86Layout.resetSelector, base: X86Layout.resetBase, limit: 0xFFFF, attributes: 0x009B))
    state[.idtrLimit] = 0xFFFF
    state[.trLimit] = 0xFFFF
    state[.cr0] = 0x6000_0010
    return state
  }
}

extension ProcessorState {
  /// Sets selector and hidden part of segment register `number` (in encoding order, 0…5).
  package mutating func setSegment(_ number: Int, _ segment: SegmentState) {
    registers[X86Register.es.index + number] = segment.selector
    registers[X86Register.esBase.index + number] = segment.base
    registers[X86Register.esLimit.index + number] = segment.limit
    registers[X86Register.esAttributes.index + number] = segment.attributes
  }

  /// Selector and hidden part of segment register `number` (in encoding order, 0…5).
  package func segment(_ number: Int) -> SegmentState {
    SegmentState(
      selector: registers[X86Register.es.index + number],
      base: registers[X86Register.esBase.index + number],
      limit: registers[X86Register.esLimit.index + number],
      attributes: registers[X86Register.esAttributes.index + number])
  }

  /// The register's value.
  public subscript(_ register: X86Register) -> UInt64 {
    get { registers[register.index] }
    set { registers[register.index] = newValue }
  }
}
