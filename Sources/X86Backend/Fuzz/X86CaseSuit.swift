internal import MachineCore
internal import Trace

/// Makes it likely that an instruction finds what it looks for, and that its faults and branches come about.
extension X86StateGenerator {
  /// Fits a state to an instruction that was made from a row.
  func suit(
    _ state: inout ProcessorState, to row: X86Row, _ bytes: [UInt8], _ random: inout SplitMix
  ) {
    guard random.chance(85) else { return }
    let decoded = decode(bytes, state)
    let target = X86FuzzTarget(decoded: decoded, isLong64: isLong64(state))
    switch row.operation {
    case .jcc, .jmp, .call, .ret, .loop, .loope, .loopne, .jcxz, .jmpFar, .callFar, .retFar, .iret:
      suitBranch(&state, to: row.operation, target, &random)
    case .popSegment:
      state[.rsp] = inStack(state, X86FuzzCells.selectors + 2 * UInt64(random.below(2000)))
    case .movToSegment, .ldt, .tr, .lar, .lsl, .verr, .verw, .arpl, .lmsw:
      suitSelector(&state, row, target, &random)
    case .loadFar, .lgdt, .lidt, .bound: aimAtPointer(&state, target, &random)
    case .cmpxchg, .cmpxchg8b: suitExchange(&state, target, &random)
    case .rdmsr, .wrmsr: suitModelSpecific(&state, &random)
    case .movToControl, .movFromControl: suitControl(&state, target, &random)
    case .movToDebug, .movFromDebug: suitDebug(&state, target, &random)
    case .sgdt, .sidt, .smsw, .storeTable: if random.chance(40) { state[.cr4] |= 0x800 }
    case .cpuid: state[.rax] = UInt64(random.pick(X86CPUID.leaves).leaf)
    case .fwait: if random.chance(40) { state[.cr0] |= 0xA }
    case .in, .out, .ins, .outs: suitPort(&state, &random)
    case .sysenter, .sysexit, .syscall, .sysret: suitSystemCall(&state, &random)
    case .div, .idiv:
      if random.chance(50) { state[.rdx] = 0 }
      if random.chance(30) { state[.rax] &= 0x7F }
    default: break
    }
    switch row.operation {
    case .callFar, .int, .int1, .int3, .into, .bound, .ud:
      // Another task's stacks.
      if machine.model == .modern, state[.cr0] & 1 != 0, random.chance(15) {
        state[.trBase] =
          X86FuzzCells.tasks + UInt64(random.below(X86FuzzCells.taskCount)) * X86FuzzCells.taskSize
        state[.trLimit] = 0x67
      }
    default: break
    }
    // A repeated instruction that has nothing left to do.
    if row.operation.repeats, random.chance(12) { state[.rcx] = 0 }
    if row.operation.repeats, random.chance(12) { state[.rcx] = 1 }
    if row.operation == .scas || row.operation == .cmps, random.chance(35) { suitComparison(&state, &random) }
  }

  func isLong64(_ state: ProcessorState) -> Bool {
    machine.mode == .long64 && state[.csAttributes] & 0x2000 != 0
  }

  private func decode(_ bytes: [UInt8], _ state: ProcessorState) -> X86Decoded? {
    guard
      case .decoded(let decoded) = X86Decoder.shared.decode(
        InstructionBytes(bytes), context: machine.context(state))
    else { return nil }
    return decoded
  }

  // MARK: Addresses

  /// The offset in a segment of a place in the data.
  private func offset(_ state: ProcessorState, _ segment: Int, _ place: UInt64) -> UInt64 {
    let linear = machine.data + place
    if isLong64(state) { return linear &- (segment < 4 ? 0 : state.segment(segment).base) }
    return (linear &- state.segment(segment).base) & 0xFFFF_FFFF
  }

  /// A stack pointer to a place in the data.
  func inStack(_ state: ProcessorState, _ place: UInt64) -> UInt64 { offset(state, 2, place) }

