internal import MachineCore
internal import Trace

/// Makes single-instruction cases from the instruction table: every row in turn, every form of operand,
/// prefixes, corner values and random ones.
package struct X86CaseGenerator: Sendable {
  package let machine: X86FuzzMachine
  /// Rows of the table that the mode has, in order.
  private let rows: [Int]
  /// All cases run in ring 3.
  private let onlyRing3: Bool
  private static let prefixes: [UInt8] = [
    0x66, 0x66, 0x66, 0x67, 0x67, 0xF0, 0xF2, 0xF3, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65,
  ]
  private static let corners: [UInt64] = [
    0, 1, 2, 7, 8, 15, 16, 31, 32, 33, 63, 64, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF,
    0x8000_0000, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max, 0x99, 0x9A, 0xFA,
    0x1234_5678_9ABC_DEF0,
  ]

  /// A generator for a machine.
  package init(_ machine: X86FuzzMachine, onlyRing3: Bool = false) {
    self.machine = machine
    self.onlyRing3 = onlyRing3
    rows = X86Row.all.indices.filter { Self.reason($0, machine.mode, machine.model) == nil }
  }

  /// Why a row cannot be reached in a mode; `nil` when it can.
  static func reason(_ row: Int, _ mode: X86Mode, _ model: X86CPUModel) -> String? {
    let attributes = X86Row.all[row].attributes
    if X86Row.all[row].operation == .tooLong { return model == .i8086 ? "no limit to the length" : nil }
    if X86Row.all[row].models & (1 << UInt8(model.code)) == 0 { return "not in this model" }
    if mode == .long64, attributes.contains(.no64) { return "not in 64-bit mode" }
    if mode != .long64, attributes.contains(.only64) { return "64-bit mode only" }
    if mode != .long64, !attributes.isDisjoint(with: [.rexR, .rexW]) { return "needs a REX prefix" }
    if mode == .real16, attributes.contains(.protected) { return "not in real mode" }
    return nil
  }

  /// The case of a seed; `index` chooses the row, so that a range of numbers reaches all of them.
  package func make(index: UInt64, seed: UInt64) -> X86FuzzCase {
    var mixer = SplitMix(state: seed &+ index &* 0xD134_2543_DE82_EF95)
    let caseSeed = mixer.next()
    var random = SplitMix(state: caseSeed)
    // One in sixteen cases is noise: bytes that nobody chose.
    guard index % 16 != 15 else {
      let bytes = (0..<15).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      return X86FuzzCase(seed: caseSeed, bytes: bytes, state: state(&random))
    }
    let row = rows[Int(truncatingIfNeeded: (index &- index / 16) % UInt64(rows.count))]
    let bytes = self.bytes(row: row, &random)
    var state = state(&random)
    switch X86Row.all[row].operation {
    // Returns mostly find a frame; pops of segments a selector.
    case .iret, .retFar:
      if random.chance(80) { state[.rsp] = stackBase + X86FuzzMachine.frames + UInt64(random.below(8)) * 256 }
    case .popSegment:
      if random.chance(80) { state[.rsp] = stackBase + 0x4000 + UInt64(random.below(64)) * 64 }
    case .rdmsr, .wrmsr:
      if random.chance(80) { state[.rcx] = [0xC000_0080, 0xC000_0081, 0xC000_0082, 0x174][random.below(4)] }
    default: break
    }
    return X86FuzzCase(seed: caseSeed, bytes: bytes, state: state)
  }

  private func bytes(row index: Int, _ random: inout SplitMix) -> [UInt8] {
    let row = X86Row.all[index]
    var result: [UInt8] = []
    while result.count < 3, random.chance(30) {
      result.append(Self.prefixes[random.below(Self.prefixes.count)])
    }
    if row.operation == .tooLong { result = [UInt8](repeating: 0x66, count: 14) }
    if row.attributes.contains(.prefix66) { result.append(0x66) }
    if row.attributes.contains(.prefixF2) { result.append(0xF2) }
    if row.attributes.contains(.prefixF3) { result.append(0xF3) }
    // A repeat prefix would make another instruction of it, mostly.
    if row.attributes.contains(.noRepeat), random.chance(90) { result.removeAll { $0 & 0xFE == 0xF2 } }
    if row.attributes.contains(.noPrefix), random.chance(90) { result.removeAll { $0 == 0x66 } }
    if machine.mode == .long64 {
      let fixed: UInt8 = (row.attributes.contains(.rexR) ? 4 : 0) | (row.attributes.contains(.rexW) ? 8 : 0)
      if fixed != 0 || random.chance(45) {
        var rex = 0x40 | fixed | UInt8(random.below(16))
        if row.attributes.contains(.noREXB) { rex &= 0xFE }
        result.append(rex)
      }
    }
    let escape: [[UInt8]] = [[], [0x0F], [0x0F, 0x38], [0x0F, 0x3A]]
    let register = row.plusRegister ? UInt8(random.below(8)) : 0
    result += escape[row.opcode >> 8] + [UInt8(row.opcode & 0xFF) + register]
    if row.hasModRM { result += modRM(row, &random) }
    while result.count < 15 {
      switch random.below(4) {
      case 0: result.append(UInt8(random.below(8)))
      case 1: result.append([0, 0x7F, 0x80, 0xFF, 1, 0x1F, 0x20, 0x3F][random.below(8)])
      default: result.append(UInt8(truncatingIfNeeded: random.next()))
      }
    }
    return Array(result.prefix(15))
  }

  /// ModRM, often SIB, and a displacement that mostly stays near.
  private func modRM(_ row: X86Row, _ random: inout SplitMix) -> [UInt8] {
    if let exact = row.exactModRM { return [exact] }
    var mod = UInt8(random.below(4))
    if row.attributes.contains(.memory) || random.chance(25), mod == 3 { mod = UInt8(random.below(3)) }
    if row.attributes.contains(.register) { mod = 3 }
    let rm = UInt8(random.below(8))
    var result = [mod << 6 | (row.digit ?? UInt8(random.below(8))) << 3 | rm]
    guard mod != 3 else { return result }
    if machine.mode != .real16, rm == 4 { result.append(UInt8(truncatingIfNeeded: random.next())) }
    guard random.chance(85) else { return result }
    // A small displacement, and an absolute one where there is no base.
    let isAbsolute = mod == 0 && (machine.mode == .real16 ? rm == 6 : rm == 5 || rm == 4)
    let near = UInt64(random.below(0x400))
    let value: UInt64 =
      switch (isAbsolute, machine.mode) {
      case (true, .real16): 0x4000 &+ near
      // Relative to the instruction, or to zero behind a SIB byte.
      case (true, .long64): rm == 5 ? (0 &- 0xC000) &+ near : machine.data &+ 0x4000 &+ near
      case (true, .protected32): machine.data &+ 0x4000 &+ near
      default: mod == 1 ? UInt64(random.below(256)) : near
      }
    for shift in stride(from: UInt64(0), to: mod == 1 ? 8 : machine.mode == .real16 ? 16 : 32, by: 8) {
      result.append(UInt8(truncatingIfNeeded: value >> shift))
    }
    return result
  }

  private var stackBase: UInt64 { machine.mode == .real16 ? 0 : machine.data }

  private func value(_ random: inout SplitMix) -> UInt64 {
    switch random.below(4) {
    case 0: Self.corners[random.below(Self.corners.count)]
    case 1: random.next()
    case 2: UInt64(random.below(64))
    default: pointer(&random)
    }
  }

  private func pointer(_ random: inout SplitMix) -> UInt64 {
    let offset = UInt64(random.below(0x4000) + 0x4000)
    return machine.mode == .real16 ? offset : machine.data + offset
  }

  private func state(_ random: inout SplitMix) -> ProcessorState {
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
    if machine.mode != .long64 {
      for register in 0..<16 { state.registers[register] &= register < 8 ? 0xFFFF_FFFF : 0 }
    }
    // Counters of repeats are short ones, so that repeats end.
    if random.chance(50) { state[.rcx] = UInt64(random.below(6)) }
    state[.rflags] = random.next() & 0xCD5 | 2
    if machine.mode != .long64, random.chance(20) { state[.rflags] |= UInt64(random.below(4)) << 12 }
    if onlyRing3 || (machine.mode != .real16 && random.chance(50)) { machine.enterRing3(&state) }
    if random.chance(20) { state[.efer] |= 1 }
    state[.lstar] = machine.code
    state[.star] = 0x0013_0008_0000_0000
    return state
  }
}

