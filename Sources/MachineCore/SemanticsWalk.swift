/// Walks over effects and expressions.
package enum SemanticsWalk {
  /// Calls back for every effect and every expression of a list, outer ones first, in program order.
  package static func visit(
    _ effects: [Effect], effect onEffect: (Effect) -> Void, expression onExpression: (Expression) -> Void
  ) {
    for effect in effects {
      onEffect(effect)
      for expression in operands(of: effect) { visit(expression, onExpression) }
      if case .when(_, let then, let otherwise) = effect {
        visit(then, effect: onEffect, expression: onExpression)
        visit(otherwise, effect: onEffect, expression: onExpression)
      }
    }
  }

  /// Calls back for an expression and every expression inside it.
  package static func visit(_ expression: Expression, _ onExpression: (Expression) -> Void) {
    onExpression(expression)
    for inner in operands(of: expression) { visit(inner, onExpression) }
  }

  /// The expressions that an effect evaluates itself, in order.
  package static func operands(of effect: Effect) -> [Expression] {
    switch effect {
    case .assign(_, let value), .write(_, let value), .setOperand(_, let value), .give(let value),
      .undefine(_, let value):
      [value]
    case .store(_, let address, let value, _): [address, value]
    case .checkStore(_, let address, _): [address]
    case .setAuxiliary(_, let index, let value): [index, value]
    case .output(let port, let value, _): [port, value]
    case .when(let condition, _, _): [condition]
    case .trap(let cause, let value): [cause, value]
    case .call(_, let arguments, _): arguments
    case .clearAuxiliary, .keep, .unsupported: []
    }
  }

  /// The expressions directly inside an expression, in order.
  package static func operands(of expression: Expression) -> [Expression] {
    switch expression {
    case .unary(_, let value, _), .load(_, let value, _), .auxiliary(_, let value), .input(let value, _):
      [value]
    case .binary(_, let first, let second, _): [first, second]
    case .wide(_, let high, let low, let divisor, _): [high, low, divisor]
    case .select(let condition, let first, let second): [condition, first, second]
    case .constant, .operand, .address, .segment, .register, .local, .time, .pc, .nextPC, .instructionWord,
      .storageSize, .cpu:
      []
    }
  }

  /// Every local that a list names.
  package static func locals(in effects: [Effect]) -> Set<Local> {
    var found: Set<Local> = []
    visit(
      effects,
      effect: { effect in
        switch effect {
        case .assign(let local, _): found.insert(local)
        case .call(_, _, .some(let local)): found.insert(local)
        default: break
        }
      },
      expression: { expression in
        if case .local(let local) = expression { found.insert(local) }
      })
    return found
  }

  /// Locals that some path through the list may read before it assigns them.
  package static func unassignedReads(_ effects: [Effect], parameters: [Local] = []) -> Set<Local> {
    var flow = LocalFlow(assigned: Set(parameters))
    flow.run(effects)
    return flow.bad
  }

  /// Whether every path through the list ends it: gives, traps or stops the run.
  package static func alwaysEnds(_ effects: [Effect]) -> Bool {
    effects.contains { effect in
      switch effect {
      case .give, .trap, .unsupported: true
      case .when(_, let then, let otherwise): alwaysEnds(then) && alwaysEnds(otherwise)
      default: false
      }
    }
  }
}

/// Which locals are assigned on every path so far.
private struct LocalFlow {
  var assigned: Set<Local>
  var bad: Set<Local> = []

  mutating func read(_ expression: Expression) {
    SemanticsWalk.visit(expression) { inner in
      if case .local(let local) = inner, !assigned.contains(local) { bad.insert(local) }
    }
  }

  mutating func run(_ effects: [Effect]) {
    for effect in effects {
      for expression in SemanticsWalk.operands(of: effect) { read(expression) }
      switch effect {
      case .assign(let local, _): assigned.insert(local)
      case .call(_, _, .some(let local)): assigned.insert(local)
      case .when(_, let then, let otherwise):
        var first = self
        first.run(then)
        var second = self
        second.run(otherwise)
        bad = first.bad.union(second.bad)
        // A branch that ends the list says nothing about what follows it.
        switch (SemanticsWalk.alwaysEnds(then), SemanticsWalk.alwaysEnds(otherwise)) {
        case (true, false): assigned = second.assigned
        case (false, true): assigned = first.assigned
        case (true, true): assigned = first.assigned.union(second.assigned)
        case (false, false): assigned = first.assigned.intersection(second.assigned)
        }
      default: break
      }
    }
  }
}
