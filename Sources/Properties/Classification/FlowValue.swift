internal import MachineCore

/// A part of the system's state on which a result can depend.
typealias FlowSource = Int

/// What is known of a value in every state that a rule allows: bits, and which sources each bit may depend on.
struct FlowValue {
  /// Bits that are the same in all states.
  var bits: KnownBits = .unknown
  /// For each source the bits that it may change; `nil` for none at all.
  private(set) var marks: [UInt64]?
  /// The register of whose contents before the instruction it is a copy, in the bits of ``copied``.
  var origin: RegisterID?
  /// Bits that are copies, each in its place.
  var copied: UInt64 = 0
  /// Values with the same number are one and the same.
  var identity = 0

  init(_ bits: KnownBits = .unknown) { self.bits = bits }

  init(_ bits: KnownBits, marks: [UInt64]?) {
    self.bits = bits
    // What is known does not depend on anything.
    self.marks = marks.flatMap { marks in
      let cut = marks.map { $0 & ~(bits.ones | bits.zeros) }
      return cut.contains { $0 != 0 } ? cut : nil
    }
  }

  /// All sources it may depend on, in the bits of a mask, one bit each.
  func sources(in mask: UInt64 = .max) -> UInt32 {
    guard let marks else { return 0 }
    var found: UInt32 = 0
    for (source, bits) in marks.enumerated() where bits & mask != 0 { found |= 1 << UInt32(source) }
    return found
  }

  /// The same bits with other dependencies.
  func marked(_ change: (UInt64) -> UInt64) -> [UInt64]? { marks?.map(change) }

  /// The dependencies of two values, put together.
  static func union(_ first: [UInt64]?, _ second: [UInt64]?) -> [UInt64]? {
    guard let first else { return second }
    guard let second else { return first }
    return zip(first, second).map { $0 | $1 }
  }

  /// Marks that put every source of a set on all bits of a mask.
  static func spread(_ sources: UInt32, _ mask: UInt64, count: Int) -> [UInt64]? {
    sources == 0 ? nil : (0..<count).map { sources >> UInt32($0) & 1 != 0 ? mask : 0 }
  }

  /// What two paths that meet have in common; `decided` chose between them.
  static func meeting(
    _ first: FlowValue, _ second: FlowValue, decided: UInt32, count: Int
  ) -> FlowValue {
    if first.identity == second.identity, first.identity != 0 { return first }
    var marks = union(first.marks, second.marks)
    let bits = first.bits.joined(second.bits)
    // Copies of the same bits of a register do not differ.
    let isSameCopy = first.origin == second.origin ? first.copied & second.copied : 0
    marks = union(marks, spread(decided, ~isSameCopy, count: count))
    var result = FlowValue(bits, marks: marks)
    if isSameCopy != 0 { (result.origin, result.copied) = (first.origin, isSameCopy) }
    return result
  }

  // MARK: Operations

  static func unary(_ operation: UnaryOperator, _ value: FlowValue, _ width: Width) -> FlowValue {
    let bits = KnownBits.unary(operation, value.bits.cut(width), width)
    let mask = width.mask
    let marks = value.marked { old in
      let bits = old & mask
      guard bits != 0 else { return 0 }
      switch operation {
      case .complement: return bits
      case .isZero: return 1
      case .parity8: return bits & 0xFF == 0 ? 0 : 1
      case .negate: return (0 &- (bits & (0 &- bits))) & mask
      case .signExtend8: return extended(bits, 8) & mask
      case .signExtend16: return extended(bits, 16) & mask
      case .signExtend32: return extended(bits, 32) & mask
      case .populationCount, .leadingZeros, .trailingZeros: return 0x7F
      case .byteSwap: return mask
      }
    }
    return FlowValue(bits, marks: marks)
  }

  private static func extended(_ bits: UInt64, _ width: UInt64) -> UInt64 {
    let low = bits & ((1 << width) - 1)
    return low >> (width - 1) & 1 != 0 ? low | ~((1 << width) - 1) : low
  }

  static func binary(
    _ operation: BinaryOperator, _ first: FlowValue, _ second: FlowValue, _ width: Width
  ) -> FlowValue {
    let (a, b) = (first.bits.cut(width), second.bits.cut(width))
    let bits = KnownBits.binary(operation, a, b, width)
    let mask = width.mask
    var result: FlowValue
    switch operation {
    case .and, .or, .xor:
      func passes(_ other: KnownBits) -> UInt64 {
        operation == .and ? ~other.zeros : operation == .or ? ~other.ones : .max
      }
      let marks = union(
        first.marked { $0 & passes(b) & mask }, second.marked { $0 & passes(a) & mask })
      result = FlowValue(bits, marks: marks)
      // Bits that the other operand leaves as they are stay copies.
      func keep(_ value: FlowValue, _ other: KnownBits) {
        let kept = value.copied & mask & (operation == .and ? other.ones : other.zeros)
        if value.origin != nil, kept != 0 { (result.origin, result.copied) = (value.origin, kept) }
      }
      keep(first, b)
      if result.origin == nil { keep(second, a) }
    case .shiftLeft, .shiftRightUnsigned:
      guard let count = b.value, count < 64 else { fallthrough }
      result = FlowValue(
        bits,
        marks: first.marked { operation == .shiftLeft ? ($0 << count) & mask : ($0 & mask) >> count })
    case .shiftRightSigned, .rotateLeft, .rotateRight, .divideUnsigned, .divideSigned, .remainderUnsigned,
      .remainderSigned, .multiplyHighSigned, .multiplyHighUnsigned:
      result = FlowValue(bits, marks: union(first.marks, second.marks)?.map { $0 & mask == 0 ? 0 : mask })
    case .add, .subtract, .multiply:
      result = FlowValue(
        bits,
        marks: union(first.marks, second.marks)?.map { old in
          let bits = old & mask
          return bits == 0 ? 0 : (0 &- (bits & (0 &- bits))) & mask
        })
    case .equal, .notEqual, .lessUnsigned, .lessSigned, .lessOrEqualUnsigned, .lessOrEqualSigned:
      result = FlowValue(bits, marks: union(first.marks, second.marks)?.map { $0 & mask == 0 ? 0 : 1 })
    }
    return result
  }
}
