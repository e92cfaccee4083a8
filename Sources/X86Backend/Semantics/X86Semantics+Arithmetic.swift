import MachineCore

extension X86Semantics {
  /// Carry, overflow and auxiliary carry of the result of an addition of a and b.
  private var additionFlags: [(X86Flags, Expression)] {
    let carries = (a & b) | ((a | b) & ~result)
    let overflow = (a ^ result) & (b ^ result)
    return [
      (.carry, carries.bit(Int(bits) - 1)), (.overflow, overflow.bit(Int(bits) - 1)),
      (.adjust, (a ^ b ^ result).bit(4)),
    ]
  }

  /// The same of the result of b subtracted from a.
  private var subtractionFlags: [(X86Flags, Expression)] {
    let borrows = (~a & b) | ((~a | b) & result)
    let overflow = (a ^ b) & (a ^ result)
    return [
      (.carry, borrows.bit(Int(bits) - 1)), (.overflow, overflow.bit(Int(bits) - 1)),
      (.adjust, (a ^ b ^ result).bit(4)),
    ]
  }

  private func adding(_ carry: Expression?) -> [Effect] {
    let sum = carry.map { a + b + $0 } ?? (a + b)
    return [.assign(Self.result, sum.low(width)), setFlags(additionFlags + resultFlags(result))]
  }

  /// Subtracts b from a into the result, with flags; for comparisons too.
  func subtracting(_ borrow: Expression? = nil) -> [Effect] {
    let difference = borrow.map { a - b - $0 } ?? (a - b)
    return [
      .assign(Self.result, difference.low(width)), setFlags(subtractionFlags + resultFlags(result)),
    ]
  }

  private func logic(_ value: Expression) -> [Effect] {
    [
      .assign(Self.result, value),
      setFlags([(.carry, k(0)), (.overflow, k(0)), (.adjust, k(0))] + resultFlags(result)),
    ]
  }

  /// Addition, subtraction, logic and exchanges.
  var arithmetic: [Effect] {
    let store: [Effect] = [.setOperand(0, result)]
    let carry = reg(.rflags).bit(0)
    switch row.operation {
    case .add: return takeOperands + adding(nil) + store
    case .adc: return takeOperands + adding(carry) + store
    case .sub: return takeOperands + subtracting() + store
    case .sbb: return takeOperands + subtracting(carry) + store
    case .cmp: return takeOperands + subtracting()
    case .and: return takeOperands + logic(a & b) + store
    case .or: return takeOperands + logic(a | b) + store
    case .xor: return takeOperands + logic(a ^ b) + store
    case .test: return takeOperands + logic(a & b)
    case .inc, .dec:
      let isUp = row.operation == .inc
      let flags = isUp ? additionFlags : subtractionFlags
      let value = isUp ? a + b : a - b
      return [
        .assign(Self.a, .operand(0)), .assign(Self.b, k(1)), .assign(Self.result, value.low(width)),
        setFlags(flags.filter { $0.0 != .carry } + resultFlags(result)),
      ] + store
    case .neg:
      return [.assign(Self.b, .operand(0)), .assign(Self.a, k(0))] + subtracting() + store
    case .not: return [.setOperand(0, (~.operand(0)).low(width))]
    case .xadd: return takeOperands + adding(nil) + [.setOperand(1, a), .setOperand(0, result)]
    case .cmpxchg: return compareExchange
    case .cmpxchg8b: return compareExchangeDouble
    default: return []
    }
  }

  private var compareExchange: [Effect] {
    let old: Local = 5
    // A destination in memory is written in any case, with its old value if the comparison fails.
    let rewrite: [Effect] = row.attributes.contains(.memory) ? [.setOperand(0, local(old))] : []
    return [.assign(old, .operand(0)), .assign(Self.a, accumulator(width)), .assign(Self.b, local(old))]
      + subtracting() + [
        .when(
          result, then: [write(.rax, width, local(old))] + rewrite,
          otherwise: [.setOperand(0, .operand(1))])
      ]
  }

  private var compareExchangeDouble: [Effect] {
    let half: Width = width == .bits64 ? .bits64 : .bits32
    let low: Local = 3
    let high: Local = 4
    let place: Expression = .address(0)
    let second = (place + k(UInt64(half.bytes))).low(form.address)
    let equal: Local = 5
    let matches = local(low).equals(reg(.rax).low(half)) & local(high).equals(reg(.rdx).low(half))
    let misaligned: [Effect] = raise(X86Vector.protection)
    let body: [Effect] = [
      .checkStore(.operand(0), place, half), .checkStore(.operand(0), second, half),
      .assign(low, .load(.operand(0), place, half)), .assign(high, .load(.operand(0), second, half)),
      .assign(equal, matches), setFlags([(.zero, local(equal))]),
      .store(.operand(0), place, .select(local(equal), reg(.rbx).low(half), local(low)), half),
      .store(.operand(0), second, .select(local(equal), reg(.rcx).low(half), local(high)), half),
      .when(
        local(equal), then: [],
        otherwise: [write(.rax, half, local(low)), write(.rdx, half, local(high))]),
    ]
    guard half == .bits64 else { return body }
    return [.when(place & k(15), then: misaligned, otherwise: body)]
  }

  /// Multiplication and division.
  var multiplication: [Effect] {
    switch row.operation {
    case .mul, .imul: return multiply(signed: row.operation == .imul)
    case .imulTruncating: return multiplyTruncating
    default: return divide(signed: row.operation == .idiv)
    }
  }

