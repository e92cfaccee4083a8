/// Turns words of storage into operations of the fast loop.
struct OperationDecoder {
  let code: CodeMap
  let storage: UnsafeMutableRawPointer
  /// Bits that must be zero below each opcode; all ones where there is no instruction.
  let unusedBits: UnsafeMutablePointer<UInt32>

  /// Words of storage between two looks at the budget.
  static let checkInterval = 1024

  /// Decodes the operation for a word, which must lie inside storage and not be under the sentinel.
  @inline(never)
  func decode(_ index: Int) {
    var operation = simple(index)
    if index % Self.checkInterval == 0 {
      operation.real = operation.code
      operation.code = .check
    } else {
      fuse(&operation, index)
    }
    code.operations[index] = operation
    code.mark(index)
  }

  private func word(_ index: Int) -> UInt32 {
    // SAFETY: callers pass indices of words inside storage only.
    UInt32(littleEndian: (storage + index << 2).loadUnaligned(as: UInt32.self))
  }

  /// The operation for one word by itself.
  private func simple(_ index: Int) -> Operation {
    let word = word(index)
    let unused = unusedBits[Int(word >> 24)]
    guard unused != .max, word & unused == 0 else { return Operation(code: .exact) }
    let opcode = UInt8(word >> 24)
    let a = UInt8(word >> 20 & 15)
    let b = UInt8(word >> 16 & 15)
    let signed = Int32(Int16(truncatingIfNeeded: word))
    var operation = Operation()
    operation.a = a
    operation.b = b
    operation.immediate = signed
    switch opcode {
    case 0x10...0x1F:
      operation.c = UInt8(word >> 12 & 15)
      operation.code = Self.registerCodes[Int(opcode - 0x10)]
      discard(&operation)
    case 0x20...0x29:
      if (0x22...0x24).contains(opcode) { operation.immediate = Int32(word & 0xFFFF) }
      operation.code = Self.immediateCodes[Int(opcode - 0x20)]
      discard(&operation)
    case 0x2A, 0x2B:
      operation.code = opcode == 0x2A ? .constant : .auipc
      operation.immediate = Int32(bitPattern: word << 12)
      discard(&operation)
    case 0x30...0x34:
      operation.code = Self.loadCodes[Int(opcode - 0x30)]
      if a == 0 { operation.a = Operation.discard }
    case 0x38...0x3A:
      operation.code = Self.storeCodes[Int(opcode - 0x38)]
    case 0x40...0x45:
      operation.code = Self.branchCodes[Int(opcode - 0x40)]
      operation.distance = signed * Int32(Operation.size)
    case 0x48:
      operation.code = .jal
      if a == 0 { operation.a = Operation.discard }
      operation.distance = (Int32(bitPattern: word << 12) >> 12) * Int32(Operation.size)
    case 0x49:
      operation.code = .jalr
      if a == 0 { operation.a = Operation.discard }
    default:
      operation.code = .exact
    }
    return operation
  }

  /// Arithmetic into register 0 does nothing, but for divisions, which may trap.
  private func discard(_ operation: inout Operation) {
    guard operation.a == 0 else { return }
    operation.a = Operation.discard
    switch operation.code {
    case .div, .divu, .rem, .remu: break
    default: operation.code = .nop
    }
  }

  private static let registerCodes: [OperationCode] = [
    .add, .sub, .and, .or, .xor, .sll, .srl, .sra, .slt, .sltu, .mul, .mulhu, .div, .divu, .rem, .remu,
  ]
  private static let immediateCodes: [OperationCode] = [
    .addi, .exact, .andi, .ori, .xori, .slli, .srli, .srai, .slti, .sltiu,
  ]
  private static let loadCodes: [OperationCode] = [.lw, .lh, .lhu, .lb, .lbu]
  private static let storeCodes: [OperationCode] = [.sw, .sh, .sb]
  private static let branchCodes: [OperationCode] = [.beq, .bne, .blt, .bge, .bltu, .bgeu]

  /// Widens the operation over the words that follow, where a fused routine exists.
  private func fuse(_ operation: inout Operation, _ index: Int) {}
}
