import MachineCore

/// Operators that are too rare to have a micro-operation of their own, on values of `bits` bits.
///
/// Everything wraps or has a defined result: nothing a guest computes can stop the host.
enum Arithmetic {
  /// All ones in `bits` bits, 1 ≤ `bits` ≤ 64.
  @inline(__always) static func mask(_ bits: UInt64) -> UInt64 { UInt64.max >> (64 &- bits) }

  /// The low `bits` bits as a signed number.
  @inline(__always) static func signed(_ value: UInt64, _ bits: UInt64) -> Int64 {
    Int64(bitPattern: value &<< (64 &- bits)) &>> Int64(truncatingIfNeeded: 64 &- bits)
  }

  /// One of the unary operators.
  static func unary(_ operation: UnaryOperator, _ operand: UInt64, _ bits: UInt64) -> UInt64 {
    let mask = mask(bits)
    let value = operand & mask
    switch operation {
    case .complement: return ~value & mask
    case .negate: return (0 &- value) & mask
    case .isZero: return value == 0 ? 1 : 0
    case .signExtend8: return UInt64(bitPattern: signed(value, 8)) & mask
    case .signExtend16: return UInt64(bitPattern: signed(value, 16)) & mask
    case .signExtend32: return UInt64(bitPattern: signed(value, 32)) & mask
    case .populationCount: return UInt64(value.nonzeroBitCount)
    case .leadingZeros: return UInt64(value.leadingZeroBitCount) &- (64 &- bits)
    case .trailingZeros: return min(UInt64(value.trailingZeroBitCount), bits)
    case .parity8: return value & 0xFF == 0 || (value & 0xFF).nonzeroBitCount % 2 == 0 ? 1 : 0
    case .byteSwap: return value.byteSwapped >> (64 &- bits)
    }
  }

  /// One of the binary operators.
  static func binary(_ operation: BinaryOperator, _ first: UInt64, _ second: UInt64, _ bits: UInt64) -> UInt64
  {
    let mask = mask(bits)
    let a = first & mask
    let b = second & mask
    switch operation {
    case .add: return (a &+ b) & mask
    case .subtract: return (a &- b) & mask
    case .multiply: return (a &* b) & mask
    case .multiplyHighUnsigned:
      let product = a.multipliedFullWidth(by: b)
      return bits == 64 ? product.high : (product.low >> bits) & mask
    case .multiplyHighSigned:
      let product = signed(a, bits).multipliedFullWidth(by: signed(b, bits))
      return bits == 64 ? UInt64(bitPattern: product.high) : (product.low >> bits) & mask
    case .divideUnsigned: return b == 0 ? 0 : a / b
    case .remainderUnsigned: return b == 0 ? 0 : a % b
    case .divideSigned:
      guard b != 0 else { return 0 }
      return UInt64(bitPattern: signed(a, bits).dividedReportingOverflow(by: signed(b, bits)).partialValue)
        & mask
    case .remainderSigned:
      guard b != 0 else { return 0 }
      return UInt64(
        bitPattern: signed(a, bits).remainderReportingOverflow(dividingBy: signed(b, bits)).partialValue)
        & mask
    case .and: return a & b
    case .or: return a | b
    case .xor: return a ^ b
    case .shiftLeft: return b >= bits ? 0 : (a << b) & mask
    case .shiftRightUnsigned: return b >= bits ? 0 : a >> b
    case .shiftRightSigned:
      return UInt64(bitPattern: signed(a, bits) >> Int64(min(b, bits &- 1))) & mask
    case .rotateLeft: return rotateLeft(a, b % bits, bits)
    case .rotateRight: return rotateLeft(a, (bits &- b % bits) % bits, bits)
    case .equal: return a == b ? 1 : 0
    case .notEqual: return a != b ? 1 : 0
    case .lessUnsigned: return a < b ? 1 : 0
    case .lessSigned: return signed(a, bits) < signed(b, bits) ? 1 : 0
    case .lessOrEqualUnsigned: return a <= b ? 1 : 0
    case .lessOrEqualSigned: return signed(a, bits) <= signed(b, bits) ? 1 : 0
    }
  }

  /// Rotates a value of `bits` bits by `count` < `bits`.
  static func rotateLeft(_ value: UInt64, _ count: UInt64, _ bits: UInt64) -> UInt64 {
    count == 0 ? value : ((value << count) | (value >> (bits &- count))) & mask(bits)
  }

  /// One of the operators on a double-width dividend.
  static func wide(
    _ operation: WideOperator, high: UInt64, low: UInt64, by divisor: UInt64, _ bits: UInt64
  ) -> UInt64 {
    let mask = mask(bits)
    let high = high & mask
    let low = low & mask
    let divisor = divisor & mask
    switch operation {
    case .quotientUnsigned, .remainderUnsigned, .overflowsUnsigned:
      guard divisor != 0 else { return operation == .overflowsUnsigned ? 1 : 0 }
      if operation == .overflowsUnsigned { return high >= divisor ? 1 : 0 }
      let result = divide(high, low, divisor, bits)
      return operation == .quotientUnsigned ? result.quotient : result.remainder
    case .quotientSigned, .remainderSigned, .overflowsSigned:
      guard divisor != 0 else { return operation == .overflowsSigned ? 1 : 0 }
      // Signed division is division of the magnitudes, with the signs put back.
      let sign = UInt64(1) << (bits &- 1)
      let dividendIsNegative = high & sign != 0
      let divisorIsNegative = divisor & sign != 0
      var magnitudeLow = low
      var magnitudeHigh = high
      if dividendIsNegative {
        magnitudeLow = (0 &- low) & mask
        magnitudeHigh = (~high &+ (low == 0 ? 1 : 0)) & mask
      }
      let magnitude = divisorIsNegative ? (0 &- divisor) & mask : divisor
      let result = divide(magnitudeHigh, magnitudeLow, magnitude, bits)
      let quotientIsNegative = dividendIsNegative != divisorIsNegative
      if operation == .overflowsSigned {
        if magnitudeHigh >= magnitude { return 1 }
        return result.quotient > (quotientIsNegative ? sign : sign &- 1) ? 1 : 0
      }
      if operation == .quotientSigned {
        return (quotientIsNegative ? 0 &- result.quotient : result.quotient) & mask
      }
      return (dividendIsNegative ? 0 &- result.remainder : result.remainder) & mask
    }
  }

  /// Unsigned division of `high:low` by `divisor` ≠ 0; the quotient is cut to the width.
  private static func divide(
    _ high: UInt64, _ low: UInt64, _ divisor: UInt64, _ bits: UInt64
  ) -> (quotient: UInt64, remainder: UInt64) {
    if bits == 64 {
      return divisor.dividingFullWidth((high % divisor, low))
    }
    let dividend = (high << bits) | low
    return ((dividend / divisor) & mask(bits), dividend % divisor)
  }
}
