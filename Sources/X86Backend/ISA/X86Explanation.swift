package import MachineCore

extension X86InstructionSet {
  /// One form of an instruction, for documentation.
  package struct ExplainedForm: Sendable {
    /// Opcode and operands as the table has them.
    package var encoding: String
    package var definition: InstructionDefinition
    /// What the operands are called in the effects.
    package var operands: [String]
    /// Operands that are registers or immediates, so never checked as memory.
    package var registerOperands: Set<Int>
    /// An operand is in memory, or the instruction reads or writes memory by its operands.
    package var hasMemoryOperand: Bool
  }

  /// The forms that a mnemonic with operands as text can mean, best first.
  ///
  /// - Parameters:
  ///   - text: such as `adc eax, ebx` or `adc`.
  ///   - mode: the code size that forms are wanted for; the model's widest if `nil`. Others come last.
  package func forms(of text: String, mode: Width? = nil) -> [ExplainedForm] {
    let mode = mode ?? (model == .modern ? .bits64 : model == .i80386 ? .bits32 : .bits16)
    let words = text.lowercased().split(separator: " ", maxSplits: 1).map(String.init)
    guard let name = words.first else { return [] }
    let given = words.count > 1 ? words[1].split(separator: ",").map { trimmed($0) } : []
    let definitions = definitions
    var result: [(rank: Int, form: ExplainedForm)] = []
    var index = 0
    for row in X86Row.all {
      for number in 0..<row.formCount {
        defer { index += 1 }
        let form = row.form(at: number)
        let definition = definitions[index]
        guard row.models >> UInt8(model.code) & 1 != 0,
          definition.mnemonic.lowercased() == name || row.mnemonic.lowercased() == name,
          Self.fits(given.map(String.init), row, form)
        else { continue }
        let map = ["", "0F ", "0F 38 ", "0F 3A "][row.opcode >> 8]
        let byte = String(row.opcode & 0xFF, radix: 16, uppercase: true)
        let suffix = row.digit.map { " /\($0)" } ?? (row.hasModRM ? " /r" : row.plusRegister ? "+r" : "")
        let isRegister = given.map { !$0.contains("[") }
        let page = ExplainedForm(
          encoding: map + (byte.count < 2 ? "0" : "") + byte + suffix + "  " + row.mnemonic + " "
            + row.operands.map(\.rawValue).joined(separator: ", "),
          definition: definition,
          operands: given.isEmpty ? row.operands.map(\.rawValue) : given.map(String.init),
          registerOperands: Set(isRegister.indices.filter { isRegister[$0] }),
          hasMemoryOperand: given.isEmpty
            ? row.operands.contains { $0.mayBeMemory } : given.contains { $0.contains("[") })
        result.append((Self.rank(row, form, mode), page))
      }
    }
    return result.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
      .map(\.element.form)
  }

  /// How far a form is from plain code of a mode: 0 is what an assembler makes there without prefixes.
  private static func rank(_ row: X86Row, _ form: X86Form, _ mode: Width) -> Int {
    let attributes = row.attributes
    var rank = attributes.contains(mode == .bits64 ? .no64 : .only64) ? 100 : 0
    let mode = mode == .bits64 && attributes.contains(.no64) ? .bits32 : mode
    if row.dependsOnStack, form.stack != mode { rank += 8 }
    if row.dependsOnAddress, form.address != mode { rank += 4 }
    if row.dependsOnRepeat, form.repeats != 0 { rank += 2 }
    let is64 = attributes.contains(.default64) || attributes.contains(.force64)
    let usual: Width = mode == .bits64 && !is64 && !attributes.contains(.modeSize) ? .bits32 : mode
    return rank + (attributes.contains(.byte) || form.operand == usual ? 0 : 1)
  }

  /// Names of flags and segments for texts of semantics.
  package static let semanticsNames = SemanticsNames(
    flags: [
      11: "OF", 10: "DF", 9: "IF", 8: "TF", 7: "SF", 6: "ZF", 4: "AF", 2: "PF", 0: "CF",
    ], segments: ["es", "cs", "ss", "ds", "fs", "gs"])

  private static let names: [Width: [String]] = [
    .bits8: ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh", "spl", "bpl", "sil", "dil"],
    .bits16: ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"],
    .bits32: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"],
    .bits64: ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"],
  ]

  private static func width(_ name: String) -> Width? {
    for (width, list) in names where list.contains(name) { return width }
    guard name.hasPrefix("r"), name.dropFirst().first?.isNumber == true else { return nil }
    switch name.last {
    case "b": return .bits8
    case "w": return .bits16
    case "d": return .bits32
    default: return .bits64
    }
  }

  private static func fits(_ given: [String], _ row: X86Row, _ form: X86Form) -> Bool {
    if given.isEmpty { return true }
    guard given.count == row.operands.count else { return false }
    return zip(given, row.operands).allSatisfy { text, code in
      if text.contains("[") { return code.mayBeMemory && !row.attributes.contains(.register) }
      if let width = width(text) {
        if row.attributes.contains(.memory), code.mayBeMemory { return false }
        switch code {
        case .eb, .gb, .zb: return width == .bits8
        case .al: return text == "al"
        case .cl: return text == "cl"
        case .dx: return text == "dx"
        case .ew, .gw: return width == .bits16
        case .ed: return width == .bits32
        case .ev, .gv, .zv, .es: return width == form.operand
        case .gy, .ry: return width == (form.operand == .bits64 ? .bits64 : .bits32)
        case .rAX: return width == form.operand && text.hasSuffix("ax")
        default: return false
        }
      }
      switch code {
      case .ib, .ibs, .iw, .iz, .iv, .jb, .jz, .one, .ap:
        return text.first?.isNumber == true || text.first == "-"
      case .sw, .esSegment, .csSegment, .ssSegment, .dsSegment, .fsSegment, .gsSegment:
        return code == .sw
          ? ["es", "cs", "ss", "ds", "fs", "gs"].contains(text) : code.rawValue.lowercased() == text
      case .cy: return text.hasPrefix("cr")
      case .dy: return text.hasPrefix("dr")
      default: return false
      }
    }
  }
}

extension X86OperandCode {
  /// Whether it can name a place in memory.
  var mayBeMemory: Bool {
    switch self {
    case .eb, .ew, .ed, .ev, .es, .m, .mb, .my, .mp, .ob, .ov, .xb, .xv, .yb, .yv, .zx: true
    default: false
    }
  }
}
