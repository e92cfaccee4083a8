internal import MachineCore

/// Bits of a value that are the same in all states of a run.
struct KnownBits: Sendable, Equatable {
  var ones: UInt64 = 0
  var zeros: UInt64 = 0

  static let unknown = KnownBits()
  init() {}
  /// A value of which everything is known.
  init(_ value: UInt64) { (ones, zeros) = (value, ~value) }
  /// A value below 2 to the power of `bits`.
  private init(below bits: UInt64) { zeros = bits >= 64 ? 0 : ~((1 << bits) - 1) }

  var isZero: Bool { zeros == .max }
  var isNotZero: Bool { ones != 0 }
  private var value: UInt64? { ones | zeros == .max ? ones : nil }
  private var least: UInt64 { ones }
  private var most: UInt64 { ~zeros }

  /// What both values have in common.
  func joined(_ other: KnownBits) -> KnownBits {
    var result = KnownBits()
    (result.ones, result.zeros) = (ones & other.ones, zeros & other.zeros)
    return result
  }

  private func cut(_ width: Width) -> KnownBits {
    var result = self
    result.ones &= width.mask
    result.zeros |= ~width.mask
    return result
  }

  /// The value of an expression; what depends on storage, devices or operands is unknown.
  static func of(_ expression: Expression, _ registers: [KnownBits], _ locals: [Local: KnownBits])
    -> KnownBits
  {
    func inner(_ expression: Expression) -> KnownBits { of(expression, registers, locals) }
    switch expression {
    case .constant(let value): return KnownBits(value)
    case .register(let number):
      return Int(number) < registers.count ? registers[Int(number)] : .unknown
    case .local(let local): return locals[local] ?? .unknown
    case .cpu: return KnownBits(0)
    case .unary(let operation, let operand, let width):
      let value = inner(operand).cut(width)
      switch operation {
      case .isZero: return value.isZero ? KnownBits(1) : value.isNotZero ? KnownBits(0) : KnownBits(below: 1)
      case .complement:
        var result = KnownBits()
        (result.ones, result.zeros) = (value.zeros, value.ones)
        return result.cut(width)
      case .parity8: return KnownBits(below: 1)
      default: return KnownBits.unknown.cut(width)
      }
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

  private static func binary(
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

/// Which places of effects no state of a run can reach, because a condition is the same in all of them.
struct ReachAnalysis {
  private let registers: [KnownBits]
  private let text: SemanticsText
  private var locals: [Local: KnownBits] = [:]
  private var why: String?
  /// For each place in order, why it cannot be reached, or `nil`.
  private(set) var reasons: [String?] = []

  /// - Parameter registers: what is known of each before an instruction.
  init(_ effects: [Effect], registers: [KnownBits], text: SemanticsText) {
    self.registers = registers
    self.text = text
    _ = run(effects)
  }

  /// - Returns: whether what follows the list can be reached.
  private mutating func run(_ effects: [Effect]) -> Bool {
    var ends = false
    for effect in effects {
      if ends, why == nil { why = "what comes before always ends the instruction" }
      switch effect {
      case .assign(let local, let value): locals[local] = KnownBits.of(value, registers, locals)
      case .call(_, _, .some(let local)): locals[local] = .unknown
      case .trap:
        reasons.append(why)
        ends = true
      case .give, .unsupported: ends = true
      case .when(let condition, let then, let otherwise):
        if !branch(condition, then, otherwise) { ends = true }
      default: break
      }
    }
    return !ends
  }

  private mutating func branch(_ condition: Expression, _ then: [Effect], _ otherwise: [Effect]) -> Bool {
    let known = KnownBits.of(condition, registers, locals)
    let before = (locals, why)
    let name = { [text] in "`" + text.text(condition) + "`" }
    if why == nil, known.isZero { why = "\(name()) is false in every state here" }
    reasons.append(why)
    let first = run(then) && !known.isZero
    let left = locals
    (locals, why) = before
    if why == nil, known.isNotZero { why = "\(name()) is true in every state here" }
    reasons.append(why)
    let second = run(otherwise) && !known.isNotZero
    why = before.1
    if first, second {
      locals = locals.reduce(into: [:]) { result, item in
        result[item.key] = item.value.joined(left[item.key] ?? .unknown)
      }
    } else if first {
      locals = left
    }
    return first || second
  }
}
