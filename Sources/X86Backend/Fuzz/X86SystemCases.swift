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

  /// Puts page tables into the storage. Pages of the data from 4000h on are of every kind.
  static func storePages(_ mode: X86Mode, _ memory: GuestMemory) {
    guard mode == .protected32 else { return }
    memory.store(directory, table | 0x27, width: 4)
    // A large page where CR4.PSE is on, with and without a reserved bit.
    memory.store(directory + 4, 0xE7, width: 4)
    memory.store(directory + 8, 0x20E7, width: 4)
    memory.store(top, wideDirectory | 1, width: 8)
    memory.store(wideDirectory, wideTable | 0x27, width: 8)
    memory.store(wideDirectory + 8, 0xE7, width: 8)
    memory.store(wideDirectory + 16, 0x20E7, width: 8)
    for page in 0..<UInt64(512) {
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
      }
      memory.store(table + page * 4, page << 12 | rights, width: 4)
      memory.store(wideTable + page * 8, page << 12 | rights | never, width: 8)
    }
  }

  /// Changes the system's state of a case.
  static func vary(_ state: inout ProcessorState, _ machine: X86FuzzMachine, _ random: inout SplitMix) {
    guard machine.model == .modern else { return }
    for _ in 0..<(1 + random.below(2)) {
      switch random.below(6) {
      case 0: state[.rflags] |= random.chance(70) ? 0x100 : 0x1_0100
      case 1, 2: setBreakpoints(&state, machine, &random)
      case 3 where machine.mode == .protected32: enterVirtual(&state, machine, &random)
      case 4 where machine.mode == .protected32, 5 where machine.mode == .protected32:
        setPaging(&state, &random)
      default:
        state[.cr4] ^= [0x800, 0x10_0000, 8, 4][random.below(4)]
        if random.chance(30) { state[.interruptShadow] = UInt64(random.below(3)) }
        if random.chance(30) { state[.dr7] |= 0x2000 }
      }
    }
  }

  private static func setBreakpoints(
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

  private static func enterVirtual(
    _ state: inout ProcessorState, _ machine: X86FuzzMachine, _ random: inout SplitMix
  ) {
    guard state[.cr0] & 0x8000_0000 == 0 else { return }
    let base = machine.code - 0x800
    for number in 0..<6 {
      let place = number == 1 ? base : machine.data
      state.setSegment(
        number, SegmentState(selector: place >> 4, base: place, limit: 0xFFFF, attributes: 0xF3))
    }
    state[.rip] = 0x800
    state[.rsp] = 0x8000 + UInt64(random.below(64))
    for register in 0..<8 where register != 4 { state.registers[register] &= 0x7FFF }
    state[.rflags] = (state[.rflags] & ~0x3000) | 0x2_0000 | UInt64(random.chance(60) ? 3 : 0) << 12
  }

  private static func setPaging(_ state: inout ProcessorState, _ random: inout SplitMix) {
    state[.cr0] |= 0x8000_0000
    if random.chance(50) {
      state[.cr3] = directory
      if random.chance(60) { state[.cr4] |= 0x10 }
    } else {
      state[.cr3] = top
      state[.cr4] |= 0x20
      state[.pdpte0] = wideDirectory | 1
      if random.chance(60) { state[.efer] |= 0x800 }
    }
    if random.chance(50) { state[.cr0] |= 0x1_0000 }
    if random.chance(30) { state[.cr4] |= 0x10_0000 }
    if random.chance(30) { state[.cr4] |= 0x80 }
  }
}