  private func productFlags(_ low: Expression, overflow: Expression) -> Effect {
    // The manual leaves S, Z, A and P undefined; these values are what Intel's processors give.
    setFlags([
      (.carry, overflow), (.overflow, overflow), (.sign, low.bit(Int(bits) - 1)), (.zero, k(0)),
      (.adjust, k(0)), (.parity, .unary(.parity8, low, .bits8)),
    ])
  }

  private func multiply(signed: Bool) -> [Effect] {
    let high: Local = 3
    let highOperator: BinaryOperator = signed ? .multiplyHighSigned : .multiplyHighUnsigned
    var effects: [Effect] = [
      .assign(Self.a, accumulator(width)), .assign(Self.b, .operand(0)),
      .assign(Self.result, .binary(.multiply, a, b, width)),
      .assign(high, .binary(highOperator, a, b, width)),
    ]
    let whole: Local = 4
    if model == .i8086, form.repeats != 0 {
      // A REP prefix negates the 8086's product: it sets the flag by which signs are remembered.
      let isZero = result.isZero
      effects += [
        .assign(whole, local(high)),
        .assign(high, .select(isZero, k(0) - local(high), ~local(high)).low(width)),
        .assign(Self.result, (k(0) - result).low(width)),
      ]
    }
    let fits: Expression =
      signed ? (k(0) - result.bit(Int(bits) - 1)).low(width) : k(0)
    // Of an unsigned product, the half before the negation counts.
    let upper = !signed && model == .i8086 && form.repeats != 0 ? whole : high
    effects.append(productFlags(result, overflow: local(upper).differs(fits)))
    if width == .bits8 {
      effects.append(write(.rax, .bits16, result | (local(high) << k(8))))
    } else {
      effects += [write(.rax, width, result), write(.rdx, width, local(high))]
    }
    return effects
  }

  private var multiplyTruncating: [Effect] {
    let high: Local = 3
    let source: [Effect] =
      row.operands.count == 3
      ? [.assign(Self.a, .operand(1)), .assign(Self.b, .operand(2))]
      : takeOperands
    let sign = (k(0) - result.bit(Int(bits) - 1)).low(width)
    return source + [
      .assign(Self.result, .binary(.multiply, a, b, width)),
      .assign(high, .binary(.multiplyHighSigned, a, b, width)),
      productFlags(result, overflow: local(high).differs(sign)), .setOperand(0, result),
    ]
  }

  private func divide(signed: Bool) -> [Effect] {
    let low: Local = 3
    let high: Local = 4
    let divisor: Local = 5
    func wide(_ operation: WideOperator) -> Expression {
      .wide(operation, high: local(high), low: local(low), by: local(divisor), width)
    }
    var quotient = wide(signed ? .quotientSigned : .quotientUnsigned)
    var overflows = wide(signed ? .overflowsSigned : .overflowsUnsigned)
    if signed, model == .i8086 {
      // The 8086 refuses the most negative quotient, and a REP prefix negates the result.
      let most = k(1) << k(bits - 1)
      overflows = .select(overflows, k(1), quotient.equals(most))
      if form.repeats != 0 { quotient = (k(0) - quotient).low(width) }
    }
    var remainder = wide(signed ? .remainderSigned : .remainderUnsigned)
    var missed: [Effect] = []
    if signed, model == .i80286 || model == .i80386, width != .bits32 {
      let unseen = unseenOverflow(low: low, high: high, divisor: divisor)
      missed = unseen.effects
      quotient = .select(unseen.happens, k(1) << k(bits - 1), quotient)
      remainder = .select(unseen.happens, unseen.remainder, remainder)
      overflows = .select(unseen.happens, k(0), overflows)
    }
    let dividend: [Effect] =
      width == .bits8
      ? [.assign(low, accumulator(.bits8)), .assign(high, (reg(.rax) >> k(8)).low(.bits8))]
      : [.assign(low, accumulator(width)), .assign(high, reg(.rdx).low(width))]
    let results: [Effect] =
      width == .bits8
      ? [write(.rax, .bits16, quotient | (remainder << k(8)))]
      : [write(.rax, width, quotient), write(.rdx, width, remainder)]
    return [.assign(divisor, .operand(0))] + dividend + missed + [
      .when(
        overflows, then: divideError, otherwise: results)
    ]
  }

  /// An overflow of IDIV that the 80286 and 80386 do not see, as captures of both show: the quotient is to be
  /// negative, and of the dividend's magnitude, after 2ⁿ⁻¹·(|divisor| + 2ⁿ⁻¹), less than the divisor's is left.
  private func unseenOverflow(
    low: Local, high: Local, divisor: Local
  ) -> (effects: [Effect], happens: Expression, remainder: Expression) {
    let dividend: Local = 8
    let magnitude: Local = 9
    let left: Local = 10
    let double: Width = width == .bits8 ? .bits16 : .bits32
    let half: UInt64 = 1 << (bits - 1)
    let isNegative = local(dividend).bit(Int(double.rawValue) - 1)
    let divisorIsNegative = local(divisor).bit(Int(bits) - 1)
    let remainder: Expression = .select(isNegative, k(0) - local(left), local(left))
    return (
      [
        .assign(dividend, local(low) | (local(high) << k(bits))),
        .assign(magnitude, .select(divisorIsNegative, (k(0) - local(divisor)).low(width), local(divisor))),
        .assign(
          left,
          .select(isNegative, (k(0) - local(dividend)).low(double), local(dividend))
            - ((local(magnitude) + k(half)) * k(half))),
      ], (isNegative ^ divisorIsNegative) & local(left).isBelow(local(magnitude)), remainder.low(width)
    )
  }
}