  /// Changes a register so that a memory operand lies at a place in the data, if it has one that can be changed.
  private func aim(_ state: inout ProcessorState, _ operand: Operand, at place: UInt64) {
    let wanted = offset(state, Int(operand.segment), place)
    let base = Int(operand.register)
    guard operand.register < 16, base != 4, operand.register != operand.index else { return }
    var address = operand.value &+ state.registers[base]
    if operand.index < 16 { address &+= state.registers[Int(operand.index)] << UInt64(operand.shift) }
    let mask = operand.addressWidth.mask
    let moved = state.registers[base] &+ (wanted &- address)
    state.registers[base] = (state.registers[base] & ~mask) | (moved & mask)
    if !isLong64(state) { state.registers[base] &= 0xFFFF_FFFF }
  }

  private func aimAtPointer(
    _ state: inout ProcessorState, _ target: X86FuzzTarget, _ random: inout SplitMix
  ) {
    guard let memory = target.memory, random.chance(75) else { return }
    let cell = UInt64(random.below(X86FuzzCells.pointerCount)) * X86FuzzCells.pointerSize
    aim(&state, memory, at: X86FuzzCells.pointers + cell)
  }

  // MARK: Kinds of instructions

  private func suitBranch(
    _ state: inout ProcessorState, to operation: X86Operation, _ target: X86FuzzTarget,
    _ random: inout SplitMix
  ) {
    let isFlat = machine.mode == .protected32 && state[.csBase] == 0 && state[.csAttributes] & 0x4000 != 0
    // Code that begins low, as 16-bit targets want it.
    if isFlat, machine.model == .modern, random.chance(30) {
      state[.csBase] = state[.rip] &- 0x800
      state[.rip] = 0x800
    }
    if !isLong64(state), state[.rflags] & 0x2_0000 == 0, machine.model != .i8086, random.chance(25) {
      // A segment that ends at the instruction or soon behind it.
      state[.csLimit] = state[.rip] + UInt64(target.length) - 1 + UInt64(random.below(48))
    }
    if isLong64(state), random.chance(12) {
      state[.rip] = X86FuzzTables.lowerEnd + X86FuzzMachine.place(.long64, isPlain: false)
    }
    switch operation {
    case .retFar, .iret:
      if random.chance(30) { loosenSegments(&state, &random) }
      let frame = UInt64(random.below(X86FuzzCells.frameCount)) * X86FuzzCells.frameSize
      state[.rsp] = inStack(state, X86FuzzCells.frames + frame)
      if operation == .iret, random.chance(6) { state[.rflags] |= 0x4000 }
      let hasResume = machine.model == .modern || machine.model == .i80386
      if operation == .iret, random.chance(10), hasResume { state[.rflags] |= 0x1_0000 }
    case .ret:
      let cell = UInt64(random.below(X86FuzzCells.pointerCount)) * X86FuzzCells.pointerSize
      if random.chance(70) { state[.rsp] = inStack(state, X86FuzzCells.pointers + cell) }
    case .jmpFar, .callFar: aimAtPointer(&state, target, &random)
    case .jmp, .call:
      if target.memory != nil {
        aimAtPointer(&state, target, &random)
      } else if let register = target.register, random.chance(70) {
        state.registers[register] =
          random.chance(20) && machine.mode == .long64
          ? 0x8000_0000_0000 &+ random.next() >> 20 : state[.rip] &+ UInt64(random.below(64))
      }
    default: break
    }
    if operation == .callFar, random.chance(15) { state[.rsp] = UInt64(random.below(16)) }
  }

  /// Data segments that a return to an outer level leaves alone: null, conforming code, of the outer level.
  private func loosenSegments(_ state: inout ProcessorState, _ random: inout SplitMix) {
    guard state[.cr0] & 1 != 0, state[.rflags] & 0x2_0000 == 0 else { return }
    for number in [0, 3, 4, 5] where random.chance(50) {
      var segment = state.segment(number)
      switch random.below(3) {
      case 0: segment = SegmentState(selector: 0, limit: 0, attributes: 0)
      case 1: segment.attributes = segment.attributes & ~0xF | 0xF
      default: segment.attributes |= 0x60
      }
      state.setSegment(number, segment)
    }
  }

