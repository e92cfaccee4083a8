internal import MachineCore

/// Structural checks on the instruction table.
public enum ToyVerify {
  /// Everything that is wrong with a table, one line each; empty when all is well.
  public static func problems(in table: [ToyInstruction] = toyTable) -> [String] {
    var problems: [String] = []
    var opcodes: [UInt8: String] = [:]
    var mnemonics: Set<String> = []
    let pseudos = Set(ToyPseudo.table.map(\.mnemonic))
    for row in table {
      let name = row.mnemonic
      if let other = opcodes.updateValue(name, forKey: row.opcode) {
        problems.append("\(name): opcode \(hex(UInt64(row.opcode), digits: 2)) is \(other)'s")
      }
      if !mnemonics.insert(name).inserted { problems.append("\(name): mnemonic is used twice") }
      if pseudos.contains(name) { problems.append("\(name): is a pseudo-instruction too") }
      if name.isEmpty || !name.utf8.allSatisfy({ $0 >= 97 && $0 <= 122 }) {
        problems.append("\(name): a mnemonic is lower-case letters")
      }
      if row.meaning.isEmpty { problems.append("\(name): no meaning") }
      if row.effects.isEmpty { problems.append("\(name): no effects") }
      problems += format(row.format).map { "\(name): \($0)" }
      var checker = EffectChecker(operands: row.format.operands(0))
      checker.check(row.effects)
      problems += checker.problems.map { "\(name): \($0)" }
    }
    return problems
  }

  /// Fields must not overlap, lie below the opcode, and each be written once in the syntax.
  private static func format(_ format: ToyFormat) -> [String] {
    var problems: [String] = []
    var used: UInt32 = 0
    for field in format.fields {
      let (shift, bits) = field.place
      let mask = ((UInt32(1) << bits) - 1) << shift
      if used & mask != 0 { problems.append("fields overlap in format \(format)") }
      if mask & 0xFF00_0000 != 0 { problems.append("a field covers the opcode in format \(format)") }
      used |= mask
    }
    var written: [Int] = []
    for (operand, _) in format.syntax {
      switch operand {
      case .register(let index), .value(let index), .target(let index): written.append(index)
      case .memory(let offset, let base): written += [base] + (offset.map { [$0] } ?? [])
      }
    }
    if written.sorted() != Array(format.fields.indices) {
      problems.append("syntax and fields of format \(format) do not match")
    }
    return problems
  }
}

/// Walks effects and notes operands, registers and locals that do not exist.
private struct EffectChecker {
  let operands: InlineArray<4, Operand>
  var problems: [String] = []
  var assigned: Set<Local> = []

  mutating func check(_ effects: [Effect]) {
    for effect in effects { check(effect) }
  }

  private mutating func check(_ effect: Effect) {
    switch effect {
    case .write(let register, let value):
      checkRegister(register)
      check(value)
    case .setOperand(let index, let value):
      if kind(index) == .immediate { problems.append("writes operand \(index), an immediate") }
      checkOperand(index)
      check(value)
    case .store(let space, let address, let value, _):
      check(space)
      check(address)
      check(value)
    case .checkStore(let space, let address, _):
      check(space)
      check(address)
    case .assign(let local, let value):
      check(value)
      assigned.insert(local)
    case .when(let condition, let then, let otherwise):
      check(condition)
      let before = assigned
      check(then)
      let afterThen = assigned
      assigned = before
      check(otherwise)
      assigned.formIntersection(afterThen)
    case .setAuxiliary(_, let index, let value):
      check(index)
      check(value)
    case .output(let port, let value, _):
      check(port)
      check(value)
    case .trap(let cause, let value):
      check(cause)
      check(value)
    case .clearAuxiliary: break
    case .call, .give, .undefine, .keep, .unsupported: problems.append("has an effect that rows do not have")
    }
  }

  private mutating func check(_ expression: Expression) {
    switch expression {
    case .operand(let index): checkOperand(index)
    case .address(let index), .segment(let index):
      checkOperand(index)
      if kind(index) != .memory {
        problems.append("takes the address of operand \(index), which is not memory")
      }
    case .register(let register): checkRegister(register)
    case .local(let local):
      if !assigned.contains(local) { problems.append("reads local \(local) before it is assigned") }
    case .load(let space, let address, _):
      check(space)
      check(address)
    case .unary(_, let value, _), .auxiliary(_, let value), .input(let value, _): check(value)
    case .binary(_, let left, let right, _):
      check(left)
      check(right)
    case .wide(_, let high, let low, let divisor, _):
      check(high)
      check(low)
      check(divisor)
    case .select(let condition, let then, let otherwise):
      check(condition)
      check(then)
      check(otherwise)
    case .constant, .time, .pc, .nextPC, .instructionWord, .storageSize, .cpu: break
    }
  }

  private mutating func check(_ space: StorageSpace) {
    if case .operand(let index) = space { checkOperand(index) }
  }

  private func kind(_ index: Int) -> Operand.Kind {
    index >= 0 && index < 4 ? operands[index].kind : .none
  }

  private mutating func checkOperand(_ index: Int) {
    if kind(index) == .none { problems.append("mentions operand \(index), which it does not have") }
  }

  private mutating func checkRegister(_ register: RegisterID) {
    if Int(register) >= ToyRegister.table.count { problems.append("mentions register \(register)") }
  }
}
