extension Expression {
  /// The same value with operations on constants done and operations without effect left out.
  ///
  /// For readers only: semantics are built from general pieces, so a table's expressions are full of
  /// shifts by nothing and masks that keep everything. Engines run what the table says.
  package var folded: Expression {
    switch self {
    case .unary(let operation, let value, let width):
      let value = value.folded
      if operation == .isZero, case .constant(let number) = value {
        return .constant(number & width.mask == 0 ? 1 : 0)
      }
      return .unary(operation, value, width)
    case .binary(let operation, let first, let second, let width):
      return Self.folded(operation, first.folded, second.folded, width)
    case .wide(let operation, let high, let low, let divisor, let width):
      return .wide(operation, high: high.folded, low: low.folded, by: divisor.folded, width)
    case .select(let condition, let first, let second):
      let (condition, first, second) = (condition.folded, first.folded, second.folded)
      if case .constant(let number) = condition { return number != 0 ? first : second }
      return first == second ? first : .select(condition, first, second)
    case .load(let place, let address, let width): return .load(place, address.folded, width)
    case .auxiliary(let table, let index): return .auxiliary(table, index.folded)
    case .input(let port, let width): return .input(port.folded, width)
    case .constant, .operand, .address, .segment, .register, .local, .time, .pc, .nextPC, .instructionWord,
      .storageSize, .cpu:
      return self
    }
  }

  private static func folded(
    _ operation: BinaryOperator, _ first: Expression, _ second: Expression, _ width: Width
  ) -> Expression {
    if case .constant(let a) = first, case .constant(let b) = second,
      let value = value(operation, a, b, width)
    {
      return .constant(value)
    }
    switch (operation, first, second) {
    case (.or, let value, .constant(0)), (.or, .constant(0), let value), (.xor, let value, .constant(0)),
      (.add, let value, .constant(0)), (.subtract, let value, .constant(0)),
      (.shiftLeft, let value, .constant(0)), (.shiftRightUnsigned, let value, .constant(0)):
      // Narrow operations also cut their result to the width.
      return width == .bits64 ? value : .binary(operation, first, second, width)
    case (.and, _, .constant(0)), (.and, .constant(0), _), (.shiftLeft, .constant(0), _): return .constant(0)
    case (.and, let value, .constant(.max)) where width == .bits64: return value
    case (.and, .binary(.and, let value, .constant(let inner), .bits64), .constant(let outer))
    where width == .bits64:
      return folded(.and, value, .constant(inner & outer), width)
    default: return .binary(operation, first, second, width)
    }
  }

  /// The few operations that tables use on constants; `nil` for the others.
  private static func value(_ operation: BinaryOperator, _ a: UInt64, _ b: UInt64, _ width: Width) -> UInt64?
  {
    switch operation {
    case .and: (a & b) & width.mask
    case .or: (a | b) & width.mask
    case .xor: (a ^ b) & width.mask
    case .add: (a &+ b) & width.mask
    case .subtract: (a &- b) & width.mask
    case .shiftLeft: b < UInt64(width.rawValue) ? (a << b) & width.mask : 0
    case .equal: a & width.mask == b & width.mask ? 1 : 0
    case .notEqual: a & width.mask != b & width.mask ? 1 : 0
    default: nil
    }
  }
}