  private func suitSelector(
    _ state: inout ProcessorState, _ row: X86Row, _ target: X86FuzzTarget, _ random: inout SplitMix
  ) {
    if let memory = target.memory {
      if random.chance(75) {
        aim(
          &state, memory,
          at: X86FuzzCells.selectors + 2 * UInt64(random.below(X86FuzzCells.selectorCount)))
      }
    } else if let register = row.operation == .lar || row.operation == .lsl
      ? target.general : target.register,
      random.chance(75)
    {
      var selector = X86FuzzTables.selector(&random)
      // Tables and tasks lie behind the segments.
      if row.operation == .ldt || row.operation == .tr, random.chance(70) {
        let isLong = machine.mode == .long64
        selector = (56 + UInt64(random.below(isLong ? 18 : 19)) * (isLong ? 2 : 1)) << 3
      }
      if random.chance(8) { selector = UInt64(random.below(4)) }
      if random.chance(6), state[.cr0] & 1 != 0 { state[.gdtrLimit] = selector & 0xFFF8 | 7 }
      if row.operation == .lmsw { selector = UInt64(random.below(16)) }
      state.registers[register] = (state.registers[register] & ~0xFFFF) | selector & 0xFFFF
    }
  }

  private func suitExchange(
    _ state: inout ProcessorState, _ target: X86FuzzTarget, _ random: inout SplitMix
  ) {
    guard let memory = target.memory else {
      if let register = target.register, random.chance(40) { state[.rax] = state.registers[register] }
      return
    }
    guard random.chance(60) else { return }
    let place =
      X86FuzzCells.pointers + UInt64(random.below(X86FuzzCells.pointerCount)) * X86FuzzCells.pointerSize
    let first = Int(X86FuzzMachine.storage + place)
    func word(_ offset: Int, _ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(machine.memory[first + offset + $1]) << UInt64($1 * 8) }
    }
    let isWide = target.width == .bits64 && isLong64(state)
    if random.chance(60) {
      state[.rax] = word(0, isWide ? 8 : 4)
      state[.rdx] = isWide ? word(8, 8) : word(4, 4)
    }
    aim(&state, memory, at: place)
    // The address may hang on what was set; then it is somewhere else.
  }

  private func suitComparison(_ state: inout ProcessorState, _ random: inout SplitMix) {
    // A place with equal bytes: the code's surroundings are HLT, the ends of some cells zeros.
    let place = X86FuzzCells.pointers + 7 * X86FuzzCells.pointerSize + 8
    state[.rdi] = offset(state, 0, place)
    state[.rsi] = offset(state, 3, place)
    if random.chance(60) { state[.rax] = 0 }
    state[.rcx] = 1 + UInt64(random.below(3))
  }

  private func suitModelSpecific(_ state: inout ProcessorState, _ random: inout SplitMix) {
    let entry = random.pick(X86ModelSpecific.all)
    state[.rcx] = UInt64(entry.number)
    var value = random.next()
    switch random.below(7) {
    case 5: value = 0x8000_0000_0000 | random.next() >> 20
    case 0: value = UInt64(random.below(4096))
    case 1: value = entry.register.map { state[$0] } ?? 0
    case 2: value = machine.data
    case 3:
      value = (0..<8).reduce(0) { sum, _ in sum << 8 | [0, 1, 4, 5, 6, 7, 6, 0][random.below(8)] }
    case 4: value &= 0xFF_FFFF_F000
    default: break
    }
    if entry.rule == .extendedFeatures, random.chance(80) {
      value = state[.efer] ^ [0, 1, 0x800, 0x400, 0x100][random.below(5)]
    }
    state[.rax] = value & 0xFFFF_FFFF
    state[.rdx] = value >> 32
  }

  private func suitControl(
    _ state: inout ProcessorState, _ target: X86FuzzTarget, _ random: inout SplitMix
  ) {
    guard let register = target.general, random.chance(75) else { return }
    var value: UInt64
    if machine.mode != .long64, state[.cr0] & 1 != 0, random.chance(30) {
      X86SystemCases.setPaging(&state, &random)
    }
    switch target.control {
    case X86Register.cr0.id where state[.cr0] >> 31 == 0 && machine.model == .modern && random.chance(35):
      // Paging is turned on, one time in two with long mode.
      value = state[.cr0] | 0x8000_0001
      if random.chance(50) { state[.efer] |= 0x100 }
      if random.chance(80) { state[.cr4] |= 0x20 }
    case X86Register.cr0.id:
      value =
        state[.cr0]
        ^ [0, 1, 2, 8, 0x1_0000, 0x8000_0000, 0x4000_0000, 0x6000_0000, 0x8000_0001][random.below(9)]
      // LME changes only while paging is off.
      if state[.cr0] >> 31 == 0, random.chance(10) { state[.efer] ^= 0x100 }
      if random.chance(20) { state[.cr4] |= 0x20 }
    case X86Register.cr3.id:
      value = random.chance(50) ? state[.cr3] : X86SystemCases.root(&random)
      if random.chance(10) { value |= 1 << 45 }
    case X86Register.cr4.id:
      value = state[.cr4] ^ [0, 0x20, 0x10, 0x80, 0x10_0000, 4, 8, 0x40, 0xA0][random.below(9)]
      if random.chance(50) { value &= X86System.supportedCR4 }
    case X86Register.cr8.id: value = UInt64(random.below(random.chance(70) ? 16 : 64))
    default: value = random.next()
    }
    if machine.mode != .long64 { value &= 0xFFFF_FFFF }
    state.registers[register] = value
    if machine.mode != .long64, random.chance(30) { state[.cr3] = X86SystemCases.root(&random) }
  }

  private func suitDebug(
    _ state: inout ProcessorState, _ target: X86FuzzTarget, _ random: inout SplitMix
  ) {
    if let register = target.general, random.chance(60) { state.registers[register] &= 0xFFFF_FFFF }
    if random.chance(15) { state[.dr7] |= 0x2000 }
    if random.chance(30) { state[.cr4] |= 8 }
  }

  private func suitPort(_ state: inout ProcessorState, _ random: inout SplitMix) {
    guard machine.model == .modern else { return }
    if random.chance(30) {
      X86SystemCases.setBreakpoints(&state, machine, &random)
      // A port breakpoint: enabled, with the port's number.
      let number = UInt64(random.below(4))
      state[.dr7] = (state[.dr7] & ~(0xF << (16 + number * 4))) | 2 << (16 + number * 4) | 1 << (number * 2)
      let registers: [X86Register] = [.dr0, .dr1, .dr2, .dr3]
      state[registers[Int(number)]] = state[.rdx] & 0xFFFF
      state[.cr4] |= 8
    }
    if random.chance(40) {
      state[.trBase] = X86Layout.tss
      state[.trLimit] = 0x1FF
      state[.rdx] = UInt64(random.below(0xC00))
    }
  }

  private func suitSystemCall(_ state: inout ProcessorState, _ random: inout SplitMix) {
    state[.sysenterCS] = [0, 3, 8, 0x10, 0xFFFF_FFF8, 0xB][random.below(6)]
    state[.sysenterESP] = machine.data + 0x8000
    state[.sysenterEIP] = machine.code
    if machine.mode == .long64 {
      if random.chance(80) { state[.efer] |= 1 }
      state[.sfmask] = random.chance(50) ? 0 : random.next() & 0x3F_7FD5
    }
    for register in [X86Register.rcx, .rdx] where random.chance(70) {
      state[register] = machine.code + UInt64(random.below(64))
    }
  }
}

/// What a case can change of an instruction's operands.
struct X86FuzzTarget {
  /// The memory operand.
  var memory: Operand?
  /// The general register that stands in its place.
  var register: Int?
  /// The general register of a move to or from a special register, and that register.
  var general: Int?
  var control: RegisterID?
  var width: Width = .bits32
  /// Bytes of the instruction.
  var length = 1

  init(decoded: X86Decoded?, isLong64: Bool) {
    guard let decoded else { return }
    length = decoded.length
    width = decoded.form.operand
    for number in 0..<decoded.operandCount {
      let operand = decoded.operands[number]
      switch operand.kind {
      case .memory: if memory == nil { memory = operand }
      case .register where operand.register < 16:
        general = Int(operand.register)
        if register == nil, operand.shift == 0 { register = Int(operand.register) }
      case .register: control = operand.register
      default: break
      }
    }
    // Of two registers, the one that ModRM.rm names is the first, but for loads of segments.
    if memory != nil { register = nil }
  }
}

extension X86Operation {
  /// Whether it is a string instruction, which repeats.
  var repeats: Bool {
    switch self {
    case .movs, .stos, .lods, .scas, .cmps, .ins, .outs: true
    default: false
    }
  }
}
