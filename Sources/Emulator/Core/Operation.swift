/// What the fast loop does at a word of storage: instructions as routines, some of them fused.
///
/// A fused code carries out the instructions of two or three consecutive words; the later words
/// keep operations of their own, for jumps into the middle.
enum OperationCode: UInt8 {
  /// Not decoded yet. Fresh zeroed memory reads as this, so it must come first.
  case undecoded
  /// End of the window that may be executed.
  case sentinel
  /// Left to the exact step: system instructions, illegal words, rare ones.
  case exact
  /// First word of a page: the budget is looked at before the operation in `real`.
  case check

  case nop
  case add, sub, and, or, xor, sll, srl, sra, slt, sltu
  case mul, mulhu, div, divu, rem, remu
  case addi, andi, ori, xori, slli, srli, srai, slti, sltiu, constant, auipc
  case lw, lh, lhu, lb, lbu, sw, sh, sb
  case beq, bne, blt, bge, bltu, bgeu, jal, jalr
}

/// One decoded word of storage; 16 bytes, of which all zero means "not decoded".
struct Operation {
  var code: OperationCode = .undecoded
  /// Register numbers; a destination that is register 0 becomes ``discard``.
  var a: UInt8 = 0
  var b: UInt8 = 0
  var c: UInt8 = 0
  var d: UInt8 = 0
  var e: UInt8 = 0
  var f: UInt8 = 0
  /// What a `check` goes on with.
  var real: OperationCode = .undecoded
  /// Immediate.
  var immediate: Int32 = 0
  /// Second immediate, or distance of a jump in bytes of decoded code.
  var distance: Int32 = 0

  /// Bytes of an operation; the instruction it stands for has four.
  static let size = 16
  /// Register slot that takes what is written to register 0.
  static let discard: UInt8 = 16
}
