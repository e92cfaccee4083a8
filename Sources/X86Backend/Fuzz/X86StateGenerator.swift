internal import MachineCore
internal import Trace

/// Makes processor states: corner values, pointers into the surroundings, segments and control registers of
/// every kind.
struct X86StateGenerator: Sendable {
  let machine: X86FuzzMachine
  /// All states are in ring 3.
  let onlyRing3: Bool

  private static let corners: [UInt64] = [
    0, 1, 2, 7, 8, 15, 16, 31, 32, 33, 63, 64, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF,
    0x8000_0000, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max, 0x99, 0x9A, 0xFA,
    0x1234_5678_9ABC_DEF0,
  ]

  init(_ machine: X86FuzzMachine, onlyRing3: Bool) {
    self.machine = machine
    self.onlyRing3 = onlyRing3
  }

  private var mode: X86Mode { machine.mode }
  private var stackBase: UInt64 { mode == .real16 ? 0 : machine.data }

  // MARK: General registers

  private func value(_ random: inout SplitMix) -> UInt64 {
    switch random.below(4) {
    case 0: Self.corners[random.below(Self.corners.count)]
    case 1: random.next()
    case 2: UInt64(random.below(64))
    default: pointer(&random)
    }
  }

  private func pointer(_ random: inout SplitMix) -> UInt64 {
    if !machine.oddPages.isEmpty, random.chance(12) {
      let page = machine.oddPages[random.below(machine.oddPages.count)]
      // Just before a page, and inside it.
      return random.chance(25) ? page &- UInt64(random.below(9)) : page &+ UInt64(random.below(256))
    }
    var offset = UInt64(random.below(0x4000) + 0x4000)
    // Accesses across the end of a page, of a segment.
    if random.chance(6) { offset = (offset | 0xFFF) &- UInt64(random.below(8)) }
    if random.chance(2) { offset = 0x1_0000 &- UInt64(random.below(9)) }
    return mode == .real16 ? offset : machine.data + offset
  }

  /// A state for an instruction in a kind of code; every number drawn comes from `random`.
  func make(
    _ random: inout SplitMix, for operation: X86Operation = .nop, in kind: X86FuzzKind = .natural
  ) -> ProcessorState {
    var state = machine.base
    // Either any values, or pointers with an index that is small.
    let isPointing = random.chance(60)
    let small = random.below(16)
    for register in 0..<16 {
      let isPointer = isPointing && register != small && (register > 2 || random.chance(30))
      state.registers[register] = isPointer ? pointer(&random) : value(&random)
    }
    // A small index, whichever register it is, keeps sums of two in range.
    if isPointing { state.registers[small] = UInt64(random.below(64)) }
    if random.chance(90) {
      state[.rsp] = stackBase + 0x8000 + UInt64(random.below(256))
    }
    if mode != .long64 {
      for register in 0..<16 { state.registers[register] &= register < 8 ? 0xFFFF_FFFF : 0 }
    }
    // Counters of repeats are short ones, so that repeats end.
    if random.chance(50) { state[.rcx] = UInt64(random.below(6)) }
    state[.rflags] = random.next() & 0xCD5 | 2
    if mode != .long64, random.chance(20) { state[.rflags] |= UInt64(random.below(4)) << 12 }
    let inRing3 = !machine.isPlain && Self.isPrivileged(operation) ? 15 : 50
    if onlyRing3 || (mode != .real16 && random.chance(inRing3)) { machine.enterRing3(&state) }
    enter(kind, &state, &random)
    if !machine.isPlain, kind == .natural, mode != .real16, random.chance(3) {
      enterMiddleLevel(&state, &random)
    }
    if random.chance(20) { state[.efer] |= 1 }
    state[.lstar] = machine.code
    state[.star] = 0x0013_0008_0000_0000
    if !machine.isPlain, random.chance(30) { vary(&state, &random) }
    if !machine.isPlain, random.chance(25) { X86SystemCases.vary(&state, machine, &random) }
    if !machine.isPlain, machine.model == .modern, random.chance(20) {
      X86SystemCases.setPages(&state, machine, &random)
    }
    return state
  }

  // MARK: The system's registers

