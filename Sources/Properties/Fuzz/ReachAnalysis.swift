internal import MachineCore

/// Which places of effects no state of a run can reach, because a condition is the same in all of them.
struct ReachAnalysis {
  /// What is known of other registers where a bit of one is set.
  struct Implication {
    var register: RegisterID
    var bit: UInt64
    var known: [(RegisterID, KnownBits)]
  }

  private var registers: [KnownBits]
  private let operands: [Int: KnownBits]
  private let implications: [Implication]
  private let translate: ProcedureID
  private let text: SemanticsText
  private var locals: [Local: KnownBits] = [:]
  private var why: String?
  /// What is known of the arguments of the procedures that can be called; empty for unknown ones.
  private(set) var calls: [ProcedureID: [KnownBits]] = [:]
  /// For each place in order, why it cannot be reached, or `nil`.
  private(set) var reasons: [String?] = []

  /// - Parameters:
  ///   - registers: what is known of each before an instruction.
  ///   - operands: decoded operands that are constants.
  ///   - locals: what is known of a procedure's arguments.
  ///   - implications: what one bit of a register says of others.
  ///   - translate: the procedure that loads and stores call.
  init(
    _ effects: [Effect], registers: [KnownBits], operands: [Int: KnownBits] = [:],
    locals: [Local: KnownBits] = [:], implications: [Implication] = [], translate: ProcedureID,
    text: SemanticsText
  ) {
    self.implications = implications
    self.registers = registers
    self.operands = operands
    self.locals = locals
    self.translate = translate
    self.text = text
    _ = run(effects)
  }

  private func value(_ expression: Expression) -> KnownBits {
    KnownBits.of(expression, registers, locals, operands: operands)
  }

  /// Notes a call, unless it cannot be reached.
  private mutating func call(_ procedure: ProcedureID, _ arguments: [KnownBits]) {
    guard why == nil else { return }
    calls[procedure] = Self.joined(calls[procedure], arguments)
  }

  /// What the arguments of several calls have in common.
  static func joined(_ first: [KnownBits]?, _ second: [KnownBits]) -> [KnownBits] {
    guard let first else { return second }
    return zip(first, second).map { $0.joined($1) }
  }

  /// Notes the translations of an effect's own loads and stores.
  private mutating func noteTranslations(_ effect: Effect) {
    if SemanticsPoints.callees(of: [effect], translate: translate).contains(translate) { call(translate, []) }
  }

  /// - Returns: whether what follows the list can be reached.
  private mutating func run(_ effects: [Effect]) -> Bool {
    var ends = false
    for effect in effects {
      if ends, why == nil { why = "what comes before always ends the instruction" }
      switch effect {
      case .call(let procedure, let arguments, let result):
        for argument in arguments { noteTranslations(.assign(0, argument)) }
        call(procedure, arguments.map { value($0) })
        if let result { locals[result] = .unknown }
      case .when(let condition, _, _): noteTranslations(.assign(0, condition))
      default: noteTranslations(effect)
      }
      switch effect {
      case .assign(let local, let expression): locals[local] = value(expression)
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
    let known = value(condition)
    let before = (locals, why, registers)
    let name = { [text] in "`" + text.text(condition) + "`" }
    if why == nil, known.isZero { why = "\(name()) is false in every state here" }
    reasons.append(why)
    learn(condition, isTrue: true)
    let first = run(then) && !known.isZero
    let left = (locals, registers)
    (locals, why, registers) = before
    if why == nil, known.isNotZero { why = "\(name()) is true in every state here" }
    reasons.append(why)
    learn(condition, isTrue: false)
    let second = run(otherwise) && !known.isNotZero
    why = before.1
    if first, second {
      registers = before.2
      locals = locals.reduce(into: [:]) { result, item in
        result[item.key] = item.value.joined(left.0[item.key] ?? .unknown)
      }
    } else if first {
      (locals, registers) = left
    }
    return first || second
  }

  /// Takes note of what a condition says about registers and locals where it holds, or where it does not.
  private mutating func learn(_ condition: Expression, isTrue: Bool) {
    switch condition {
    case .register, .local:
      if !isTrue { know(condition, .zero) }
    case .unary(.isZero, let operand, _): learn(operand, isTrue: !isTrue)
    case .binary(.xor, let operand, .constant(1), _) where value(operand).isTruth:
      learn(operand, isTrue: !isTrue)
    case .binary(.and, .binary(.shiftRightUnsigned, let place, .constant(let count), _), .constant(1), _)
    where count < 64:
      know(place, KnownBits(bit: 1 << count, is: isTrue))
    case .binary(.and, let place, .constant(let mask), _) where !isTrue || mask & (mask &- 1) == 0:
      know(place, KnownBits(bit: mask, is: isTrue))
    case .binary(.and, let first, let second, _) where isTrue:
      learn(first, isTrue: true)
      learn(second, isTrue: true)
    case .binary(.and, let first, let second, _) where value(first).isOne && value(second).isTruth:
      learn(second, isTrue: false)
    case .binary(.and, let first, let second, _) where value(second).isOne && value(first).isTruth:
      learn(first, isTrue: false)
    case .binary(.or, let first, let second, _) where !isTrue:
      learn(first, isTrue: false)
      learn(second, isTrue: false)
    case .binary(.equal, let place, .constant(let number), .bits64) where isTrue:
      know(place, KnownBits(number))
    case .select(let test, let first, .constant(0)) where isTrue:
      learn(test, isTrue: true)
      learn(first, isTrue: true)
    default: break
    }
  }

  private mutating func know(_ place: Expression, _ bits: KnownBits) {
    switch place {
    case .register(let number) where Int(number) < registers.count:
      registers[Int(number)] = registers[Int(number)].with(bits)
      for rule in implications where rule.register == number && registers[Int(number)].ones & rule.bit != 0 {
        for (register, bits) in rule.known { registers[Int(register)] = registers[Int(register)].with(bits) }
      }
    case .local(let local): locals[local] = (locals[local] ?? .unknown).with(bits)
    case .binary(.xor, let first, let second, _):
      // Of bits whose difference is known, one tells the other.
      let other = value(second)
      var result = KnownBits()
      result.ones = (bits.ones & other.zeros) | (bits.zeros & other.ones)
      result.zeros = (bits.zeros & other.zeros) | (bits.ones & other.ones)
      know(first, result)
    default: break
    }
  }
}
