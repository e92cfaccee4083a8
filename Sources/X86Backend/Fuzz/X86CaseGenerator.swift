package import MachineCore
internal import Trace

/// Makes single-instruction cases from the instruction table: every row in turn, every form of operand,
/// prefixes, corner values and random ones.
package struct X86CaseGenerator: Sendable {
  package let machine: X86FuzzMachine
  /// Rows of the table that the mode has, in order.
  package let rows: [Int]
  private let states: X86StateGenerator
  private static let prefixes: [UInt8] = [
    0x66, 0x66, 0x66, 0x67, 0x67, 0xF0, 0xF2, 0xF3, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65,
  ]
  /// A generator for a machine.
  package init(_ machine: X86FuzzMachine, onlyRing3: Bool = false) {
    self.machine = machine
    states = X86StateGenerator(machine, onlyRing3: onlyRing3)
    rows = X86Row.all.indices.filter {
      Self.reason($0, machine.mode, machine.model) == nil || Self.isBeside($0, machine)
    }
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

  /// Whether a row exists only in code that a mode's system has beside the mode's own.
  private static func isBeside(_ row: Int, _ machine: X86FuzzMachine) -> Bool {
    guard !machine.isPlain, machine.model == .modern, X86Row.all[row].models & 1 != 0 else { return false }
    let attributes = X86Row.all[row].attributes
    switch machine.mode {
    case .real16:
      return attributes.contains(.protected) && attributes.isDisjoint(with: [.only64, .rexR, .rexW])
    case .protected32: return false
    case .long64: return attributes.contains(.no64)
    }
  }

  /// The case of a seed; `index` chooses the row, so that a range of numbers reaches all of them.
  package func make(index: UInt64, seed: UInt64) -> X86FuzzCase {
    var mixer = SplitMix(state: seed &+ index &* 0xD134_2543_DE82_EF95)
    let caseSeed = mixer.next()
    var random = SplitMix(state: caseSeed)
    // One in sixteen cases is noise: bytes that nobody chose.
    guard index % 16 != 15 else {
      let bytes = (0..<15).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      return X86FuzzCase(seed: caseSeed, bytes: bytes, state: states.make(&random))
    }
    let number = rows[Int(truncatingIfNeeded: (index &- index / 16) % UInt64(rows.count))]
    let row = X86Row.all[number]
    guard !machine.isPlain else {
      let bytes = self.bytes(row: number, .natural, &random)
      var state = states.make(&random)
      states.suit(&state, to: row.operation, &random)
      return X86FuzzCase(seed: caseSeed, bytes: bytes, state: state)
    }
    let kind = states.kind(of: row, &random)
    let bytes = self.bytes(row: number, kind, &random)
    var state = states.make(&random, for: row.operation, in: kind)
    states.suit(&state, to: row, bytes, &random)
    return X86FuzzCase(seed: caseSeed, bytes: bytes, state: state)
  }

  /// Bytes of several instructions of the table, one behind the other.
  package func program(_ random: inout SplitMix, state: ProcessorState, count: Int) -> [UInt8] {
    var result: [UInt8] = []
    for _ in 0..<count {
      let bytes = self.bytes(row: rows[random.below(rows.count)], .natural, &random)
      let length = X86FuzzRow.decode(bytes, state, machine)?.length ?? 1 + random.below(15)
      result += bytes.prefix(length)
    }
    return result
  }

  /// A state of those that cases begin with.
  package func state(_ random: inout SplitMix) -> ProcessorState { states.make(&random) }

  /// Prefixes in every combination that makes another form of the instruction, and others now and then.
  private func prefixes(_ row: X86Row, _ random: inout SplitMix) -> [UInt8] {
    var result: [UInt8] = []
    func add(_ byte: UInt8, _ random: inout SplitMix) {
      result.insert(byte, at: random.below(result.count + 1))
    }
    // Before the 80386 these two are no prefixes.
    let sizes = machine.model == .modern || machine.model == .i80386 ? 33 : 2
    if random.chance(sizes) { add(0x66, &random) }
    if random.chance(sizes) { add(0x67, &random) }
    if random.chance(row.operation.repeats ? 65 : 6) { add(random.chance(50) ? 0xF2 : 0xF3, &random) }
    if random.chance(row.attributes.contains(.lock) ? 20 : 3) { add(0xF0, &random) }
    if random.chance(20) { add([0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65][random.below(6)], &random) }
    return result
  }

  private func bytes(
    row index: Int, _ kind: X86FuzzKind, _ random: inout SplitMix
  ) -> [UInt8] {
    let row = X86Row.all[index]
    var result: [UInt8] = []
    if machine.isPlain {
      while result.count < 3, random.chance(30) {
        result.append(Self.prefixes[random.below(Self.prefixes.count)])
      }
    } else {
      result = prefixes(row, &random)
    }
    if row.operation == .tooLong { result = [UInt8](repeating: 0x66, count: 14) }
    if row.attributes.contains(.prefix66) { result.append(0x66) }
    if row.attributes.contains(.prefixF2) { result.append(0xF2) }
    if row.attributes.contains(.prefixF3) { result.append(0xF3) }
    // A repeat prefix would make another instruction of it, mostly.
    if row.attributes.contains(.noRepeat), random.chance(90) { result.removeAll { $0 & 0xFE == 0xF2 } }
    if row.attributes.contains(.noPrefix), random.chance(90) { result.removeAll { $0 == 0x66 } }
    if machine.mode == .long64, kind == .natural {
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
    if !machine.isPlain, random.chance(60) {
      result += near(row, isWide: states.isWide(kind) != result.contains(0x66), &random)
    }
    while result.count < 15 {
      switch random.below(4) {
      case 0: result.append(UInt8(random.below(8)))
      case 1: result.append([0, 0x7F, 0x80, 0xFF, 1, 0x1F, 0x20, 0x3F][random.below(8)])
      default: result.append(UInt8(truncatingIfNeeded: random.next()))
      }
    }
    return Array(result.prefix(15))
  }

  /// Displacements and far pointers of branches that stay near.
  private func near(_ row: X86Row, isWide: Bool, _ random: inout SplitMix) -> [UInt8] {
    func little(_ value: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
    guard let operand = row.operands.first else { return [] }
    switch operand {
    case .jb: return [random.chance(20) ? 0x7F : UInt8(random.below(64))]
    case .jz: return little(UInt64(random.below(96)) &- 32, 4)
    case .ap:
      let target =
        random.chance(50) ? machine.base[.rip] + UInt64(random.below(64)) : UInt64(random.below(0x1_4000))
      var selector = random.pick(X86FuzzTables.selectors)
      if machine.mode == .real16, random.chance(40) { selector = machine.base[.cs] }
      if random.chance(40) {
        let gates = X86FuzzTables.gdtCount - X86FuzzTables.firstGate
        selector = UInt64(X86FuzzTables.firstGate + random.below(gates)) << 3 | UInt64(random.below(4))
      }
      return little(target, isWide ? 4 : 2) + little(selector, 2)
    default: return []
    }
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

}

/// What is known of one row, for reports on coverage.
package struct X86FuzzRow: Sendable {
  /// As in the table, with its opcode.
  package var text: String
  /// Why no case can reach it in the mode; `nil` when one can.
  package var unreachable: String?

  /// All rows of the table.
  package static func all(_ machine: X86FuzzMachine) -> [X86FuzzRow] {
    X86Row.all.indices.map {
      X86FuzzRow(text: text($0), unreachable: X86CaseGenerator.reason($0, machine.mode, machine.model))
    }
  }

  /// A row as in the table, with its opcode.
  package static func text(_ index: Int) -> String {
    let row = X86Row.all[index]
    var text = ["", "0F ", "0F 38 ", "0F 3A "][row.opcode >> 8] + hexByte(row.opcode & 0xFF)
    if let digit = row.digit { text += " /\(digit)" }
    if let exact = row.exactModRM { text += " " + hexByte(Int(exact)) }
    text += " \(row.mnemonic)"
    for (place, code) in row.operands.enumerated() { text += (place == 0 ? " " : ", ") + code.rawValue }
    return text
  }

  private static func hexByte(_ value: Int) -> String {
    let text = String(value, radix: 16, uppercase: true)
    return text.count < 2 ? "0" + text : text
  }

  /// The row that an instruction decodes to, its length and whether it repeats; `nil` when it is not complete or
  /// not supported.
  package static func decode(_ bytes: [UInt8], _ state: ProcessorState, _ machine: X86FuzzMachine) -> (
    row: Int, form: Int, length: Int
  )? {
    guard
      case .decoded(let decoded) = X86Decoder.shared.decode(
        InstructionBytes(bytes), context: machine.context(state))
    else { return nil }
    return (decoded.row, X86Definitions.of(machine.model).index(decoded.row, decoded.form), decoded.length)
  }

  /// Whether the real processor's answer to an instruction says nothing about the instruction set: time,
  /// identification, and entries to a system that the surroundings do not have.
  package static func isHostDependent(_ row: Int) -> Bool {
    switch X86Row.all[row].operation {
    case .rdtsc, .rdtscp, .cpuid, .syscall, .sysret: true
    default: false
    }
  }

  /// Name of the row's instruction.
  package static func mnemonic(_ row: Int) -> String { X86Row.all[row].mnemonic }
}
