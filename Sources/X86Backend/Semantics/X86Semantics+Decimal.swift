import MachineCore

extension X86Semantics {
  /// Decimal adjustments (Intel SDM vol. 2, each instruction's own page).
  var decimal: [Effect] {
    switch row.operation {
    case .daa, .das: packed(subtracts: row.operation == .das)
    case .aaa, .aas: unpacked(subtracts: row.operation == .aas)
    case .aam:
      [
        .assign(Self.b, .operand(0)),
        .when(
          b, then: [],
          otherwise: raise(X86Vector.divide)),
        .assign(Self.a, .binary(.divideUnsigned, accumulator(.bits8), b, .bits8)),
        .assign(Self.result, .binary(.remainderUnsigned, accumulator(.bits8), b, .bits8)),
        write(.rax, .bits16, (a << k(8)) | result), setFlags(byteFlags(result, clearing: true)),
      ]
    default:
      [
        .assign(
          Self.result,
          (accumulator(.bits8) + (reg(.rax) >> k(8)).low(.bits8) * .operand(0)).low(.bits8)),
        write(.rax, .bits16, result), setFlags(byteFlags(result, clearing: true)),
      ]
    }
  }

  private func byteFlags(_ value: Expression, clearing: Bool = false) -> [(X86Flags, Expression)] {
    let flags: [(X86Flags, Expression)] = [
      (.zero, .unary(.isZero, value, .bits8)), (.sign, value.bit(7)),
      (.parity, .unary(.parity8, value, .bits8)),
    ]
    return clearing ? flags + [(.carry, k(0)), (.adjust, k(0)), (.overflow, k(0))] : flags
  }

  private func packed(subtracts: Bool) -> [Effect] {
    let low: Local = 3
    let high: Local = 4
    let al = accumulator(.bits8)
    let lowAdjust = (al & k(15)).isAbove(k(9)) | reg(.rflags).bit(4)
    let highAdjust = al.isAbove(k(0x99)) | reg(.rflags).bit(0)
    let amount: Expression = .select(local(low), k(6), k(0)) + .select(local(high), k(0x60), k(0))
    // Subtracting six may itself borrow.
    let borrow = subtracts ? local(low) & al.isBelow(k(6)) : k(0)
    return [
      .assign(low, .select(lowAdjust, k(1), k(0))), .assign(high, .select(highAdjust, k(1), k(0))),
      .assign(Self.result, (subtracts ? al - amount : al + amount).low(.bits8)),
      write(.rax, .bits8, result),
      setFlags(
        [(.adjust, local(low)), (.carry, local(high) | borrow), (.overflow, k(0))] + byteFlags(result)),
      .undefine(X86Register.rflags.id, k(X86Flags.overflow.rawValue)),
    ]
  }

  private func unpacked(subtracts: Bool) -> [Effect] {
    let adjust: Local = 3
    let ax = accumulator(.bits16)
    let needed = (ax & k(15)).isAbove(k(9)) | reg(.rflags).bit(4)
    let amount: Expression = .select(local(adjust), k(0x106), k(0))
    return [
      .assign(adjust, .select(needed, k(1), k(0))),
      .assign(Self.result, (subtracts ? ax - amount : ax + amount) & k(0xFF0F)),
      write(.rax, .bits16, result),
      setFlags(
        [(.adjust, local(adjust)), (.carry, local(adjust)), (.overflow, k(0))]
          + byteFlags(result.low(.bits8))),
    ]
  }
}

extension Expression {
  /// The product.
  static func * (a: Expression, b: Expression) -> Expression { .binary(.multiply, a, b, .bits64) }
}
