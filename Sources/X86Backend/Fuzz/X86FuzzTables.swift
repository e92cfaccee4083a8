internal import MachineCore

/// Descriptors, gates and pages of every kind for the surroundings of single instructions.
enum X86FuzzTables {
  /// The global and the local descriptor table.
  static let gdt: UInt64 = 0x7000
  static let ldt: UInt64 = 0x7C00
  static let gdtCount = 96
  static let ldtCount = 16
  /// Two tables for addresses that nothing else uses, and one for directories.
  private static let directory: UInt64 = 0xB000

  /// What plain surroundings have in their table.
  static let plainSelectors: [UInt64] = [0, 0x08, 0x10, 0x1B, 0x23, 0x2B, 0x08_0000]

  /// Selectors of all descriptors, with every requested level, and some outside the tables.
  static let selectors: [UInt64] = {
    var result = plainSelectors + [3, 4, 7, 0xFFF8, 0x307, 0x84, 0x87]
    for index in 1..<UInt64(gdtCount) { result += [index << 3, index << 3 | 3, index << 3 | index & 3] }
    for index in 0..<UInt64(ldtCount) { result += [index << 3 | 4, index << 3 | 7] }
    return result
  }()

  /// Builds descriptors of 8 bytes.
  private static func descriptor(
    type: UInt64, level: UInt64 = 0, flags: UInt64 = 0xC, limit: UInt64 = 0xF_FFFF
  )
    -> UInt64
  {
    limit & 0xFFFF | (type & 0xFF | level << 5) << 40 | (limit >> 16 & 0xF) << 48 | flags << 52
  }

  /// The tables: the eight first entries stay as the machine has them, then one of every kind and level.
  static func storeDescriptors(_ mode: X86Mode, _ memory: GuestMemory, _ state: inout ProcessorState) {
    var table = (0..<UInt64(8)).map { memory.load(X86Layout.gdt + $0 * 8, width: 8) ?? 0 }
    for level in [UInt64(0), 3, 1, 2] {
      // Code and data: plain, read-only, expand-down, execute-only, conforming, not yet accessed, absent.
      for type in [0x93, 0x91, 0x97, 0x99, 0x9F, 0x92, 0x9A, 0x13] as [UInt64] {
        let is64Code = mode == .long64 && type & 8 != 0
        table.append(descriptor(type: type, level: level, flags: is64Code ? 0xA : 0xC))
      }
      // 16-bit code and data with small limits, code that is both 32 and 64 bits wide, absent code.
      table.append(descriptor(type: 0x9B, level: level, flags: 0, limit: 0xFFFF))
      table.append(descriptor(type: 0x93, level: level, flags: 0, limit: 0x8FFF))
      table.append(descriptor(type: 0x9B, level: level, flags: 0xE))
      table.append(descriptor(type: 0x1B, level: level, flags: mode == .long64 ? 0xA : 0xC))
    }
    // System descriptors of every type; call gates lead to the code in ring 0.
    for type in 0..<UInt64(16) {
      let isGate = type & 7 >= 4
      let level: UInt64 = type & 1 == 0 ? 3 : 0
      table.append(
        isGate
          ? 0x0100 | X86Layout.Selector.code << 16 | (0x80 | type | level << 5) << 40 | 2 << 48
          : descriptor(type: 0x80 | type, level: level, flags: 0, limit: 0x67) | X86Layout.tss << 16)
      if mode == .long64 { table.append(0) }
    }
    for (index, entry) in table.prefix(gdtCount).enumerated() {
      memory.store(gdt + UInt64(index) * 8, entry, width: 8)
    }
    for index in 0..<UInt64(ldtCount) {
      memory.store(ldt + index * 8, table[Int(index) * 2 % 48 + 8], width: 8)
    }
    state[.gdtrBase] = gdt
    state[.gdtrLimit] = UInt64(gdtCount) * 8 - 1
    state[.ldtr] = 0x38
    state[.ldtrBase] = ldt
    state[.ldtrLimit] = UInt64(ldtCount) * 8 - 1
    state[.ldtrAttributes] = 0x82
    storeTask(mode, memory)
  }

  /// Stacks for all rings and interrupts, and a bitmap in which some ports are open.
  private static func storeTask(_ mode: X86Mode, _ memory: GuestMemory) {
    let stack = X86FuzzMachine.storage
    if mode == .long64 {
      for offset in stride(from: UInt64(0x0C), to: 0x5C, by: 8) where offset != 0x1C {
        memory.store(X86Layout.tss + offset, stack - offset * 4, width: 8)
      }
      // One that is not canonical.
      memory.store(X86Layout.tss + 0x54, 0x8000_0000_0000_0000, width: 8)
    } else {
      for level in 1..<UInt64(3) {
        memory.store(X86Layout.tss + 4 + level * 8, stack - level * 0x100, width: 4)
        memory.store(X86Layout.tss + 8 + level * 8, (20 + level * 12) << 3 | level, width: 4)
      }
    }
    memory.store(X86Layout.tss + 0x66, 0x68, width: 2)
    var random = SplitMix(state: 0x10_B175)
    for offset in stride(from: UInt64(0x68), to: 0x200, by: 8) {
      // Half of the bytes open: single closed bits would hide nearly every wide access.
      memory.store(
        X86Layout.tss + offset, random.next() & (random.chance(50) ? 0 : 0x0101_0000_8080_0000), width: 8)
    }
  }

