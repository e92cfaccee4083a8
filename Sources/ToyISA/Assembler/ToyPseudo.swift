/// A pseudo-instruction: assembly that stands for one or more instructions of the table.
public struct ToyPseudo: Sendable {
  /// An operand of an instruction that the pseudo-instruction stands for.
  public enum Argument: Sendable {
    /// The operand with this number.
    case operand(Int)
    /// The operand with this number, its sign changed.
    case negated(Int)
    /// A fixed value or register number.
    case fixed(Int64)
  }

  /// How the operands are read and what comes out.
  public enum Expansion: Sendable {
    /// Operands by kind; instructions by mnemonic with a value for each field.
    case template([Kind], [(String, [Argument])])
    /// A constant in one or two words.
    case loadImmediate
    /// An address in two words.
    case loadAddress
    /// Registers to the stack, or back.
    case stack(push: Bool)
  }

  /// What an operand is.
  public enum Kind: Sendable {
    case register, value, target
  }

  /// Assembly mnemonic.
  public var mnemonic: String
  /// Operands as the reference card shows them.
  public var syntax: String
  /// One line.
  public var meaning: String
  /// What it stands for.
  public var expansion: Expansion

  private init(
    _ mnemonic: String, _ syntax: String, _ meaning: String, _ kinds: [Kind],
    _ instructions: (String, [Argument])...
  ) {
    self.init(mnemonic, syntax, meaning, .template(kinds, instructions))
  }

  private init(_ mnemonic: String, _ syntax: String, _ meaning: String, _ expansion: Expansion) {
    self.mnemonic = mnemonic
    self.syntax = syntax
    self.meaning = meaning
    self.expansion = expansion
  }

  private static let zero = Argument.fixed(0)
  private static let one = Argument.fixed(1)
  private static let first = Argument.operand(0)
  private static let second = Argument.operand(1)
  private static let third = Argument.operand(2)
  private static let returnAddress = Argument.fixed(15)

  /// All pseudo-instructions.
  public static let table: [ToyPseudo] = [
    .init("nop", "", "do nothing", [], ("addi", [zero, zero, zero])),
    .init("li", "rd, value", "rd = value; the value must be known here to take one word", .loadImmediate),
    .init("la", "rd, address", "rd = address, any 32-bit value, always two words", .loadAddress),
    .init("mv", "rd, rs", "rd = rs", [.register, .register], ("addi", [first, second, zero])),
    .init(
      "not", "rd, rs", "rd = ~rs", [.register, .register], ("sub", [first, zero, second]),
      ("addi", [first, first, .fixed(-1)])),
    .init("neg", "rd, rs", "rd = -rs", [.register, .register], ("sub", [first, zero, second])),
    .init(
      "subi", "rd, rs, imm", "rd = rs - imm", [.register, .register, .value],
      ("addi", [first, second, .negated(2)])),
    .init("inc", "rd", "rd = rd + 1", [.register], ("addi", [first, first, one])),
    .init("dec", "rd", "rd = rd - 1", [.register], ("addi", [first, first, .fixed(-1)])),
    .init(
      "seqz", "rd, rs", "rd = 1 if rs == 0, else 0", [.register, .register], ("sltiu", [first, second, one])),
    .init(
      "snez", "rd, rs", "rd = 1 if rs != 0, else 0", [.register, .register], ("sltu", [first, zero, second])),
    .init(
      "sgt", "rd, rs1, rs2", "rd = 1 if rs1 > rs2 (signed), else 0", [.register, .register, .register],
      ("slt", [first, third, second])),
    .init(
      "sgtu", "rd, rs1, rs2", "rd = 1 if rs1 > rs2 (unsigned), else 0", [.register, .register, .register],
      ("sltu", [first, third, second])),
    .init("j", "target", "to target", [.target], ("jal", [zero, first])),
    .init("jr", "rs", "to the address in rs", [.register], ("jalr", [zero, first, zero])),
    .init("call", "target", "ra = next pc; to target", [.target], ("jal", [returnAddress, first])),
    .init(
      "callr", "rs", "ra = next pc; to the address in rs", [.register],
      ("jalr", [returnAddress, first, zero])),
    .init("ret", "", "to the address in ra", [], ("jalr", [zero, returnAddress, zero])),
    .init(
      "beqz", "rs, target", "to target if rs == 0", [.register, .target], ("beq", [first, zero, second])),
    .init(
      "bnez", "rs, target", "to target if rs != 0", [.register, .target], ("bne", [first, zero, second])),
    .init(
      "bltz", "rs, target", "to target if rs < 0", [.register, .target], ("blt", [first, zero, second])),
    .init(
      "bgez", "rs, target", "to target if rs >= 0", [.register, .target], ("bge", [first, zero, second])),
    .init(
      "bgtz", "rs, target", "to target if rs > 0", [.register, .target], ("blt", [zero, first, second])),
    .init(
      "blez", "rs, target", "to target if rs <= 0", [.register, .target], ("bge", [zero, first, second])),
    .init(
      "bgt", "rs1, rs2, target", "to target if rs1 > rs2 (signed)", [.register, .register, .target],
      ("blt", [second, first, third])),
    .init(
      "ble", "rs1, rs2, target", "to target if rs1 <= rs2 (signed)", [.register, .register, .target],
      ("bge", [second, first, third])),
    .init(
      "bgtu", "rs1, rs2, target", "to target if rs1 > rs2 (unsigned)", [.register, .register, .target],
      ("bltu", [second, first, third])),
    .init(
      "bleu", "rs1, rs2, target", "to target if rs1 <= rs2 (unsigned)", [.register, .register, .target],
      ("bgeu", [second, first, third])),
    .init("push", "rs, …", "registers to the stack, the first at the top", .stack(push: true)),
    .init("pop", "rd, …", "registers from the stack, the first from the top", .stack(push: false)),
  ]

  /// The bytes of `nop`.
  static let nopBytes: [UInt8] = {
    let word = Self.row("addi").flatMap { ToyCodec.encode(row: $0, [0, 0, 0]) } ?? 0
    return (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
  }()

  /// Row of the table with this mnemonic.
  static func row(_ mnemonic: String) -> Int? { toyTable.firstIndex { $0.mnemonic == mnemonic } }
}
