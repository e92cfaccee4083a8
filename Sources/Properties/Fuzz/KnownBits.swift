internal import MachineCore

/// Bits of a value that are the same in all states of a run.
struct KnownBits: Sendable, Equatable {
  var ones: UInt64 = 0
  var zeros: UInt64 = 0

  static let unknown = KnownBits()
  init() {}
  /// A value of which everything is known.
  init(_ value: UInt64) { (ones, zeros) = (value, ~value) }
  static let zero = KnownBits(0)
  /// A value of which some bits are zero, or the only one of these is one.
  init(bit: UInt64, is isOne: Bool) {
    if isOne { ones = bit } else { zeros = bit }
  }
  /// A value below 2 to the power of `bits`.
  init(below bits: UInt64) { zeros = bits >= 64 ? 0 : ~((1 << bits) - 1) }

  var isZero: Bool { zeros == .max }
  var isNotZero: Bool { ones != 0 }
  /// Whether it is 1.
  var isOne: Bool { value == 1 }
  /// Whether it is 0 or 1.
  var isTruth: Bool { zeros >= ~1 }
  var value: UInt64? { ones | zeros == .max ? ones : nil }
  private var least: UInt64 { ones }
  private var most: UInt64 { ~zeros }

  /// All that is known from two sources.
  func with(_ other: KnownBits) -> KnownBits {
    var result = self
    result.ones |= other.ones
    result.zeros |= other.zeros
    return result
  }

  /// What both values have in common.
  func joined(_ other: KnownBits) -> KnownBits {
    var result = KnownBits()
    (result.ones, result.zeros) = (ones & other.ones, zeros & other.zeros)
    return result
  }

  func cut(_ width: Width) -> KnownBits {
    var result = self
    result.ones &= width.mask
    result.zeros |= ~width.mask
    return result
  }

  /// The value of an expression; what depends on storage, devices or operands is unknown, but for operands that
  /// are constants.
  static func of(
    _ expression: Expression, _ registers: [KnownBits], _ locals: [Local: KnownBits],
    operands: [Int: KnownBits] = [:]
  ) -> KnownBits {
    func inner(_ expression: Expression) -> KnownBits {
      of(expression, registers, locals, operands: operands)
    }
    switch expression {
    case .constant(let value): return KnownBits(value)
    case .register(let number):
      return Int(number) < registers.count ? registers[Int(number)] : .unknown
    case .local(let local): return locals[local] ?? .unknown
    case .operand(let number): return operands[number] ?? .unknown
    case .cpu: return KnownBits(0)
    case .unary(let operation, let operand, let width):
      return unary(operation, inner(operand).cut(width), width)
    case .binary(let operation, let first, let second, let width):
      return binary(operation, inner(first).cut(width), inner(second).cut(width), width)
    case .wide(let operation, _, _, _, let width):
      return operation == .overflowsSigned || operation == .overflowsUnsigned
        ? KnownBits(below: 1) : KnownBits.unknown.cut(width)
    case .select(let condition, let first, let second):
      let test = inner(condition)
      if test.isNotZero { return inner(first) }
      if test.isZero { return inner(second) }
      return inner(first).joined(inner(second))
    case .load(_, _, let width), .input(_, let width): return KnownBits.unknown.cut(width)
    default: return .unknown
    }
  }

  /// The result of an operation on one value, which is cut to the width.
  static func unary(_ operation: UnaryOperator, _ value: KnownBits, _ width: Width) -> KnownBits {
    switch operation {
    case .isZero: return value.isZero ? KnownBits(1) : value.isNotZero ? KnownBits(0) : KnownBits(below: 1)
    case .complement:
      var result = KnownBits()
      (result.ones, result.zeros) = (value.zeros, value.ones)
      return result.cut(width)
    case .parity8: return KnownBits(below: 1)
    default: return KnownBits.unknown.cut(width)
    }
  }

  /// The result of an operation on two values, which are cut to the width.
  static func binary(
    _ operation: BinaryOperator, _ a: KnownBits, _ b: KnownBits, _ width: Width
  ) -> KnownBits {
    var result = KnownBits()
    func truth(_ isTrue: Bool, _ isFalse: Bool) -> KnownBits {
      isTrue ? KnownBits(1) : isFalse ? KnownBits(0) : KnownBits(below: 1)
    }
    switch operation {
    case .and: (result.ones, result.zeros) = (a.ones & b.ones, a.zeros | b.zeros)
    case .or: (result.ones, result.zeros) = (a.ones | b.ones, a.zeros & b.zeros)
    case .xor:
      result.ones = (a.ones & b.zeros) | (a.zeros & b.ones)
      result.zeros = (a.ones & b.ones) | (a.zeros & b.zeros)
    case .shiftLeft:
      guard let count = b.value, count < 64 else { break }
      (result.ones, result.zeros) = (a.ones << count, a.zeros << count | ((1 << count) - 1))
    case .shiftRightUnsigned:
      guard let count = b.value, count < 64 else { break }
      (result.ones, result.zeros) = (a.ones >> count, ~(~a.zeros >> count))
    case .equal, .notEqual:
      let differs = a.ones & b.zeros != 0 || a.zeros & b.ones != 0
      let equals = a.value != nil && a.value == b.value
      return operation == .equal ? truth(equals, differs) : truth(differs, equals)
    case .lessUnsigned: return truth(a.most < b.least, a.least >= b.most)
    case .lessOrEqualUnsigned: return truth(a.most <= b.least, a.least > b.most)
    case .lessSigned, .lessOrEqualSigned: return KnownBits(below: 1)
    case .add, .subtract:
      guard let first = a.value, let second = b.value else { break }
      return KnownBits(operation == .add ? first &+ second : first &- second).cut(width)
    default: break
    }
    return result.cut(width)
  }
}
