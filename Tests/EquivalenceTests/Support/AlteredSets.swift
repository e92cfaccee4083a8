import MachineCore
import ToyISA
import Trace
import X86Backend

/// An instruction set that is another one with something changed, for the evaluator to be wrong with.
struct AlteredSet: InstructionSet {
  private let base: any InstructionSet
  var definitions: [InstructionDefinition]
  var system: SystemSemantics
  /// Changes what decoding gives.
  var adjust: @Sendable (inout DecodedInstruction) -> Void = { _ in }

  init(_ base: any InstructionSet) {
    self.base = base
    definitions = base.definitions
    system = base.system
  }

  var name: String { base.name }
  var variant: String { base.variant }
  var registers: [RegisterDescriptor] { base.registers }
  var auxiliaries: [AuxiliaryDescriptor] { base.auxiliaries }
  var causes: [String] { base.causes }
  var fetchUnit: Int { base.fetchUnit }

  func decode(_ bytes: InstructionBytes, context: UInt64) -> DecodeResult {
    guard case .instruction(var decoded) = base.decode(bytes, context: context) else {
      return base.decode(bytes, context: context)
    }
    adjust(&decoded)
    return .instruction(decoded)
  }

  func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64) -> String {
    base.disassemble(bytes, pc: pc, context: context)
  }

  /// Changes the effects of every form of an instruction.
  mutating func alter(_ mnemonic: String, _ change: ([Effect]) -> [Effect]) {
    var isFound = false
    for index in definitions.indices where definitions[index].mnemonic == mnemonic {
      definitions[index].effects = change(definitions[index].effects)
      isFound = true
    }
    precondition(isFound, "no instruction \(mnemonic)")
  }

  /// Gives every form of an instruction the effects of the same form of another.
  mutating func alter(_ mnemonic: String, as other: String) {
    var effects = definitions.filter { $0.mnemonic == other }.map(\.effects)[...]
    alter(mnemonic) { effects.popFirst() ?? $0 }
  }

  /// Changes a procedure.
  mutating func alter(_ procedure: ProcedureID, _ change: ([Effect]) -> [Effect]) {
    system.procedures[procedure].body = change(system.procedures[procedure].body)
  }
}

/// Effects with parts replaced. The closures see every part, inner ones first, and give it back or something else.
struct Rewriting {
  var effect: (Effect) -> Effect? = { $0 }
  var expression: (Expression) -> Expression = { $0 }

  func callAsFunction(_ effects: [Effect]) -> [Effect] { effects.compactMap(apply) }

  private func apply(_ old: Effect) -> Effect? {
    func e(_ expression: Expression) -> Expression { apply(expression) }
    let new: Effect =
      switch old {
      case .assign(let local, let value): .assign(local, e(value))
      case .write(let register, let value): .write(register, e(value))
      case .setOperand(let number, let value): .setOperand(number, e(value))
      case .store(let space, let address, let value, let width): .store(space, e(address), e(value), width)
      case .checkStore(let space, let address, let width): .checkStore(space, e(address), width)
      case .setAuxiliary(let table, let index, let value): .setAuxiliary(table, e(index), e(value))
      case .output(let port, let value, let width): .output(e(port), e(value), width)
      case .when(let condition, let then, let otherwise):
        .when(e(condition), then: self(then), otherwise: self(otherwise))
      case .trap(let cause, let value): .trap(e(cause), e(value))
      case .call(let procedure, let arguments, let result):
        .call(procedure, arguments.map(apply), result: result)
      case .give(let value): .give(e(value))
      case .undefine(let register, let value): .undefine(register, e(value))
      case .clearAuxiliary, .keep, .unsupported: old
      }
    return effect(new)
  }

  private func apply(_ old: Expression) -> Expression {
    func e(_ inner: Expression) -> Expression { apply(inner) }
    let new: Expression =
      switch old {
      case .unary(let operation, let a, let width): .unary(operation, e(a), width)
      case .binary(let operation, let a, let b, let width): .binary(operation, e(a), e(b), width)
      case .wide(let operation, let high, let low, let divisor, let width):
        .wide(operation, high: e(high), low: e(low), by: e(divisor), width)
      case .select(let condition, let a, let b): .select(e(condition), e(a), e(b))
      case .load(let space, let address, let width): .load(space, e(address), width)
      case .auxiliary(let table, let index): .auxiliary(table, e(index))
      case .input(let port, let width): .input(e(port), width)
      default: old
      }
    return expression(new)
  }
}

extension Rewriting {
  /// Every constant of this value becomes another.
  static func constant(_ old: UInt64, to new: UInt64) -> Rewriting {
    Rewriting(expression: { $0 == .constant(old) ? .constant(new) : $0 })
  }

  /// Operations of one kind become another kind.
  static func operation(_ old: BinaryOperator, to new: BinaryOperator) -> Rewriting {
    Rewriting(expression: {
      if case .binary(old, let a, let b, let width) = $0 { .binary(new, a, b, width) } else { $0 }
    })
  }

  /// Effects that pass the test are left out.
  static func without(_ test: @escaping (Effect) -> Bool) -> Rewriting {
    Rewriting(effect: { test($0) ? nil : $0 })
  }
}
