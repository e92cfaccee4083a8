internal import MachineCore
internal import ToyISA

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

extension Rewriting {
  /// Whether an effect writes the toy processor's mode.
  static let isModeWrite: @Sendable (Effect) -> Bool = {
    if case .write(ToyRegister.mode, _) = $0 { true } else { false }
  }
}