  /// Changes a few things that most programs never change.
  private func vary(_ state: inout ProcessorState, _ random: inout SplitMix) {
    for _ in 0..<(1 + random.below(3)) {
      switch random.below(12) {
      case 0: state[.idtrLimit] = [0, 7, 0x3F, 0x7F, 0xFF, 0x3FF][random.below(6)]
      case 1: changeFlags(&state, &random)
      case 2: limitCode(&state, &random)
      case 3, 4, 5: changeSegment(&state, &random)
      case 6 where isProtected(state):
        state[.gdtrLimit] = [0, 7, 0x17, 0x3F, 0x1FF][random.below(5)]
      case 7 where isProtected(state):
        if random.chance(50) {
          state[.ldtrAttributes] = 0
        } else {
          state[.ldtrLimit] = [0, 7, 15, 0x4F][random.below(4)]
        }
      case 8 where isProtected(state):
        state[.trLimit] = [0x66, 0x67, 0x68, 0x70, 0x23, 3, 0x1FF, 0x1FF][random.below(8)]
        if random.chance(60) {
          state[.trBase] =
            X86FuzzCells.tasks + UInt64(random.below(X86FuzzCells.taskCount)) * X86FuzzCells.taskSize
          if mode != .long64, random.chance(25) {
            state[.trAttributes] = 0x83
            if random.chance(60) { state[.trBase] = X86FuzzCells.tasks + 15 * X86FuzzCells.taskSize }
          }
        }
      case 9 where machine.model == .modern:
        state[.cr0] ^= [0x1_0000, 2, 4, 8, 0x20, 0x4_0000][random.below(6)]
      case 10 where machine.model == .modern:
        state[.cr4] ^= [4, 8, 0x10, 0x40, 0x80, 0x100, 0x200, 0x400][random.below(8)]
      case 11 where machine.model == .modern:
        state[.efer] ^= 0x800
      default: changeSegment(&state, &random)
      }
    }
  }

  private func isProtected(_ state: ProcessorState) -> Bool { state[.cr0] & 1 != 0 }

  private func changeFlags(_ state: inout ProcessorState, _ random: inout SplitMix) {
    var bits: [UInt64] = [0x200, 0x200]
    if machine.model != .i8086 { bits += [0x4000] }
    if machine.model == .modern { bits += [0x4_0000, 0x1_0000, 0x20_0000] }
    state[.rflags] |= bits[random.below(bits.count)]
    if mode == .long64, random.chance(50) { state[.rflags] |= UInt64(random.below(4)) << 12 }
  }

  /// A code segment that ends soon, so that branches leave it.
  private func limitCode(_ state: inout ProcessorState, _ random: inout SplitMix) {
    guard mode != .long64 || state[.csAttributes] & 0x2000 == 0, machine.model != .i8086 else { return }
    guard state[.rflags] & 0x2_0000 == 0 else { return }
    state[.csLimit] = state[.rip] + UInt64(random.below(24))
  }

  private func changeSegment(_ state: inout ProcessorState, _ random: inout SplitMix) {
    guard machine.model != .i8086 else { return }
    let number = [0, 2, 2, 3, 3, 4, 5][random.below(7)]
    var segment = state.segment(number)
    let level = segment.attributes & 0x60
    let isVirtual = state[.rflags] & 0x2_0000 != 0
    let isLong64 = mode == .long64 && state[.csAttributes] & 0x2000 != 0
    switch isLong64 ? X86Mode.long64 : isVirtual || !isProtected(state) ? .real16 : .protected32 {
    case .real16:
      segment.limit = [0, 1, 0x7FFF, 0x4FFF, 0x8000 + UInt64(random.below(256))][random.below(5)]
      if machine.model != .i80286, random.chance(20) { segment.limit = 0xFFFF_FFFF }
      if isVirtual { segment.limit = 0xFFFF }
    case .protected32:
      switch random.below(6) {
      case 0: segment.limit = machine.data + [0x4FFF, 0x7FFF, 0x8080, 0x5FFE][random.below(4)]
      case 1: (segment.attributes, segment.limit) = (0xC097 | level, machine.data + 0x5FFF)
      case 2: (segment.attributes, segment.limit) = (0x8097 | level, 0x3FFF)
      case 3 where number != 2:
        segment.attributes = [0xC091, 0xC099, 0xC09B, 0xC013, 0xC09F][random.below(5)] | level
      case 4: segment.attributes &= ~0x4000
      default: segment.base = UInt64(random.below(4)) << 12
      }
      // What a null selector leaves behind.
      if number != 2, random.chance(15) { segment = SegmentState(selector: 0, limit: 0, attributes: 0) }
    case .long64:
      if number >= 4 {
        segment.base =
          [
            machine.data, 0xFFFF_FFFF_FFFF_F000, 0x7FFF_FFFF_FFFF, machine.data + 0x4000,
            random.next() & 0xFFFF,
          ][random.below(5)]
      } else if number != 2 {
        segment = SegmentState(selector: 0, limit: 0, attributes: 0)
      }
    }
    state.setSegment(number, segment)
  }

  // MARK: What an instruction needs

  /// Makes it likely that an instruction finds what it looks for.
  func suit(_ state: inout ProcessorState, to operation: X86Operation, _ random: inout SplitMix) {
    guard random.chance(80) else { return }
    switch operation {
    // Returns mostly find a frame; pops of segments a selector.
    case .iret, .retFar:
      state[.rsp] = stackBase + X86FuzzMachine.frames + UInt64(random.below(8)) * 256
    case .popSegment:
      state[.rsp] = stackBase + 0x4000 + UInt64(random.below(64)) * 64
    case .rdmsr, .wrmsr:
      state[.rcx] = UInt64(X86ModelSpecific.all[random.below(X86ModelSpecific.all.count)].number)
    default: break
    }
  }
}
