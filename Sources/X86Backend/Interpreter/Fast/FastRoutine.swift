/// What operations compute; widths are given by number: 0 for 8 bits to 3 for 64.
enum FastRoutine {
  typealias Registers = UnsafeMutablePointer<UInt64>

  @inline(__always) static func mask(_ width: UInt64) -> UInt64 { .max &>> (64 &- 8 &<< width) }

  // SAFETY: for all functions here, operands are slots of the register file; the decoder makes no others.

  /// The second operand, not yet cut to its width.
  @inline(__always) static func source(_ r: Registers, _ op: FastPointer) -> UInt64 {
    r[Int(op.pointee.b)] &+ op.pointee.immediate
  }

  @inline(__always)
  static func write(_ r: Registers, _ slot: UInt8, _ value: UInt64, _ width: UInt64) {
    if width >= 2 {
      r[Int(slot)] = value
    } else {
      r[Int(slot)] = r[Int(slot)] & ~mask(width) | value
    }
  }

  /// An operation of two operands, with what its flags follow from.
  @inline(__always)
  static func binary(
    _ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ kind: FastFlags.Kind, _ width: UInt64,
    _ function: (UInt64, UInt64) -> UInt64
  ) {
    let x = r[Int(op.pointee.a)] & mask(width)
    let y = source(r, op) & mask(width)
    write(r, op.pointee.a, function(x, y) & mask(width), width)
    flags.kind = kind | width
    flags.a = x
    flags.b = y
  }

  /// A logical operation: the flags follow from the result.
  @inline(__always)
  static func logic(
    _ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ width: UInt64,
    _ function: (UInt64, UInt64) -> UInt64
  ) {
    let result = function(r[Int(op.pointee.a)], source(r, op)) & mask(width)
    write(r, op.pointee.a, result, width)
    flags.kind = FastFlags.logic | width
    flags.a = result
    flags.b = 0
  }

  @inline(__always)
  static func compare(_ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ width: UInt64) {
    flags.kind = FastFlags.sub | width
    flags.a = r[Int(op.pointee.a)] & mask(width)
    flags.b = source(r, op) & mask(width)
  }

  @inline(__always)
  static func test(_ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ width: UInt64) {
    flags.kind = FastFlags.logic | width
    flags.a = r[Int(op.pointee.a)] & source(r, op) & mask(width)
    flags.b = 0
  }

  /// Addition or subtraction with the carry.
  @inline(__always)
  static func carrying(
    _ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ kind: FastFlags.Kind, _ width: UInt64
  ) {
    let carry = flags.carryFlag(r[Int(X86Register.rflags.rawValue)])
    let isAdd = kind == FastFlags.addCarry
    binary(r, op, &flags, kind, width) { isAdd ? $0 &+ $1 &+ carry : $0 &- $1 &- carry }
    flags.carry = carry
  }

  /// Increment or decrement, which keep the carry.
  @inline(__always)
  static func step(
    _ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ kind: FastFlags.Kind, _ width: UInt64
  ) {
    let carry = flags.carryFlag(r[Int(X86Register.rflags.rawValue)])
    let x = r[Int(op.pointee.a)] & mask(width)
    let result = kind == FastFlags.inc ? x &+ 1 : x &- 1
    write(r, op.pointee.a, result & mask(width), width)
    flags.kind = kind | width
    flags.a = x
    flags.b = 1
    flags.carry = carry
  }

  @inline(__always)
  static func negate(_ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ width: UInt64) {
    let x = r[Int(op.pointee.a)] & mask(width)
    write(r, op.pointee.a, (0 &- x) & mask(width), width)
    flags.kind = FastFlags.sub | width
    flags.a = 0
    flags.b = x
  }

  @inline(__always) static func not(_ r: Registers, _ op: FastPointer, _ width: UInt64) {
    write(r, op.pointee.a, ~r[Int(op.pointee.a)] & mask(width), width)
  }

  @inline(__always)
  static func shift(
    _ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ kind: FastFlags.Kind, _ width: UInt64
  ) {
    let count = source(r, op) & (width == 3 ? 63 : 31)
    let x = r[Int(op.pointee.a)] & mask(width)
    let result =
      switch kind {
      case FastFlags.shl: x &<< count & mask(width)
      case FastFlags.shr: x &>> count
      default:
        width == 3
          ? UInt64(bitPattern: Int64(bitPattern: x) &>> Int64(truncatingIfNeeded: count))
          : UInt64(
            UInt32(
              bitPattern: Int32(truncatingIfNeeded: x) &>> Int32(truncatingIfNeeded: count)))
      }
    r[Int(op.pointee.a)] = result
    guard count != 0 else { return }
    flags.kind = kind | width
    flags.a = x
    flags.b = count
  }

  /// The result of a rotate.
  @inline(__always)
  static func rotate(_ r: Registers, _ op: FastPointer, left: Bool, _ width: UInt64) {
    let bits = 8 &<< width as UInt64
    let count = source(r, op) & (bits &- 1)
    let x = r[Int(op.pointee.a)] & mask(width)
    // A shift by all bits is a shift by none here, and gives the value itself, as it should.
    let other = (bits &- count) & (bits &- 1)
    let result = left ? x &<< count | x &>> other : x &>> count | x &<< other
    r[Int(op.pointee.a)] = result & mask(width)
  }

