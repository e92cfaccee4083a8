public import MachineCore
public import ToyISA

/// Derives the class of every instruction from its effects; nothing is typed in by hand.
public struct StaticClassification: Sendable {
  /// One class per definition of the instruction set.
  public let classes: [InstructionClass]

  /// The classes of all instructions of an instruction set whose mode is one register.
  ///
  /// - Parameters:
  ///   - privilegedCause: the trap that marks an instruction as privileged.
  ///   - memoryCauses: the paper's memory traps: causes that an address brings about.
  public init(
    of isa: some InstructionSet, modeRegister: RegisterID, privilegedCause: UInt64, memoryCauses: Set<UInt64>
  ) {
    let analysis = EffectAnalysis(
      roles: isa.registers.map(\.role), tables: isa.auxiliaries.map(\.role), modeRegister: modeRegister)
    classes = isa.definitions.map { definition in
      let supervisor = analysis.specialise(definition.effects, mode: 0)
      let user = analysis.specialise(definition.effects, mode: 1)
      var result = InstructionClass()
      let trapsInUser = analysis.alwaysTraps(user)
      result.privileged =
        analysis.alwaysTraps(user, cause: privilegedCause)
        && !analysis.mayTrap(supervisor, besides: memoryCauses)
      let halves: [([Effect], Sensitivity, Sensitivity, Sensitivity)] = [
        (supervisor, .supervisorControl, .supervisorLocation, .supervisorResource),
        (user, .userControl, .userLocation, .userResource),
      ]
      for (effects, control, location, resource) in halves where !analysis.alwaysTraps(effects) {
        if analysis.changesControl(effects) { result.sensitivity.insert(control) }
        let seen = analysis.visible(effects)
        if analysis.depends(seen, on: .location) { result.sensitivity.insert(location) }
        if analysis.depends(seen, on: .resource) { result.sensitivity.insert(resource) }
      }
      if !trapsInUser, !analysis.alwaysTraps(supervisor),
        analysis.visible(supervisor) != analysis.visible(user)
      {
        result.sensitivity.insert(.mode)
      }
      return result
    }
  }

  /// The classes of the toy instructions in a variant.
  public init(of variant: ToyVariant) {
    self.init(
      of: ToyInstructionSet(variant), modeRegister: ToyRegister.mode,
      privilegedCause: UInt64(ToyCause.privileged.rawValue), memoryCauses: Self.toyMemoryCauses)
  }

  /// Traps of the toy processor that an address brings about.
  static let toyMemoryCauses: Set<UInt64> = Set(
    [ToyCause.bounds, .alignment, .pageFetch, .pageRead, .pageWrite].map { UInt64($0.rawValue) })

  /// Numbers of the instructions that are sensitive but not privileged: what breaks Theorem 1.
  public var offenders: [Int] { TheoremVerdicts(classes).monitor.offenders }
}

/// Walks effect lists; the mode register's value is put in first so that guards fold away.
struct EffectAnalysis {
  let roles: [RegisterRole]
  let tables: [RegisterRole]
  let modeRegister: RegisterID

  /// What a result can depend on.
  enum Dependency {
    case location, resource
  }

  private static let controlRoles: Set<RegisterRole> = [
    .mode, .interruptEnable, .relocation, .control, .waiting,
  ]

  private func isControl(_ register: RegisterID) -> Bool {
    Int(register) < roles.count && Self.controlRoles.contains(roles[Int(register)])
  }

  private func isControlTable(_ table: Int) -> Bool {
    table < tables.count && Self.controlRoles.contains(tables[table])
  }

  // MARK: One mode

  /// The effects with the mode put in: conditions on it are decided, writes of the same mode dropped, and
  /// what stands behind a certain trap with them.
  func specialise(_ effects: [Effect], mode: UInt64) -> [Effect] {
    let substitute = EffectRewriting(
      effect: { effect in
        switch effect {
        case .when(.constant(let value), let then, let otherwise): return value != 0 ? then : otherwise
        case .when(_, let then, let otherwise) where then == otherwise: return then
        case .write(modeRegister, .constant(mode)): return []
        default: return [effect]
        }
      },
      expression: { part in
        switch part {
        case .register(modeRegister): .constant(mode)
        case .select(.constant(let value), let first, let second): value != 0 ? first : second
        default: part
        }
      })
    let specialised = substitute(effects)
    guard let end = specialised.firstIndex(where: { alwaysTraps([$0]) }) else { return specialised }
    return Array(specialised[...end])
  }

  /// Whether every path ends in a trap, with this cause if one is given.
  func alwaysTraps(_ effects: [Effect], cause: UInt64? = nil) -> Bool {
    effects.contains { effect in
      switch effect {
      case .trap(let actual, _): cause.map { actual == .constant($0) } ?? true
      case .when(_, let then, let otherwise):
        alwaysTraps(then, cause: cause) && alwaysTraps(otherwise, cause: cause)
      default: false
      }
    }
  }

  /// Whether some path ends in a trap whose cause is not among these.
  func mayTrap(_ effects: [Effect], besides causes: Set<UInt64>) -> Bool {
    effects.contains { effect in
      switch effect {
      case .trap(.constant(let cause), _): !causes.contains(cause)
      case .trap: true
      case .when(_, let then, let otherwise):
        mayTrap(then, besides: causes) || mayTrap(otherwise, besides: causes)
      default: false
      }
    }
  }

  // MARK: Control

  private func changes(_ effect: Effect) -> Bool {
    switch effect {
    case .write(let register, _): isControl(register)
    case .setAuxiliary(let table, _, _), .clearAuxiliary(let table): isControlTable(table)
    case .output: true
    default: false
    }
  }

  /// Whether some path changes a resource or the mode, other than by a trap. Reading a device counts: it
  /// may take something from it.
  func changesControl(_ effects: [Effect]) -> Bool {
    var found = false
    SemanticsWalk.visit(
      effects, effect: { found = found || changes($0) },
      expression: { if case .input = $0 { found = true } })
    return found
  }

  /// What is left for storage, registers and the program counter when changes of control are taken out.
  func visible(_ effects: [Effect]) -> [Effect] {
    EffectRewriting(
      effect: { effect in
        if changes(effect) { return [] }
        if case .when(_, let then, let otherwise) = effect, then.isEmpty, otherwise.isEmpty { return [] }
        return [effect]
      })(effects)
  }

  // MARK: Behaviour

  /// Whether some expression looks at what the dependency names.
  func depends(_ effects: [Effect], on dependency: Dependency) -> Bool {
    var found = false
    SemanticsWalk.visit(
      effects, effect: { _ in },
      expression: { found = found || self.dependency($0) == dependency })
    return found
  }

  private func dependency(_ part: Expression) -> Dependency? {
    switch part {
    case .register(let register) where isControl(register):
      roles[Int(register)] == .relocation ? .location : .resource
    case .auxiliary(let table, _) where isControlTable(table):
      tables[table] == .relocation ? .location : .resource
    case .load(.physical, _, _), .storageSize: .location
    case .input, .time: .resource
    default: nil
    }
  }
}