  /// An interrupt gate to a handler, in ring 0.
  static func gate(_ vector: UInt64, _ handler: UInt64) -> (low: UInt64, high: UInt64) {
    // Breakpoint and overflow are open to ring 3, as every system has them.
    let access: UInt64 = vector == 3 || vector == 4 ? 0xEE : 0x8E
    return (gate(handler, access: access), 0)
  }

  private static func gate(
    _ handler: UInt64, selector: UInt64 = X86Layout.Selector.code, access: UInt64, stack: UInt64 = 0
  ) -> UInt64 {
    handler & 0xFFFF | selector << 16 | stack << 32 | access << 40 | (handler >> 16) << 48
  }

  /// Gates of every kind behind the exceptions' plain ones.
  static func variedGate(_ mode: X86Mode, _ vector: UInt64, _ handler: UInt64) -> (low: UInt64, high: UInt64)
  {
    guard vector >= 32 else { return gate(vector, handler) }
    let access: UInt64 = vector & 1 == 0 ? 0xEE : 0x8E
    switch vector >> 1 & 15 {
    case 0: return (gate(handler, access: access | 1), 0)
    case 1: return (gate(handler, access: access & 0x7F), 0)
    case 2: return (gate(handler, access: access & 0xF0 | (vector >> 5)), 0)
    case 3: return (gate(handler, selector: X86Layout.Selector.data, access: access), 0)
    case 4: return (gate(handler, selector: 0, access: access), 0)
    case 5: return (gate(handler, selector: 0xFFF8, access: access), 0)
    // Conforming code, absent code, code of rings 1, 2 and 3, and 16-bit code.
    case 6: return (gate(handler, selector: 12 << 3, access: access), 0)
    case 7: return (gate(handler, selector: 19 << 3, access: access), 0)
    case 8: return (gate(handler, selector: (vector >> 5 & 3) * 96 + (14 << 3), access: access), 0)
    case 9: return (gate(handler, selector: 16 << 3, access: access), 0)
    case 10: return (gate(handler, access: access), 0x8000)
    case 11, 12, 13: return (gate(handler, access: access, stack: vector >> 5 & 7), 0)
    default: return (gate(handler, access: access), 0)
    }
  }

  // MARK: Pages

  private static let absent: UInt64 = 0x66
  private static let never: UInt64 = 1 << 63
  /// Flags of a last-level entry: read-only, supervisor, absent, not yet accessed or dirty, not executable.
  private static let leaves: [UInt64] = [
    0x65, 0x63, 0x61, absent, 0x07, 0x27, never | 0x67, 0x05, never | 0x63, 0x25, 0x67,
  ]

  /// Pages of every kind; the storage behind them is the data again.
  ///
  /// - Returns: their addresses.
  static func storeOddPages(_ memory: GuestMemory, table: UInt64, base: UInt64) -> [UInt64] {
    var pages: [UInt64] = []
    for (index, flags) in leaves.enumerated() {
      let page = UInt64(index)
      memory.store(table + (32 + page) * 8, (X86FuzzMachine.storage + page << 12) | flags, width: 8)
      pages.append(base + (32 + page) << 12)
    }
    // Entries of a directory: large pages, with reserved bits, and ways to the table with fewer rights.
    let large: [UInt64] = [
      0x87, 0x2087, never | 0xE7, 0xE5, 0xA7, absent, 0xE3,
    ]
    let ways: [UInt64] = [0x07, 0x25, 0x23, never | 0x27, 0]
    for (index, entry) in (large + ways.map { $0 == 0 ? 0 : table | $0 }).enumerated() {
      memory.store(X86Layout.pageDirectories + UInt64(2 + index) * 8, entry, width: 8)
      let address = UInt64(2 + index) << 21
      pages += [address + X86FuzzMachine.storage + 0x4000, address + 0x5000, address + 34 << 12]
    }
    // The level above: pages of 1 GiB, with reserved bits, ways to the directory.
    let directory = X86Layout.pageDirectories
    let gigabyte: [UInt64] = [
      0x87, 0x2087, never | 0xE7, 0xE5, absent, directory | 0x07, directory | 0x25, directory | 0x23,
      never | directory | 0x27, 0xE3,
    ]
    for (index, entry) in gigabyte.enumerated() {
      memory.store(X86Layout.pdpt + UInt64(4 + index) * 8, entry, width: 8)
      let address = UInt64(4 + index) << 30
      pages += [
        address + X86FuzzMachine.storage + 0x4000, address + base + 0x4000, address + base + 0x2_4000,
      ]
    }
    let top: [UInt64] = [
      absent, X86Layout.pdpt | 0x87, X86Layout.pdpt | 0x07, X86Layout.pdpt | 0x25, X86Layout.pdpt | 0x23,
      never | X86Layout.pdpt | 0x27,
    ]
    for (index, entry) in top.enumerated() {
      memory.store(X86Layout.pml4 + UInt64(1 + index) * 8, entry, width: 8)
      let address = UInt64(1 + index) << 39
      pages += [address + base + 0x4000, address + 9 << 30 + base + 0x4000]
    }
    // Ends of the canonical halves.
    memory.store(X86Layout.pml4 + 511 * 8, X86Layout.pdpt | 0x27, width: 8)
    memory.store(X86Layout.pml4 + 255 * 8, X86Layout.pdpt | 0x27, width: 8)
    pages += [
      0xFFFF_FF80_0000_0000 + base + 0x4000, 0x7FFF_FFFF_F000, 0x7FFF_FFFF_FFF8, 0xFFFF_8000_0000_0000,
      0x7F80_0000_0000 + base + 0x4000,
    ]
    return pages
  }
}
