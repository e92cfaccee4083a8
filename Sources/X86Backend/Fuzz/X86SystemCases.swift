import MachineCore

/// The system's state for single-instruction cases: virtual-8086 mode, paging with 32-bit entries and with PAE, debug
/// registers, single-stepping, and the bits of control registers that change how things are checked.
enum X86SystemCases {
  /// Page tables of protected mode: a directory of 32-bit entries and a table for its first 4 MiB; the four
  /// top-level entries of PAE paging, their directory and a table for its first 2 MiB.
  private static let directory: UInt64 = 0xC000
  private static let table: UInt64 = 0xD000
  private static let top: UInt64 = 0xB800
  private static let wideDirectory: UInt64 = 0xE000
  private static let wideTable: UInt64 = 0xF000

  /// Entries of the directory of 32-bit entries: ways to the table with fewer rights, then pages of 4 MiB.
  private static let ways: [UInt64] = [
    table | 0x27, 0xE7, 0x20E7, table | 0x25, table | 0x23, table | 0x07, table | 0x26, table | 0x01, 0xE5,
    0xE3, 0x87,
    0x1E7, 0xA7, 0x85, 0x83, table | 0x65,
  ]
  /// The same for PAE, with pages of 2 MiB, execute-disable and reserved bits.
  private static let wideWays: [UInt64] = [
    wideTable | 0x27, 0xE7, 0x20E7, wideTable | 0x25, wideTable | 0x23, wideTable | 0x07, wideTable | 0x26,
    wideTable | 0x01, 0xE5, 0xE3, 0x87, 0x1E7, 0xA7, 0x85, 0x83, wideTable | 0x65, 1 << 63 | wideTable | 0x27,
    1 << 63 | 0xE7, 1 << 45 | wideTable | 0x27, 1 << 45 | 0xE7, 1 << 63 | 0x87,
  ]
  /// Rights of pages that show the code once more, from this page on.
  private static let aliases: [UInt64] = [
    0x65, 0x63, 0x61, 0x66, 0x07, 0x27, 0x05, 0x25, 0x03, 0x147, 0x67, 0x47,
  ]
  private static let firstAlias: UInt64 = 0x40
  /// Sets of four top-level entries, some with reserved bits.
  private static let topCount = 8

  /// Puts page tables into the storage. Pages of the data from 4000h on are of every kind.
  static func storePages(_ mode: X86Mode, _ memory: GuestMemory) {
    guard mode != .long64 else { return }
    for (index, entry) in ways.enumerated() {
      memory.store(directory + UInt64(index) * 4, entry, width: 4)
    }
    for (index, entry) in wideWays.enumerated() {
      memory.store(wideDirectory + UInt64(index) * 8, entry, width: 8)
    }
    for number in 0..<UInt64(topCount) {
      for slot in 0..<UInt64(4) {
        var entry = slot == 0 || number & 1 != 0 ? wideDirectory | 1 : 0
        if number >= 4, slot == number - 4 {
          entry = wideDirectory | [0x3, 0x101, 1 << 45 | 1, 0x41][Int(slot)]
        }
        memory.store(top + number * 32 + slot * 8, entry, width: 8)
      }
    }
    for page in 0..<UInt64(512) {
      var frame = page
      var rights: UInt64 = 0x67
      var never: UInt64 = 0
      if 0x14...0x17 ~= page {
        rights = [0x65, 0x63, 7, 0x147][Int(page & 3)]
      } else if page == 0x1F {
        rights = 0x66
      } else if page == 0x1E {
        never = 1 << 63
      } else if page == 0x1D {
        never = 1 << 45
      } else if page >= firstAlias, page - firstAlias < UInt64(aliases.count) {
        (frame, rights) = (0x20, aliases[Int(page - firstAlias)])
        if page & 7 == 3 { never = 1 << 63 }
      }
      memory.store(table + page * 4, frame << 12 | rights, width: 4)
      memory.store(wideTable + page * 8, frame << 12 | rights | never, width: 8)
    }
  }

