import MachineCore

/// The arithmetic flags before anybody has asked for them: what was computed, and from what.
///
/// Operands are cut to their width. `a` and `b` are kept so that the conditions after a subtraction, a
/// logical operation (`b` is 0) or a decrement compare them.
struct FastFlags: BitwiseCopyable {
  /// The operation times four, plus the number of its width.
  typealias Kind = UInt64

  static let current: Kind = 0
  static let add: Kind = 4
  static let sub: Kind = 8
  static let logic: Kind = 12
  static let inc: Kind = 16
  static let dec: Kind = 20
  static let addCarry: Kind = 24
  static let subBorrow: Kind = 28
  static let shl: Kind = 32
  static let shr: Kind = 36
  static let sar: Kind = 40
  static let product: Kind = 44

  /// Which operation; `current` when the flags register is up to date.
  var kind: Kind = 0
  var a: UInt64 = 0
  var b: UInt64 = 0
  /// Carry in; of `inc` and `dec`, the carry that they keep.
  var carry: UInt64 = 0

  /// The flags register brought up to date.
  @inline(never)
  static func merged(_ old: UInt64, _ kind: Kind, _ a: UInt64, _ b: UInt64, _ carry: UInt64) -> UInt64 {
    guard kind >= 4 else { return old }
    let width = kind & 3 == 3 ? Width.bits64 : kind & 3 == 2 ? .bits32 : kind & 3 == 1 ? .bits16 : .bits8
    let bits: UInt64
    switch kind & ~3 {
    case add: bits = X86Core.add(a, b, 0, width).1
    case sub: bits = X86Core.subtract(a, b, 0, width).1
    case logic: bits = X86Core.resultBits(a, width)
    case inc: bits = X86Core.add(a, 1, 0, width).1 & ~1 | carry
    case dec: bits = X86Core.subtract(a, 1, 0, width).1 & ~1 | carry
    case addCarry: bits = X86Core.add(a, b, carry, width).1
    case subBorrow: bits = X86Core.subtract(a, b, carry, width).1
    case product: bits = X86Core.resultBits(a, width) & ~0x40 | (b != 0 ? 0x801 : 0)
    default: bits = shifted(kind & ~3, a, b, width)
    }
    return old & ~X86Core.arithmeticMask | bits
  }

  /// Flags of a shift of 32 or 64 bits by `count`, from 1 to below the width.
  private static func shifted(_ kind: Kind, _ value: UInt64, _ count: UInt64, _ width: Width) -> UInt64 {
    let bits = UInt64(width.rawValue)
    let result: UInt64
    let carry: UInt64
    var overflow: UInt64 = 0
    switch kind {
    case shl:
      result = value << count & width.mask
      carry = value >> (bits - count) & 1
      overflow = result >> (bits - 1) ^ carry
    case shr:
      result = value >> count
      carry = value >> (count - 1) & 1
      overflow = count == 1 ? value >> (bits - 1) : 0
    default:
      let extended = X86Core.signed(value, width)
      result = UInt64(bitPattern: extended >> Int64(count)) & width.mask
      carry = UInt64(bitPattern: extended >> Int64(count - 1)) & 1
    }
    return X86Core.resultBits(result, width) | carry | overflow << 11
  }

  /// The carry flag alone.
  @inline(__always) func carryFlag(_ old: UInt64) -> UInt64 {
    switch kind & ~3 {
    case Self.sub: a < b ? 1 : 0
    case Self.logic: 0
    case Self.inc, Self.dec: carry
    default: Self.merged(old, kind, a, b, carry) & 1
    }
  }

  /// Whether a condition holds for flags that are up to date.
  @inline(never)
  static func holds(_ condition: UInt16, _ flags: UInt64) -> Bool {
    let result: Bool
    switch condition >> 1 {
    case 0: result = flags & 0x800 != 0
    case 1: result = flags & 1 != 0
    case 2: result = flags & 0x40 != 0
    case 3: result = flags & 0x41 != 0
    case 4: result = flags & 0x80 != 0
    case 5: result = flags & 4 != 0
    case 6: result = (flags & 0x80 != 0) != (flags & 0x800 != 0)
    default: result = flags & 0x40 != 0 || (flags & 0x80 != 0) != (flags & 0x800 != 0)
    }
    return result != (condition & 1 != 0)
  }

  /// Whether a condition other than overflow and parity holds after a subtraction whose operands were
  /// cut to 64 − `shift` bits.
  @inline(__always)
  func holdsAfterSub(_ condition: UInt16, _ shift: UInt8) -> Bool {
    let result: Bool
    switch condition >> 1 {
    case 1: result = a < b
    case 2: result = a == b
    case 3: result = a <= b
    case 4: result = isNegative(shift)
    case 6: result = isLess(shift)
    default: result = isLessOrEqual(shift)
    }
    return result != (condition & 1 != 0)
  }

  @inline(__always) func isLess(_ shift: UInt8) -> Bool {
    Int64(bitPattern: a &<< UInt64(shift)) < Int64(bitPattern: b &<< UInt64(shift))
  }
  @inline(__always) func isLessOrEqual(_ shift: UInt8) -> Bool {
    Int64(bitPattern: a &<< UInt64(shift)) <= Int64(bitPattern: b &<< UInt64(shift))
  }
  @inline(__always) func isNegative(_ shift: UInt8) -> Bool {
    Int64(bitPattern: (a &- b) &<< UInt64(shift)) < 0
  }
  @inline(__always) func sumIsZero(_ shift: UInt8) -> Bool { (a &+ b) &<< UInt64(shift) == 0 }
  @inline(__always) func sumIsNegative(_ shift: UInt8) -> Bool {
    Int64(bitPattern: (a &+ b) &<< UInt64(shift)) < 0
  }
}