/// What is known of one row, for reports on coverage.
package struct X86FuzzRow: Sendable {
  /// As in the table, with its opcode.
  package var text: String
  /// Why no case can reach it in the mode; `nil` when one can.
  package var unreachable: String?

  /// All rows of the table.
  package static func all(_ machine: X86FuzzMachine) -> [X86FuzzRow] {
    let maps = ["", "0F ", "0F 38 ", "0F 3A "]
    return X86Row.all.enumerated().map { index, row in
      var text = maps[row.opcode >> 8] + hexByte(row.opcode & 0xFF)
      if let digit = row.digit { text += " /\(digit)" }
      if let exact = row.exactModRM { text += " " + hexByte(Int(exact)) }
      text += " \(row.mnemonic)"
      for (place, code) in row.operands.enumerated() { text += (place == 0 ? " " : ", ") + code.rawValue }
      return X86FuzzRow(text: text, unreachable: X86CaseGenerator.reason(index, machine.mode, machine.model))
    }
  }

  private static func hexByte(_ value: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return text.count < 2 ? "0" + text : text
  }

  /// The row that an instruction decodes to, its length and whether it repeats; `nil` when it is not complete or
  /// not supported.
  package static func decode(_ bytes: [UInt8], _ machine: X86FuzzMachine) -> (
    row: Int, form: Int, length: Int
  )? {
    guard
      case .decoded(let decoded) = X86Decoder.shared.decode(
        InstructionBytes(bytes), context: X86DecodeContext(machine.mode).on(machine.model))
    else { return nil }
    return (decoded.row, X86Definitions.of(machine.model).index(decoded.row, decoded.form), decoded.length)
  }

  /// Whether the real processor's answer to an instruction says nothing about the instruction set: time,
  /// identification, and entries to a system that the surroundings do not have.
  package static func isHostDependent(_ row: Int) -> Bool {
    switch X86Row.all[row].operation {
    case .rdtsc, .cpuid, .syscall, .sysret: true
    default: false
    }
  }

  /// Name of the row's instruction.
  package static func mnemonic(_ row: Int) -> String { X86Row.all[row].mnemonic }
}