  /// Changes the system's state of a case.
  static func vary(_ state: inout ProcessorState, _ machine: X86FuzzMachine, _ random: inout SplitMix) {
    guard machine.model == .modern else { return }
    for _ in 0..<(1 + random.below(2)) {
      switch random.below(4) {
      case 0: state[.rflags] |= random.chance(70) ? 0x100 : 0x1_0100
      case 1, 2: setBreakpoints(&state, machine, &random)
      default:
        state[.cr4] ^= [0x800, 0x10_0000, 8, 4][random.below(4)]
        if random.chance(30) { state[.interruptShadow] = UInt64(random.below(3)) }
        if random.chance(30) { state[.dr7] |= 0x2000 }
      }
    }
  }

  static func setBreakpoints(
    _ state: inout ProcessorState, _ machine: X86FuzzMachine, _ random: inout SplitMix
  ) {
    let places: [UInt64] = [
      state[.rip] &+ state[.csBase], state[.rip] &+ state[.csBase] &+ 1, state[.rsp] &+ state[.ssBase] &- 4,
      state[.rbx], state[.rsi], state[.rdi], machine.data &+ 0x4000, 0x70,
    ]
    for register in [X86Register.dr0, .dr1, .dr2, .dr3] {
      state[register] = places[random.below(places.count)] &+ UInt64(random.below(4)) &- 1
      if machine.mode != .long64 { state[register] &= 0xFFFF_FFFF }
    }
    state[.dr0] = places[random.below(2)]
    state[.dr7] = 0x400 | random.next() & 0xFFFF_00FF
    // Instruction breakpoints have a length of one.
    for number in 0..<UInt64(4) where state[.dr7] >> (16 + number * 4) & 3 == 0 {
      state[.dr7] &= ~(0xF << (16 + number * 4))
    }
    if random.chance(40) { state[.cr4] |= 8 }
  }

  /// A value for CR3: one of the tables.
  static func root(_ random: inout SplitMix) -> UInt64 {
    random.chance(30) ? directory : top + UInt64(random.below(topCount)) * 32
  }

  /// Turns paging on, outside long mode, and lets code or pointers lie in pages of every kind.
  static func setPages(
    _ state: inout ProcessorState, _ machine: X86FuzzMachine, _ random: inout SplitMix
  ) {
    guard machine.mode != .long64 else {
      guard state[.csAttributes] & 0x2000 != 0, random.chance(30) else { return }
      state[.rip] = random.pick(machine.oddCode)
      return
    }
    guard state[.cr0] & 1 != 0 else { return }
    setPaging(&state, &random)
    let isWide = state[.cr4] & 0x20 != 0
    func way(_ random: inout SplitMix) -> UInt64 {
      isWide
        ? UInt64(random.below(wideWays.count)) << 21 | UInt64(random.chance(15) ? random.below(4) : 0) << 30
        : UInt64(random.below(ways.count)) << 22
    }
    for register in 0..<8 where random.chance(15) {
      let offset = state.registers[register] &- machine.data
      if offset < 0x1_0000 { state.registers[register] &+= way(&random) }
    }
    guard random.chance(35) else { return }
    var shift = way(&random)
    if random.chance(60) { shift = (firstAlias + UInt64(random.below(aliases.count))) << 12 &- 0x2_0000 }
    if state[.csBase] == 0 {
      state[.rip] = (state[.rip] &+ shift) & 0xFFFF_FFFF
    } else if state[.rflags] & 0x2_0000 == 0 {
      state[.csBase] = (state[.csBase] &+ shift) & 0xFFFF_FFFF
    } else if state[.csBase] &+ shift < 0x10_0000 {
      state[.csBase] &+= shift
      state[.cs] = state[.csBase] >> 4
    }
  }

  static func setPaging(_ state: inout ProcessorState, _ random: inout SplitMix) {
    state[.cr0] |= 0x8000_0000
    if random.chance(50) {
      state[.cr3] = directory
      if random.chance(60) { state[.cr4] |= 0x10 }
    } else {
      state[.cr3] = random.chance(80) ? top : top + UInt64(random.below(topCount)) * 32
      state[.cr4] |= 0x20
      state[.pdpte0] = wideDirectory | 1
      if random.chance(50) { state[.pdpte1] = wideDirectory | 1 }
      if random.chance(50) { state[.pdpte2] = wideDirectory | 9 }
      if random.chance(60) { state[.efer] |= 0x800 }
    }
    if random.chance(50) { state[.cr0] |= 0x1_0000 }
    if random.chance(30) { state[.cr4] |= 0x10_0000 }
    if random.chance(30) { state[.cr4] |= 0x80 }
  }
}
