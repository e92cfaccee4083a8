/// How an operand is written; numbers are indices into ``ToyFormat/fields``.
public enum OperandSyntax: Sendable, Equatable {
  case register(Int)
  case value(Int)
  /// An address; the field holds its distance from the instruction.
  case target(Int)
  /// `offset(register)`; the offset may be missing from the syntax altogether.
  case memory(offset: Int?, base: Int)
}

extension ToyFormat {
  /// The operands as they are written, with the names the reference card uses.
  public var syntax: [(operand: OperandSyntax, name: String)] {
    switch self {
    case .none: []
    case .rd: [(.register(0), "rd")]
    case .rs: [(.register(0), "rs")]
    case .rdRsRs: [(.register(0), "rd"), (.register(1), "rs1"), (.register(2), "rs2")]
    case .rdRsSigned, .rdRsUnsigned: [(.register(0), "rd"), (.register(1), "rs1"), (.value(2), "imm")]
    case .rdRsShift: [(.register(0), "rd"), (.register(1), "rs1"), (.value(2), "count")]
    case .rdUpper: [(.register(0), "rd"), (.value(1), "imm")]
    case .rdMemory: [(.register(0), "rd"), (.memory(offset: 2, base: 1), "offset(rs)")]
    case .rsMemory: [(.register(0), "rs2"), (.memory(offset: 2, base: 1), "offset(rs1)")]
    case .memory: [(.memory(offset: 1, base: 0), "offset(rs)")]
    case .rdRsIndirect:
      [(.register(0), "rd"), (.register(1), "rs2"), (.memory(offset: nil, base: 2), "(rs1)")]
    case .branch: [(.register(0), "rs1"), (.register(1), "rs2"), (.target(2), "target")]
    case .rdTarget: [(.register(0), "rd"), (.target(1), "target")]
    case .immediate: [(.value(0), "imm")]
    case .rdPort: [(.register(0), "rd"), (.memory(offset: 2, base: 1), "port(rs)")]
    case .rsPort: [(.register(0), "rs2"), (.memory(offset: 2, base: 1), "port(rs1)")]
    }
  }
}
