/// The places in effects at which an instruction can do one thing or another: its start, both branches of
/// every condition, and every trap; numbered through a whole instruction set.
package struct SemanticsPoints: Sendable {
  /// What is at a place.
  package enum Kind: Sendable {
    /// The condition holds, or does not hold.
    case holds, fails
    case trap
    /// The definition is executed at all; the first place of each.
    case entry
  }

  /// A definition or a procedure.
  package enum Owner: Hashable, Sendable {
    case definition(Int)
    case procedure(ProcedureID)
  }

  /// How many there are.
  package let count: Int
  private let definitions: [Int]
  private let procedures: [Int]

  /// Numbers all places of a set.
  package init(_ set: any InstructionSet) {
    var next = 0
    definitions = set.definitions.map { definition in
      defer { next += 1 + Self.count(definition.effects) }
      return next
    }
    procedures = set.system.procedures.map { procedure in
      defer { next += Self.count(procedure.body) }
      return next
    }
    count = next
  }

  /// Number of the first place of an owner.
  package func first(_ owner: Owner) -> Int {
    switch owner {
    case .definition(let number): definitions.indices.contains(number) ? definitions[number] : count
    case .procedure(let number): procedures.indices.contains(number) ? procedures[number] : count
    }
  }

  /// How many places a list has.
  package static func count(_ effects: [Effect]) -> Int {
    effects.reduce(0) { sum, effect in
      switch effect {
      case .when(_, let then, let otherwise): sum + 2 + count(then) + count(otherwise)
      case .trap: sum + 1
      default: sum
      }
    }
  }

  /// The places of a list in order: of a condition first the one where it holds and all inside, then
  /// the one where it does not and all inside.
  package static func visit(_ effects: [Effect], _ onPlace: (Kind, Expression) -> Void) {
    for effect in effects {
      switch effect {
      case .when(let condition, let then, let otherwise):
        onPlace(.holds, condition)
        visit(then, onPlace)
        onPlace(.fails, condition)
        visit(otherwise, onPlace)
      case .trap(let cause, _): onPlace(.trap, cause)
      default: break
      }
    }
  }

  /// Procedures that effects may run: called, or translating addresses.
  package static func callees(of effects: [Effect], translate: ProcedureID) -> Set<ProcedureID> {
    var found: Set<ProcedureID> = []
    SemanticsWalk.visit(
      effects,
      effect: { effect in
        switch effect {
        case .call(let callee, _, _): found.insert(callee)
        case .store(.virtual, _, _, _), .store(.operand, _, _, _), .checkStore: found.insert(translate)
        default: break
        }
      },
      expression: { expression in
        switch expression {
        case .load(.virtual, _, _), .load(.operand, _, _): found.insert(translate)
        default: break
        }
      })
    return found
  }
}