  /// A rotate with its flags.
  @inline(__always)
  static func rotate(
    _ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, left: Bool, _ width: UInt64
  ) {
    let count = source(r, op) & (8 &<< width &- 1)
    rotate(r, op, left: left, width)
    guard count != 0 else { return }
    let flagsRegister = Int(X86Register.rflags.rawValue)
    let old = FastFlags.merged(r[flagsRegister], flags.kind, flags.a, flags.b, flags.carry)
    flags.kind = FastFlags.current
    let result = r[Int(op.pointee.a)]
    let top = result &>> (8 &<< width &- 1)
    let carry = left ? result & 1 : top
    let overflow = left ? top ^ carry : (top ^ result &>> (8 &<< width &- 2)) & 1
    r[flagsRegister] = old & ~0x801 | carry | overflow &<< 11
  }

  // MARK: Multiplication and division

  @inline(__always)
  private static func product(
    _ flags: inout FastFlags, _ width: UInt64, _ low: UInt64, _ overflows: Bool
  ) {
    flags.kind = FastFlags.product | width
    flags.a = low
    flags.b = overflows ? 1 : 0
  }

  /// The low half of the product of the third and the second operand.
  @inline(__always)
  static func multiply(_ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, _ width: UInt64) {
    let x = r[Int(op.pointee.base)]
    let y = source(r, op)
    if width == 3 {
      let (product, overflow) = Int64(bitPattern: x).multipliedReportingOverflow(by: Int64(bitPattern: y))
      r[Int(op.pointee.a)] = UInt64(bitPattern: product)
      Self.product(&flags, width, UInt64(bitPattern: product), overflow)
    } else {
      let (product, overflow) = Int32(truncatingIfNeeded: x)
        .multipliedReportingOverflow(by: Int32(truncatingIfNeeded: y))
      let low = UInt64(UInt32(bitPattern: product))
      r[Int(op.pointee.a)] = low
      Self.product(&flags, width, low, overflow)
    }
  }

  /// The whole product of the accumulator and the second operand.
  @inline(__always)
  static func multiplyWide(
    _ r: Registers, _ op: FastPointer, _ flags: inout FastFlags, signed: Bool, _ width: UInt64
  ) {
    let x = r[0]
    let y = source(r, op)
    let low: UInt64
    let high: UInt64
    if width == 3 {
      if signed {
        let result = Int64(bitPattern: x).multipliedFullWidth(by: Int64(bitPattern: y))
        (high, low) = (UInt64(bitPattern: result.high), result.low)
      } else {
        (high, low) = x.multipliedFullWidth(by: y)
      }
    } else {
      let result =
        signed
        ? UInt64(
          bitPattern: Int64(Int32(truncatingIfNeeded: x)) &* Int64(Int32(truncatingIfNeeded: y)))
        : (x & mask(2)) &* (y & mask(2))
      (high, low) = (result &>> 32, result & mask(2))
    }
    let isNegative = low &>> (8 &<< width &- 1) != 0
    product(&flags, width, low, high != (signed && isNegative ? mask(width) : 0))
    r[0] = low
    r[2] = high
  }

  /// Division of the double accumulator; `false` for what faults.
  @inline(__always)
  static func divide(_ r: Registers, _ op: FastPointer, signed: Bool, _ width: UInt64) -> Bool {
    let y = source(r, op) & mask(width)
    guard y != 0 else { return false }
    if width == 2 {
      let x = r[0] & mask(2) | r[2] &<< 32
      if signed {
        let divisor = Int64(Int32(truncatingIfNeeded: y))
        let (quotient, overflow) = Int64(bitPattern: x).dividedReportingOverflow(by: divisor)
        guard !overflow, Int64(Int32(truncatingIfNeeded: quotient)) == quotient else { return false }
        let remainder = Int64(bitPattern: x) &- quotient &* divisor
        r[0] = UInt64(bitPattern: quotient) & mask(2)
        r[2] = UInt64(bitPattern: remainder) & mask(2)
      } else {
        let quotient = x / y
        guard quotient <= mask(2) else { return false }
        r[0] = quotient
        r[2] = x &- quotient &* y
      }
      return true
    }
    if signed {
      // Only what fits into one word; the exact step does the rest.
      let x = Int64(bitPattern: r[0])
      guard Int64(bitPattern: r[2]) == x &>> 63 else { return false }
      let (quotient, overflow) = x.dividedReportingOverflow(by: Int64(bitPattern: y))
      guard !overflow else { return false }
      r[0] = UInt64(bitPattern: quotient)
      r[2] = UInt64(bitPattern: x &- quotient &* Int64(bitPattern: y))
    } else {
      guard r[2] < y else { return false }
      if r[2] == 0 {
        let quotient = r[0] / y
        r[2] = r[0] &- quotient &* y
        r[0] = quotient
      } else {
        let (quotient, remainder) = y.dividingFullWidth((r[2], r[0]))
        r[0] = quotient
        r[2] = remainder
      }
    }
    return true
  }
}
