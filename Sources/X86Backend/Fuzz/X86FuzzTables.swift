internal import MachineCore

/// Descriptors, gates and pages of every kind for the surroundings of single instructions.
enum X86FuzzTables {
  /// The global and the local descriptor table.
  static let gdt: UInt64 = 0x7000
  static let ldt: UInt64 = 0x7C00
  static let gdtCount = 288
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

  /// Index of the first descriptor of a privilege level; ``storeDescriptors(_:_:_:)`` tells the order.
  static func firstOfLevel(_ level: UInt64) -> UInt64 { [8, 32, 44, 20][Int(level & 3)] }

  /// A selector: mostly of a segment, often at its own level, now and then of one that is not present.
  static func selector(_ random: inout SplitMix) -> UInt64 {
    guard random.chance(55) else { return random.pick(selectors) }
    let level = UInt64(random.below(4))
    let kind = UInt64(random.chance(20) ? [7, 11][random.below(2)] : random.below(12))
    return (firstOfLevel(level) + kind) << 3 | (random.chance(85) ? level : UInt64(random.below(4)))
  }

  /// Index of the first of the call gates that fill the table.
  static let firstGate = 96

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
    for (place, bytes) in X86InitialTables.contents(mode == .real16 ? .protected32 : mode)
    where place == X86Layout.gdt {
      try? memory.write(bytes, at: Int(place))
    }
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
    // A table and tasks that are not present.
    for type in [2, 9, 1] as [UInt64] where mode != .long64 || type != 1 {
      table.append(descriptor(type: type, level: 0, flags: 0, limit: 0x67) | X86Layout.tss << 16)
      if mode == .long64 { table.append(0) }
    }
    table += [UInt64](repeating: 0, count: firstGate - table.count) + callGates(mode)
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

