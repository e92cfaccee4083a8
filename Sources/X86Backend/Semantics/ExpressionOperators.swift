import MachineCore

/// 64-bit operators, so that semantics read like formulas; results are masked where a width ends.
extension Expression {
  static func + (a: Expression, b: Expression) -> Expression { .binary(.add, a, b, .bits64) }
  static func - (a: Expression, b: Expression) -> Expression { .binary(.subtract, a, b, .bits64) }
  static func & (a: Expression, b: Expression) -> Expression { .binary(.and, a, b, .bits64) }
  static func | (a: Expression, b: Expression) -> Expression { .binary(.or, a, b, .bits64) }
  static func ^ (a: Expression, b: Expression) -> Expression { .binary(.xor, a, b, .bits64) }
  static func << (a: Expression, b: Expression) -> Expression { .binary(.shiftLeft, a, b, .bits64) }
  static func >> (a: Expression, b: Expression) -> Expression { .binary(.shiftRightUnsigned, a, b, .bits64) }
  static prefix func ~ (a: Expression) -> Expression { .unary(.complement, a, .bits64) }

  /// 1 if equal.
  func equals(_ other: Expression) -> Expression { .binary(.equal, self, other, .bits64) }
  /// 1 if different.
  func differs(_ other: Expression) -> Expression { .binary(.notEqual, self, other, .bits64) }
  /// 1 if less, unsigned.
  func isBelow(_ other: Expression) -> Expression { .binary(.lessUnsigned, self, other, .bits64) }
  /// 1 if zero.
  var isZero: Expression { .unary(.isZero, self, .bits64) }
  /// Bit `number`, 0 or 1.
  func bit(_ number: Int) -> Expression {
    number == 0 ? self & k(1) : (self >> k(UInt64(number))) & k(1)
  }
  /// The low bits of a width.
  func low(_ width: Width) -> Expression { width == .bits64 ? self : self & k(width.mask) }
  /// The low bits of a width, sign-extended to 64.
  func signExtended(_ width: Width) -> Expression {
    switch width {
    case .bits8: .unary(.signExtend8, self, .bits64)
    case .bits16: .unary(.signExtend16, self, .bits64)
    case .bits32: .unary(.signExtend32, self, .bits64)
    case .bits64: self
    }
  }
  /// 1 if the address is not canonical (bits 47–63 differ).
  var isNonCanonical: Expression {
    let top: Expression = .binary(.shiftRightSigned, self, k(47), .bits64)
    return (top + k(1)).isAbove(k(1))
  }
  /// 1 if greater, unsigned.
  func isAbove(_ other: Expression) -> Expression { .binary(.lessUnsigned, other, self, .bits64) }
}

/// A constant.
func k(_ value: UInt64) -> Expression { .constant(value) }
/// A register's contents.
func reg(_ register: X86Register) -> Expression { .register(register.id) }
/// A local's value.
func local(_ number: Local) -> Expression { .local(number) }

/// A trap without error code, or with this one.
func raise(_ vector: UInt64, _ code: Expression = k(0)) -> [Effect] { [.trap(k(vector), code)] }

/// Vectors that instructions raise.
enum X86Vector {
  static let divide: UInt64 = 0
  static let debug: UInt64 = 1
  static let breakpoint: UInt64 = 3
  static let overflow: UInt64 = 4
  static let bound: UInt64 = 5
  static let undefined: UInt64 = 6
  /// On the way to a shutdown: what follows a trap that could not be delivered.
  static let doubleFault: UInt64 = 8
  /// No coprocessor, or it must not be used.
  static let noDevice: UInt64 = 7
  static let taskState: UInt64 = 10
  static let notPresent: UInt64 = 11
  static let stack: UInt64 = 12
  static let protection: UInt64 = 13
  static let page: UInt64 = 14
}
