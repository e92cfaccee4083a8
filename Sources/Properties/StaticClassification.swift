public import MachineCore

/// What the semantics data say of an instruction, in Popek and Goldberg's terms (1974, section 3).
public struct InstructionClass: Sendable, Equatable {
  /// Traps in user mode and does not in supervisor mode.
  public var privileged = false
  /// Changes mode, relocation, interrupt state or a device without a trap.
  public var controlSensitive = false
  /// Its result depends on mode, relocation, interrupt state, a device or real time.
  public var behaviourSensitive = false

  /// Control- or behaviour-sensitive.
  public var sensitive: Bool { controlSensitive || behaviourSensitive }
  /// Not sensitive: may run directly without anybody's help.
  public var innocuous: Bool { !sensitive }
}

/// Derives the class of every instruction from its effects; nothing is typed in by hand.
public struct StaticClassification: Sendable {
  /// One class per definition of the instruction set.
  public let classes: [InstructionClass]

  /// The classes of all instructions of an instruction set whose mode is one register.
  ///
  /// - Parameter privilegedCause: the trap that marks an instruction as privileged.
  public init(of isa: some InstructionSet, modeRegister: RegisterID, privilegedCause: UInt64) {
    let analysis = EffectAnalysis(
      roles: isa.registers.map(\.role), tables: isa.auxiliaries.map(\.role), modeRegister: modeRegister)
    classes = isa.definitions.map { definition in
      let supervisor = analysis.specialise(definition.effects, mode: 0)
      let user = analysis.specialise(definition.effects, mode: 1)
      var result = InstructionClass()
      let trapsInUser = analysis.alwaysTraps(user, cause: privilegedCause)
      result.privileged = trapsInUser && !analysis.alwaysTraps(supervisor, cause: privilegedCause)
      result.controlSensitive = analysis.changesControl(supervisor) || analysis.changesControl(user)
      result.behaviourSensitive =
        analysis.dependsOnControl(supervisor) || analysis.dependsOnControl(user)
        || (!trapsInUser && supervisor != user)
      return result
    }
  }

  /// Numbers of the instructions that are sensitive but not privileged: what breaks Theorem 1.
  public var offenders: [Int] {
    classes.indices.filter { classes[$0].sensitive && !classes[$0].privileged }
  }
}

/// Walks effect lists; the mode register's value is put in first so that guards fold away.
struct EffectAnalysis {
  let roles: [RegisterRole]
  let tables: [RegisterRole]
  let modeRegister: RegisterID

  private static let controlRoles: Set<RegisterRole> = [
    .mode, .interruptEnable, .relocation, .control, .waiting,
  ]

  private func isControl(_ register: RegisterID) -> Bool {
    Int(register) < roles.count && Self.controlRoles.contains(roles[Int(register)])
  }

  private func isControlTable(_ table: Int) -> Bool {
    table < tables.count && Self.controlRoles.contains(tables[table])
  }

  /// The effects with conditions on the mode decided. Only a condition that is the mode register
  /// itself folds; a mode that is computed with stays, and so counts as read.
  func specialise(_ effects: [Effect], mode: UInt64) -> [Effect] {
    effects.flatMap { effect -> [Effect] in
      guard case .when(let condition, let then, let otherwise) = effect else { return [effect] }
      let first = specialise(then, mode: mode)
      let second = specialise(otherwise, mode: mode)
      if condition == .register(modeRegister) { return mode != 0 ? first : second }
      return [.when(condition, then: first, otherwise: second)]
    }
  }

  /// Whether every path ends in a trap with this cause.
  func alwaysTraps(_ effects: [Effect], cause: UInt64) -> Bool {
    effects.contains { effect in
      switch effect {
      case .trap(let actual, _): actual == .constant(cause)
      case .when(_, let then, let otherwise):
        alwaysTraps(then, cause: cause) && alwaysTraps(otherwise, cause: cause)
      default: false
      }
    }
  }

  /// Whether some path changes a resource or the mode, other than by a trap.
  func changesControl(_ effects: [Effect]) -> Bool {
    effects.contains { effect in
      switch effect {
      case .write(let register, _): isControl(register)
      case .setAuxiliary(let table, _, _), .clearAuxiliary(let table): isControlTable(table)
      case .output: true
      case .when(_, let then, let otherwise): changesControl(then) || changesControl(otherwise)
      default: uses(effect) { if case .input = $0 { true } else { false } }
      }
    }
  }

  /// Whether some path's outcome depends on mode, relocation, interrupt state, devices or time.
  func dependsOnControl(_ effects: [Effect]) -> Bool {
    effects.contains { effect in
      if case .when(let condition, let then, let otherwise) = effect {
        return readsControl(condition) || dependsOnControl(then) || dependsOnControl(otherwise)
      }
      return uses(effect, readsControl)
    }
  }

  private func uses(_ effect: Effect, _ test: (Expression) -> Bool) -> Bool {
    switch effect {
    case .assign(_, let value), .write(_, let value), .setOperand(_, let value), .undefine(_, let value),
      .give(let value):
      any(value, test)
    case .store(_, let address, let value, _): any(address, test) || any(value, test)
    case .checkStore(_, let address, _): any(address, test)
    case .setAuxiliary(_, let index, let value): any(index, test) || any(value, test)
    case .output(let port, let value, _): any(port, test) || any(value, test)
    case .trap(let cause, let value): any(cause, test) || any(value, test)
    case .call(_, let arguments, _): arguments.contains { any($0, test) }
    case .when(let condition, let then, let otherwise):
      any(condition, test) || then.contains { uses($0, test) } || otherwise.contains { uses($0, test) }
    default: false
    }
  }

  private func readsControl(_ expression: Expression) -> Bool {
    any(expression) { part in
      switch part {
      case .register(let register): isControl(register)
      case .auxiliary(let table, _): isControlTable(table)
      case .input, .time, .storageSize: true
      case .load(.physical, _, _): true
      default: false
      }
    }
  }

  /// Whether the test holds for the expression or a part of it.
  private func any(_ expression: Expression, _ test: (Expression) -> Bool) -> Bool {
    if test(expression) { return true }
    switch expression {
    case .unary(_, let a, _), .load(_, let a, _), .auxiliary(_, let a), .input(let a, _):
      return any(a, test)
    case .binary(_, let a, let b, _): return any(a, test) || any(b, test)
    case .wide(_, let a, let b, let c, _), .select(let a, let b, let c):
      return any(a, test) || any(b, test) || any(c, test)
    default: return false
    }
  }
}
