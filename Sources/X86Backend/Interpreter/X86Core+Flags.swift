import MachineCore

/// Flags are computed by each instruction at once; the formulas here are the interpreter's own.
extension X86Core {
  static let arithmeticMask: UInt64 = X86Flags.arithmetic.rawValue

  /// Zero, sign and parity bits of a result.
  @inline(__always) static func resultBits(_ result: UInt64, _ width: Width) -> UInt64 {
    var bits: UInt64 = (result & 0xFF).nonzeroBitCount & 1 == 0 ? 4 : 0
    if result == 0 { bits |= 0x40 }
    return bits | (result >> (UInt64(width.rawValue) &- 1)) << 7
  }

  @inline(__always) static func signed(_ value: UInt64, _ width: Width) -> Int64 {
    switch width {
    case .bits8: Int64(Int8(truncatingIfNeeded: value))
    case .bits16: Int64(Int16(truncatingIfNeeded: value))
    case .bits32: Int64(Int32(truncatingIfNeeded: value))
    case .bits64: Int64(bitPattern: value)
    }
  }

  /// Sum and its six flags.
  @inline(__always)
  static func add(_ a: UInt64, _ b: UInt64, _ carry: UInt64, _ width: Width) -> (UInt64, UInt64) {
    let (partial, first) = a.addingReportingOverflow(b)
    let (sum, second) = partial.addingReportingOverflow(carry)
    let result = sum & width.mask
    var bits = resultBits(result, width)
    let out = width == .bits64 ? first || second : sum > width.mask
    if out { bits |= 1 }
    if (a & 15) &+ (b & 15) &+ carry > 15 { bits |= 0x10 }
    // Overflow: operands of one sign, a result of the other.
    let sign = UInt64(width.rawValue) &- 1
    if (~(a ^ b) & (a ^ result)) >> sign & 1 != 0 { bits |= 0x800 }
    return (result, bits)
  }

  /// Difference and its six flags.
  @inline(__always)
  static func subtract(_ a: UInt64, _ b: UInt64, _ borrow: UInt64, _ width: Width) -> (UInt64, UInt64) {
    let result = (a &- b &- borrow) & width.mask
    var bits = resultBits(result, width)
    if a < b || (borrow != 0 && a == b) { bits |= 1 }
    if a & 15 < (b & 15) &+ borrow { bits |= 0x10 }
    let sign = UInt64(width.rawValue) &- 1
    if ((a ^ b) & (a ^ result)) >> sign & 1 != 0 { bits |= 0x800 }
    return (result, bits)
  }

  @inline(__always) func setArithmetic(_ bits: UInt64) {
    flags = (flags & ~Self.arithmeticMask) | bits
  }

  /// Whether condition `number` of jcc, setcc and cmovcc holds.
  @inline(__always) func holds(_ number: UInt8) -> Bool {
    let value = flags
    let result: Bool
    switch number >> 1 {
    case 0: result = value & 0x800 != 0
    case 1: result = value & 1 != 0
    case 2: result = value & 0x40 != 0
    case 3: result = value & 0x41 != 0
    case 4: result = value & 0x80 != 0
    case 5: result = value & 4 != 0
    case 6: result = (value & 0x80 != 0) != (value & 0x800 != 0)
    default: result = value & 0x40 != 0 || (value & 0x80 != 0) != (value & 0x800 != 0)
    }
    return result != (number & 1 != 0)
  }
}