  /// Call gates of both sizes: with every number of parameters, then to every kind of target.
  private static func callGates(_ mode: X86Mode) -> [UInt64] {
    func gate(_ selector: UInt64, _ offset: UInt64, _ access: UInt64, _ count: UInt64) -> UInt64 {
      offset & 0xFFFF | selector << 16 | count << 32 | access << 40 | (offset >> 16 & 0xFFFF) << 48
    }
    let good = X86Layout.Selector.code
    // Conforming, execute-only, absent, of other levels, 16 bits wide, both wide, no code, nothing, outside.
    let targets: [UInt64] = [
      12 << 3, 11 << 3, 19 << 3, 35 << 3, 47 << 3, 23 << 3, 16 << 3, 18 << 3, 16, 0, 3, 0xFFF8, 40 << 3,
      24 << 3,
      14 << 3, 0x30,
    ]
    var result: [UInt64] = []
    if mode == .long64 {
      for number in 0..<96 {
        let selector = number % 3 == 0 ? good : targets[number / 3 % targets.count]
        let access: UInt64 = number % 11 == 10 ? 0x6C : number % 7 == 6 ? 0x8C : 0xEC
        result.append(gate(selector, 0x21_0900, access, UInt64(number & 31)))
        result.append([0, 0, 0, 0x8000, 0xFFFF_FFFF, 0x0C00_0000_0000, 0, 0x7FFF][number % 8])
      }
      return result
    }
    for number in 0..<UInt64(64) {
      result.append(gate(good, 0x2_0840, number & 1 == 0 ? 0xEC : 0xE4, number >> 1))
    }
    for number in 0..<128 {
      let type: UInt64 = number & 1 == 0 ? 0x0C : 4
      let access: UInt64 = number % 11 == 10 ? 0x60 : number % 7 == 6 ? 0x80 : 0xE0
      let selector = number % 5 == 0 ? good : targets[number / 2 % targets.count]
      result.append(gate(selector, number % 3 == 0 ? 0x840 : 0x2_0840, access | type, UInt64(number & 31)))
    }
    return result
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
    // 16-bit code, at times with a target beyond its limit.
    case 9: return (gate(handler | (vector & 32) << 11, selector: 16 << 3, access: access), 0)
    case 10: return (gate(handler, access: access), 0x8000)
    case 11, 12, 13: return (gate(handler, access: access, stack: vector >> 5 & 7), 0)
    // To the same level of ring 3, with words.
    case 14 where mode != .long64:
      return (gate(handler, selector: 28 << 3 | 3, access: access & 0xF0 | 0x66), 0)
    default: return (gate(handler, access: access), 0)
    }
  }

  // MARK: Pages

  private static let absent: UInt64 = 0x66
  private static let never: UInt64 = 1 << 63
  /// Flags of a last-level entry: read-only, supervisor, absent, not yet accessed or dirty, not executable.
  private static let leaves: [UInt64] = [
    0x65, 0x63, 0x61, absent, 0x07, 0x27, never | 0x67, 0x05, never | 0x63, 0x25, 0x67, 0x167,
  ]

  /// The last page of the lower canonical half.
  static let lowerEnd: UInt64 = 0x7FFF_FFFF_F000

  /// Pages of every kind; the storage behind them is the data again.
  ///
  /// - Returns: their addresses, and addresses at which the instruction can be found too.
  static func storeOddPages(_ memory: GuestMemory, table: UInt64, base: UInt64) -> (
    data: [UInt64], code: [UInt64]
  ) {
    var pages: [UInt64] = []
    let place = X86FuzzMachine.place(.long64, isPlain: false)
    let instruction = base + 0x1_0000 + place
    var code: [UInt64] = []
    for (index, flags) in leaves.enumerated() {
      let page = UInt64(index)
      memory.store(table + (32 + page) * 8, (X86FuzzMachine.storage + page << 12) | flags, width: 8)
      pages.append(base + (32 + page) << 12)
      memory.store(table + (48 + page) * 8, (X86FuzzMachine.storage + 0x1_0000) | flags, width: 8)
      code.append(base + (48 + page) << 12 + place)
    }
    // Entries of a directory: large pages, with reserved bits, and ways to the table with fewer rights.
    let large: [UInt64] = [
      0x87, 0x2087, never | 0xE7, 0xE5, 0xA7, absent, 0xE3, 0x1E7,
    ]
    let ways: [UInt64] = [0x07, 0x25, 0x23, never | 0x27, 0]
    for (index, entry) in (large + ways.map { $0 == 0 ? 0 : table | $0 }).enumerated() {
      memory.store(X86Layout.pageDirectories + UInt64(2 + index) * 8, entry, width: 8)
      let address = UInt64(2 + index) << 21
      pages += [address + X86FuzzMachine.storage + 0x4000, address + 0x5000, address + 34 << 12]
      code += [address + X86FuzzMachine.storage + 0x1_0000 + place, address + 0x1_0000 + place]
    }
    // The level above: pages of 1 GiB, with reserved bits, ways to the directory.
    let directory = X86Layout.pageDirectories
    let gigabyte: [UInt64] = [
      0x87, 0x2087, never | 0xE7, 0xE5, absent, directory | 0x07, directory | 0x25, directory | 0x23,
      never | directory | 0x27, 0xE3, 0x1E7,
    ]
    for (index, entry) in gigabyte.enumerated() {
      memory.store(X86Layout.pdpt + UInt64(4 + index) * 8, entry, width: 8)
      let address = UInt64(4 + index) << 30
      pages += [
        address + X86FuzzMachine.storage + 0x4000, address + base + 0x4000, address + base + 0x2_4000,
      ]
      code += [address + X86FuzzMachine.storage + 0x1_0000 + place, address + instruction]
    }
    let top: [UInt64] = [
      absent, X86Layout.pdpt | 0x87, X86Layout.pdpt | 0x07, X86Layout.pdpt | 0x25, X86Layout.pdpt | 0x23,
      never | X86Layout.pdpt | 0x27,
    ]
    for (index, entry) in top.enumerated() {
      memory.store(X86Layout.pml4 + UInt64(1 + index) * 8, entry, width: 8)
      let address = UInt64(1 + index) << 39
      pages += [address + base + 0x4000, address + 9 << 30 + base + 0x4000]
      code += [address + instruction, address + 9 << 30 + instruction]
    }
    // Ends of the canonical halves; the instruction lies at the end of the lower one too.
    memory.store(X86Layout.pdpt + 511 * 8, X86Layout.pageDirectories | 0x27, width: 8)
    memory.store(X86Layout.pageDirectories + 511 * 8, table | 0x27, width: 8)
    memory.store(table + 511 * 8, (X86FuzzMachine.storage + 0x1_0000) | 0x67, width: 8)
    code.append(lowerEnd + place)
    memory.store(X86Layout.pml4 + 511 * 8, X86Layout.pdpt | 0x27, width: 8)
    memory.store(X86Layout.pml4 + 255 * 8, X86Layout.pdpt | 0x27, width: 8)
    pages += [
      0xFFFF_FF80_0000_0000 + base + 0x4000, 0x7FFF_FFFF_F000, 0x7FFF_FFFF_FFF8, 0xFFFF_8000_0000_0000,
      0x7F80_0000_0000 + base + 0x4000,
    ]
    return (pages, code)
  }
}
