/// Turns words of storage into operations of the fast loop.
struct OperationDecoder {
  let code: CodeMap
  let storage: UnsafeMutableRawPointer
  /// Bits that must be zero below each opcode; all ones where there is no instruction.
  let unusedBits: UnsafeMutablePointer<UInt32>

  /// Words of storage between two looks at the budget.
  static let checkInterval = 1024

  /// Most words that are decoded at a time.
  private static let longestRun = 64

  /// Decodes the run of words that begins at `index`, which must lie inside storage and not be under the
  /// sentinel, and fuses what can be fused in it.
  @inline(never)
  func decode(_ index: Int) {
    let start = index
    var end = index
    // A run stays in its page, so that no fused operation passes by a check.
    let limit = min(
      code.words, start + Self.longestRun, (start / Self.checkInterval + 1) * Self.checkInterval)
    while end < limit, code.operations[end].code == .undecoded {
      var operation = simple(end)
      operation.single = operation.code
      if end % Self.checkInterval == 0 { operation.code = .check }
      code.operations[end] = operation
      code.mark(end)
      end += 1
      if operation.single.endsRun { break }
    }
    // Backwards, because what comes before the run may reach into it.
    for place in stride(from: end - 1, through: max(0, start - CodeMap.longestFusion + 1), by: -1) {
      fuse(place)
    }
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
      operation.immediate = Int32(word >> 12 & 15)
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
      operation.immediate = signed * Int32(Operation.size)
    case 0x48:
      operation.code = .jal
      if a == 0 { operation.a = Operation.discard }
      operation.immediate = (Int32(bitPattern: word << 12) >> 12) * Int32(Operation.size)
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

  /// Widens the operation over the words that follow, where there is a fused routine.
  private func fuse(_ index: Int) {
    let place = index % Self.checkInterval
    guard place != 0, place + 1 < Self.checkInterval, index + 1 < code.words else { return }
    let first = code.operations[index]
    let second = code.operations[index + 1]
    guard first.code != .sentinel, first.single != .undecoded, second.single != .undecoded else { return }
    if place + 2 < Self.checkInterval, index + 2 < code.words {
      let third = code.operations[index + 2].single
      if let fused = Fusion.codes[Fusion.key(first.single, second.single, third)] {
        code.operations[index].code = fused
        return
      }
    }
    if let fused = Fusion.codes[Fusion.key(first.single, second.single)] {
      code.operations[index].code = fused
    }
  }
}
