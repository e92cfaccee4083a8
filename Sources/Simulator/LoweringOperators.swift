import MachineCore

/// Some bits of a value, moved elsewhere: rotated right, then cut to a mask.
private struct BitField {
  var value: Expression
  var rotation: Int
  var mask: UInt64

  /// The expression as bits of another, if it shifts by a constant or cuts to a constant mask.
  init?(_ expression: Expression) {
    switch expression {
    case .binary(.and, let value, .constant(let mask), let width),
      .binary(.and, .constant(let mask), let value, let width):
      self = BitField(value) ?? BitField(value, 0, .max)
      self.mask &= mask & width.mask
    case .binary(.shiftRightUnsigned, let value, .constant(let count), let width)
    where count < UInt64(width.rawValue):
      self = BitField(value) ?? BitField(value, 0, .max)
      rotation = (rotation + Int(count)) & 63
      mask = (mask & width.mask) >> count
    case .binary(.shiftLeft, let value, .constant(let count), let width)
    where count < UInt64(width.rawValue):
      self = BitField(value) ?? BitField(value, 0, .max)
      rotation = (rotation - Int(count)) & 63
      mask = (mask << count) & width.mask
    default: return nil
    }
  }

  private init(_ value: Expression, _ rotation: Int, _ mask: UInt64) {
    (self.value, self.rotation, self.mask) = (value, rotation, mask)
  }
}

// How operators become micro-operations.
extension Lowering {
  /// Emits an expression that only moves bits, alone or into others, as one operation.
  ///
  /// - Returns: `false`, with nothing emitted, when it is no such expression.
  func emitBits(_ expression: Expression, into target: UInt16) -> Bool {
    if let field = BitField(expression) {
      if field.rotation == 0, emit(field.value, cutTo: field.mask, into: target) { return true }
      append(
        MicroOperation(
          code: .bits, width: UInt8(field.rotation), target: target, a: source(field.value), b: layout.zero,
          immediate: field.mask))
      return true
    }
    guard case .binary(.or, let first, let second, .bits64) = expression else { return false }
    // Storage is read in the order in which it is written here.
    let (field, slots): (BitField, (UInt16, UInt16))
    if let found = BitField(second) {
      let rest = source(first)
      (field, slots) = (found, (source(found.value), rest))
    } else if let found = BitField(first) {
      let value = source(found.value)
      (field, slots) = (found, (value, source(second)))
    } else {
      return false
    }
    append(
      MicroOperation(
        code: .bits, width: UInt8(field.rotation), target: target, a: slots.0, b: slots.1,
        immediate: field.mask))
    return true
  }

  /// Emits an operation whose result is cut to a mask, if it can do that by itself.
  private func emit(_ expression: Expression, cutTo mask: UInt64, into target: UInt16) -> Bool {
    switch expression {
    case .binary(let operation, let first, let second, let width):
      switch operation {
      case .add, .subtract, .multiply, .and, .or, .xor:
        guard BitField(expression) == nil else { return false }
        binary(operation, source(first), source(second), width, cutTo: mask, into: target)
        return true
      default: return false
      }
    case .unary(.complement, let value, let width):
      append(
        MicroOperation(
          code: .complement, target: target, a: source(value), immediate: width.mask & mask))
      return true
    default: return false
    }
  }

  func unary(_ operation: UnaryOperator, _ value: UInt16, _ width: Width, into target: UInt16) {
    var done = MicroOperation(
      code: .unary, width: width.rawValue, target: target, a: value, b: UInt16(operation.rawValue),
      immediate: width.mask)
    switch operation {
    case .complement: done.code = .complement
    case .negate: done.code = .negate
    case .isZero: done.code = .isZero
    case .signExtend8: (done.code, done.b) = (.signExtend, 8)
    case .signExtend16: (done.code, done.b) = (.signExtend, 16)
    case .signExtend32: (done.code, done.b) = (.signExtend, 32)
    case .parity8: done.code = .parity
    case .populationCount, .leadingZeros, .trailingZeros, .byteSwap: break
    }
    append(done)
  }

  func binary(
    _ operation: BinaryOperator, _ first: UInt16, _ second: UInt16, _ width: Width,
    cutTo mask: UInt64 = .max, into target: UInt16
  ) {
    let code: MicroCode =
      switch operation {
      case .add: .add
      case .subtract: .subtract
      case .multiply: .multiply
      case .and: .and
      case .or: .or
      case .xor: .xor
      case .shiftLeft: .shiftLeft
      case .shiftRightUnsigned: .shiftRightUnsigned
      case .shiftRightSigned: .shiftRightSigned
      case .rotateLeft: .rotateLeft
      case .rotateRight: .rotateRight
      case .equal: .equal
      case .notEqual: .notEqual
      case .lessUnsigned: .lessUnsigned
      case .lessSigned: .lessSigned
      case .lessOrEqualUnsigned: .lessOrEqualUnsigned
      case .lessOrEqualSigned: .lessOrEqualSigned
      case .multiplyHighUnsigned, .multiplyHighSigned, .divideUnsigned, .divideSigned,
        .remainderUnsigned, .remainderSigned:
        .binary
      }
    append(
      MicroOperation(
        code: code, width: width.rawValue, target: target, a: first, b: second,
        immediate: code == .binary ? UInt64(operation.rawValue) : width.mask & mask))
  }
}
