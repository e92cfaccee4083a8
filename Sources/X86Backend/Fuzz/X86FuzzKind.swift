internal import MachineCore
internal import Trace

/// What code a case runs in: that of its mode, or one that the mode's system has beside it.
enum X86FuzzKind: Sendable {
  /// Real mode, flat 32-bit protected mode, 64-bit mode.
  case natural
  /// 16-bit code in protected mode, and in virtual-8086 mode.
  case protected16, virtual
  /// Code of 32 and 16 bits in long mode.
  case compatible32, compatible16
}

extension X86StateGenerator {
  /// Instructions that act on the system differently in each kind of code.
  static func isSystematic(_ operation: X86Operation) -> Bool {
    switch operation {
    case .movToSegment, .popSegment, .loadFar, .jmpFar, .callFar, .retFar, .iret, .int, .int1, .int3, .into,
      .pushf, .popf, .cli, .sti, .in, .out, .ins, .outs, .sysenter, .sysexit, .bound:
      true
    default: false
    }
  }

  /// Instructions that only level 0 may execute.
  static func isPrivileged(_ operation: X86Operation) -> Bool {
    switch operation {
    case .hlt, .movFromControl, .movToControl, .lgdt, .lidt, .lmsw, .clts, .invlpg, .wbinvd, .ldt, .tr,
      .sysret,
      .sysexit, .swapgs, .rdmsr, .wrmsr, .movFromDebug, .movToDebug:
      true
    default: false
    }
  }

  /// The kind of code that a case of a row runs in.
  func kind(of row: X86Row, _ random: inout SplitMix) -> X86FuzzKind {
    guard !machine.isPlain, machine.model == .modern else { return .natural }
    let isSystematic = Self.isSystematic(row.operation)
    switch machine.mode {
    case .real16:
      if row.attributes.contains(.protected) { return .protected16 }
      let number = random.below(100)
      return number < (isSystematic ? 45 : 72) ? .natural : number < 85 ? .protected16 : .virtual
    case .protected32:
      let number = random.below(100)
      if row.attributes.contains(.protected) { return number < 92 ? .natural : .protected16 }
      return number < (isSystematic ? 70 : 88) ? .natural : number < 92 ? .protected16 : .virtual
    case .long64:
      guard row.attributes.isDisjoint(with: [.only64, .rexR, .rexW]) else { return .natural }
      let number = random.below(100)
      if row.attributes.contains(.no64) { return number < 60 ? .compatible32 : .compatible16 }
      return number < 88 ? .natural : number < 95 ? .compatible32 : .compatible16
    }
  }

  /// Whether the code of a kind has 32-bit operands unless a prefix says otherwise.
  func isWide(_ kind: X86FuzzKind) -> Bool {
    kind == .compatible32 || (kind == .natural && machine.mode != .real16)
  }

  /// Turns a state of the machine's own mode into one of another kind.
  func enter(_ kind: X86FuzzKind, _ state: inout ProcessorState, _ random: inout SplitMix) {
    guard kind != .natural else { return }
    let level: UInt64 = random.chance(50) ? 0 : 3
    let base = machine.code - 0x800
    func set(_ number: Int, _ base: UInt64, _ limit: UInt64, _ attributes: UInt64) {
      let isCode = number == 1
      let selector = level == 0 ? (isCode ? 0x08 : 0x10) : (isCode ? 0x1B : 0x23) as UInt64
      state.setSegment(
        number,
        SegmentState(selector: selector, base: base, limit: limit, attributes: attributes | level << 5))
    }
    switch kind {
    case .natural: break
    case .protected16:
      enterProtection(&state)
      for number in 0..<6 { set(number, machine.data, 0xFFFF, 0x93) }
      set(1, base, 0xFFFF, 0x9B)
    case .virtual:
      enterProtection(&state)
      for number in 0..<6 {
        let place = number == 1 ? base : machine.data
        state.setSegment(
          number, SegmentState(selector: place >> 4, base: place, limit: 0xFFFF, attributes: 0xF3))
      }
      state[.rflags] = (state[.rflags] & ~0x3000) | 0x2_0000 | UInt64(random.chance(60) ? 3 : 0) << 12
    case .compatible32:
      for number in 0..<6 { set(number, 0, 0xFFFF_FFFF, 0xC093) }
      set(1, 0, 0xFFFF_FFFF, 0xC09B)
    case .compatible16:
      for number in 0..<6 { set(number, machine.data, 0xFFFF, 0x93) }
      set(1, base, 0xFFFF, 0x9B)
    }
    for register in 0..<16 { state.registers[register] &= register < 8 ? 0xFFFF_FFFF : 0 }
    guard kind != .compatible32 else { return }
    state[.rip] = 0x800
    // Pointers into the data become offsets in it.
    for register in 0..<8 {
      let offset = state.registers[register] &- machine.data
      if offset < 0x1_0000 { state.registers[register] = offset }
    }
  }

  private func enterProtection(_ state: inout ProcessorState) {
    guard machine.mode == .real16 else { return }
    state[.cr0] |= 1
    state[.idtrBase] = X86FuzzMachine.interruptTable
    state[.idtrLimit] = 256 * 8 - 1
  }

  /// Moves code of level 0 to level 1 or 2.
  func enterMiddleLevel(_ state: inout ProcessorState, _ random: inout SplitMix) {
    let level = UInt64(1 + random.below(2))
    for number in 0..<6 {
      var segment = state.segment(number)
      segment.attributes = (segment.attributes & ~0x60) | level << 5
      segment.selector = X86FuzzTables.firstOfLevel(level) + (number == 1 ? 3 : 0)
      segment.selector = segment.selector << 3 | level
      state.setSegment(number, segment)
    }
  }
}
