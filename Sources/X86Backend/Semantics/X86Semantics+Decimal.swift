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
          b,
          then: [
            .assign(Self.a, .binary(.divideUnsigned, accumulator(.bits8), b, .bits8)),
            .assign(Self.result, .binary(.remainderUnsigned, accumulator(.bits8), b, .bits8)),
            write(.rax, .bits16, (a << k(8)) | result), setFlags(byteFlags(result, clearing: true)),
          ], otherwise: divideError),
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
    // The 8086 compares with 9F when the low digit was marked, and does not look at the borrow from six.
    let isOld = model == .i8086
    let threshold: Expression = isOld ? .select(reg(.rflags).bit(4), k(0x9F), k(0x99)) : k(0x99)
    let highAdjust = al.isAbove(threshold) | reg(.rflags).bit(0)
    let amount: Expression = .select(local(low), k(6), k(0)) + .select(local(high), k(0x60), k(0))
    // Subtracting six may itself borrow.
    let borrow = subtracts && !isOld ? local(low) & al.isBelow(k(6)) : k(0)
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
    var sum = subtracts ? ax - amount : ax + amount
    if model == .i8086 {
      // AL and AH are changed one by one: no carry goes from one to the other.
      let one: Expression = .select(local(adjust), k(0x100), k(0))
      let six: Expression = .select(local(adjust), k(6), k(0))
      let high = ax & k(0xFF00)
      sum = (subtracts ? high - one : high + one) | ((subtracts ? ax - six : ax + six) & k(0xFF))
    }
    return [
      .assign(adjust, .select(needed, k(1), k(0))),
      .assign(Self.result, sum & k(0xFF0F)),
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
