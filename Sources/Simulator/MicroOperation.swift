import MachineCore

/// What one micro-operation does; `target`, `a` and `b` are slots of the register file unless said otherwise.
enum MicroCode: UInt8 {
  /// Ends the program that ``Core/execute(_:)`` was started on.
  case end
  /// Continues at `immediate`.
  case jump
  /// Continues at `immediate` if `a` is zero.
  case jumpIfZero
  /// Continues at `immediate` unless `a` is zero.
  case jumpIfNotZero
  /// Continues at `immediate`; the way back goes into `target`.
  case call
  /// Continues where `a` says.
  case giveBack
  case move

  // The result is cut to the mask in `immediate`; the operands need no cutting.
  case add, subtract, multiply, and, or, xor, complement, negate
  /// Bits of `a` that are not in `b`.
  case andNot
  /// Bits of `a`, moved and put into `b`: rotated right by `width`, cut to the mask in `immediate`.
  case bits

  // `immediate` is the mask of the width, `width` the width in bits.
  case shiftLeft, shiftRightUnsigned, shiftRightSigned, rotateLeft, rotateRight
  case equal, notEqual, lessUnsigned, lessSigned, lessOrEqualUnsigned, lessOrEqualSigned
  case isZero
  /// Sign-extends the low `b` (a number) bits of `a` to the mask in `immediate`.
  case signExtend
  /// 1 if the low eight bits of `a` hold an even number of ones.
  case parity
  /// Rare operators: `b` of a unary one, or the binary one, is in the high bits of `immediate`.
  case unary, binary
  /// Double-width operators: the divisor's slot and the operator are in `immediate`.
  case wide

  /// Operand number `a`, a register, cut to the mask in `immediate`.
  case operandRegister
  /// Operand number `a`, an immediate, cut to the mask.
  case operandImmediate
  /// Effective address of memory operand number `a`.
  case operandAddress
  /// Segment of memory operand number `a`.
  case operandSegment

  /// Loads `width` bytes from virtual address `a` in segment `b`; `immediate` is the kind of access.
  case loadVirtual
  /// Notes a store of `width` bytes of `target`; the rest as for loads.
  case storeVirtual
  /// Makes the checks of a store that the translation of the first byte has not made.
  case checkVirtual
  /// Loads `width` bytes from physical address `a`.
  case loadPhysical
  /// Stores `width` bytes of `b` at physical address `a`, at once.
  case storePhysical
  /// Carries out the stores so far; the register writes so far stay after a trap.
  case keep

  /// Notes a write of `a` to register `target`, cut to the mask in `immediate`.
  case writeRegister
  /// Notes a write of `a` to operand number `b`, a register.
  case writeOperand
  /// Entry `a` of the table numbered `immediate`.
  case auxiliary
  /// Sets entry `a` of the table numbered `immediate` to `b`, at once.
  case setAuxiliary
  /// Empties the table numbered `immediate`.
  case clearAuxiliary
  /// Reads `width` bytes from port `a`.
  case input
  /// Writes `width` bytes of `b` to port `a`.
  case output
  /// Virtual time.
  case time
  /// Bits `a` of register number `target` lose their defined value.
  case undefine
  /// Ends the instruction with cause `a` and value `b`.
  case trap
  /// Ends the run with message number `immediate`.
  case unsupported
  /// Notes that place number `immediate` was reached; only in code that is lowered for coverage.
  case reach
}

/// One operation of a lowered program: 16 plain bytes.
struct MicroOperation: BitwiseCopyable {
  var code: MicroCode
  var width: UInt8 = 0
  var target: UInt16 = 0
  var a: UInt16 = 0
  var b: UInt16 = 0
  var immediate: UInt64 = 0
}

extension MicroOperation {
  /// Whether `b` is a slot, in operations that ``compute(_:_:)`` knows.
  var usesSecond: Bool {
    switch code {
    case .complement, .negate, .isZero, .signExtend, .parity, .unary: false
    default: true
    }
  }

  /// The result of an operation that is nothing but a function of two values; `nil` for all others.
  func compute(_ a: UInt64, _ b: UInt64) -> UInt64? {
    let bits = UInt64(width)
    func binary(_ operation: BinaryOperator) -> UInt64 { Arithmetic.binary(operation, a, b, bits) }
    switch code {
    case .add: return (a &+ b) & immediate
    case .subtract: return (a &- b) & immediate
    case .multiply: return (a &* b) & immediate
    case .and: return a & b & immediate
    case .or: return (a | b) & immediate
    case .xor: return (a ^ b) & immediate
    case .andNot: return a & ~b & immediate
    case .complement: return ~a & immediate
    case .negate: return (0 &- a) & immediate
    case .bits: return b | (Arithmetic.rotateLeft(a, (64 &- bits) & 63, 64) & immediate)
    case .shiftLeft: return binary(.shiftLeft)
    case .shiftRightUnsigned: return binary(.shiftRightUnsigned)
    case .shiftRightSigned: return binary(.shiftRightSigned)
    case .rotateLeft: return binary(.rotateLeft)
    case .rotateRight: return binary(.rotateRight)
    case .equal: return binary(.equal)
    case .notEqual: return binary(.notEqual)
    case .lessUnsigned: return binary(.lessUnsigned)
    case .lessOrEqualUnsigned: return binary(.lessOrEqualUnsigned)
    case .lessSigned: return binary(.lessSigned)
    case .lessOrEqualSigned: return binary(.lessOrEqualSigned)
    case .isZero: return a & immediate == 0 ? 1 : 0
    case .signExtend: return UInt64(bitPattern: Arithmetic.signed(a, UInt64(self.b))) & immediate
    case .parity: return (a & 0xFF).nonzeroBitCount & 1 == 0 ? 1 : 0
    case .unary:
      return UnaryOperator(rawValue: UInt8(truncatingIfNeeded: self.b)).map {
        Arithmetic.unary($0, a, bits)
      }
    case .binary: return BinaryOperator(rawValue: UInt8(truncatingIfNeeded: immediate)).map(binary)
    default: return nil
    }
  }
}

/// How a run of micro-operations ended.
enum Outcome: UInt8 {
  case completed
  /// Cause and value are in the core.
  case trapped
  /// The message's number is in the core.
  case unsupported
}
