package import MachineCore

/// Effects with parts replaced. The closures see every part, inner ones first.
package struct EffectRewriting {
  /// What takes the place of an effect.
  package var effect: (Effect) -> [Effect]
  /// What takes the place of an expression.
  package var expression: (Expression) -> Expression

  /// Replacements; nothing changes unless told.
  package init(
    effect: @escaping (Effect) -> [Effect] = { [$0] },
    expression: @escaping (Expression) -> Expression = { $0 }
  ) {
    self.effect = effect
    self.expression = expression
  }

  /// The effects after replacement.
  package func callAsFunction(_ effects: [Effect]) -> [Effect] { effects.flatMap(rewrite) }

  private func rewrite(_ old: Effect) -> [Effect] {
    func e(_ part: Expression) -> Expression { rewrite(part) }
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
        .call(procedure, arguments.map(rewrite), result: result)
      case .give(let value): .give(e(value))
      case .undefine(let register, let value): .undefine(register, e(value))
      case .clearAuxiliary, .keep, .unsupported: old
      }
    return effect(new)
  }

  private func rewrite(_ old: Expression) -> Expression {
    func e(_ part: Expression) -> Expression { rewrite(part) }
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
