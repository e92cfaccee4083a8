internal import MachineCore

/// Follows an instruction's effects through the procedures that they call, in all states that a rule allows at once.
///
/// It finds whether the instruction may complete, and for the paths that do: which control registers may change, and
/// on which parts of the system's state what is left in registers and storage may depend. Conditions count as far as
/// they choose between two paths that both complete; a path that traps leaves nothing to compare.
struct FlowAnalysis {
  /// What the rule says of the machine.
  struct Rule {
    /// What is known of each register before the instruction.
    var registers: [RegisterID: KnownBits] = [:]
    /// Bits of registers that are a source each.
    var sources: [RegisterID: [(source: FlowSource, mask: UInt64)]] = [:]
    /// Number of sources.
    var count = 0
    /// The source that time is.
    var time: FlowSource = 0
    /// Sources whose storage moves with them: the bases of the processor's own tables. That an access of the
    /// processor itself uses such an address makes nothing depend on it.
    var tables: UInt32 = 0
    /// Registers whose change is a change of control; the bits that are.
    var control: [RegisterID: UInt64] = [:]
    /// Tables whose change is one.
    var controlTables: Set<Int> = []
    /// Registers that a program sees, and in which bits.
    var visible: [RegisterID: UInt64] = [:]
    /// The first segment of the processor's own accesses.
    var firstOwnSegment: UInt8 = .max
    /// Translates addresses: what the paper's relocation does, which is not the instruction's.
    var translate: ProcedureID = -1
    /// Fills stacks, which programs see.
    var frameStore: ProcedureID = -1
  }

  /// What was found of the paths that complete.
  struct Finding: Equatable {
    /// Some path completes.
    var completes = false
    /// A control register, a table or a device may change.
    var changesControl = false
    /// A device may be read or written.
    var usesDevice = false
    /// Sources that what is seen afterwards may depend on, one bit each.
    var depends: UInt32 = 0
  }

  /// A path that ends in a trap.
  struct TrapPath: Hashable {
    /// The trap's cause.
    var cause: Expression
    /// The conditions on the way, outer ones first, each with whether it holds.
    var conditions: [Condition]

    struct Condition: Hashable {
      var expression: Expression
      var holds: Bool
      /// The procedure it stands in; `nil` for the instruction's own effects.
      var procedure: ProcedureID?
    }
  }

  private struct State {
    var locals: [Local: FlowValue] = [:]
    var registers: [RegisterID: FlowValue] = [:]
    /// How many stores and writes of operands there were.
    var stores = 0
    /// Sources on which storage may depend.
    var visible: UInt32 = 0
    var undefined: [RegisterID: UInt64] = [:]
    var changesTables = false
    var usesDevice = false
    /// Sources that chose this way out of a procedure.
    var decided: UInt32 = 0
  }

  private let rule: Rule
  private let procedures: [Procedure]
  /// Values of operands that are known, and sources of those that are the system's registers.
  private let operands: [Int: FlowValue]
  private var state = State()
  private var gives: [(state: State, value: FlowValue)] = []
  private var identities = 0
  private var procedure: ProcedureID?
  private var conditions: [TrapPath.Condition] = []
  /// The paths that trap, if they were asked for.
  private(set) var traps: [TrapPath] = []
  private let notesTraps: Bool
  private(set) var finding = Finding()
  private static let mostTraps = 200

  /// Follows the effects of an instruction.
  init(
    _ effects: [Effect], _ procedures: [Procedure], _ rule: Rule, operands: [Int: FlowValue] = [:],
    notesTraps: Bool = false
  ) {
    self.rule = rule
    self.procedures = procedures
    self.operands = operands
    self.notesTraps = notesTraps
    guard run(effects) else { return }
    finding.completes = true
    finding.usesDevice = state.usesDevice
    finding.depends = state.visible
    finding.changesControl = state.changesTables
    for (register, value) in state.registers {
      if let mask = rule.control[register] {
        let kept = value.origin == register ? value.copied : 0
        if mask & ~kept != 0 { finding.changesControl = true }
      }
      if let mask = rule.visible[register] {
        finding.depends |= value.sources(in: mask & ~(state.undefined[register] ?? 0))
      }
    }
  }

  // MARK: Values

  private mutating func fresh(_ value: FlowValue) -> FlowValue {
    guard value.identity == 0 else { return value }
    identities += 1
    var value = value
    value.identity = identities
    return value
  }

  /// A register before the instruction.
  private func initial(_ register: RegisterID) -> FlowValue {
    var marks: [UInt64]?
    if let sources = rule.sources[register] {
      var all = [UInt64](repeating: 0, count: rule.count)
      for (source, mask) in sources { all[source] |= mask }
      marks = all
    }
    var value = FlowValue(rule.registers[register] ?? .unknown, marks: marks)
    (value.origin, value.copied) = (register, .max)
    // Below zero, so that they meet no number of another value.
    value.identity = -1 - Int(register)
    return value
  }

  private mutating func value(_ expression: Expression) -> FlowValue {
    switch expression {
    case .constant(let number): return FlowValue(KnownBits(number))
    case .register(let register): return initial(register)
    case .local(let local): return state.locals[local] ?? FlowValue()
    case .operand(let number): return operands[number] ?? FlowValue()
    case .unary(let operation, let operand, let width):
      return FlowValue.unary(operation, value(operand), width)
    case .binary(let operation, let first, let second, let width):
      return FlowValue.binary(operation, value(first), value(second), width)
    case .wide(_, let high, let low, let divisor, let width):
      let sources = [high, low, divisor].reduce(UInt32(0)) { $0 | value($1).sources() }
      return FlowValue(
        KnownBits.unknown.cut(width), marks: FlowValue.spread(sources, width.mask, count: rule.count))
    case .select(let condition, let first, let second):
      let test = value(condition)
      if test.bits.isNotZero { return value(first) }
      if test.bits.isZero { return value(second) }
      return .meeting(value(first), value(second), decided: test.sources(), count: rule.count)
    case .load(let space, let address, let width):
      return FlowValue(
        KnownBits.unknown.cut(width),
        marks: FlowValue.spread(sources(ofAddress: address, space), width.mask, count: rule.count))
    case .input(let port, let width):
      _ = value(port)
      state.usesDevice = true
      return FlowValue(KnownBits.unknown.cut(width))
    case .time:
      return FlowValue(.unknown, marks: FlowValue.spread(1 << UInt32(rule.time), .max, count: rule.count))
    case .cpu: return FlowValue(.zero)
    case .auxiliary, .address, .segment, .pc, .nextPC, .instructionWord, .storageSize: return FlowValue()
    }
  }

  /// On what the place of an access depends; the processor's own tables move with their contents.
  private mutating func sources(ofAddress address: Expression, _ space: StorageSpace) -> UInt32 {
    let found = value(address).sources()
    return isOwn(space) ? found & ~rule.tables : found
  }

  private func isOwn(_ space: StorageSpace) -> Bool {
    switch space {
    case .virtual(let segment): segment >= rule.firstOwnSegment
    case .physical: true
    case .operand: false
    }
  }

  // MARK: Effects

  /// - Returns: whether a path goes on behind the list.
  private mutating func run(_ effects: [Effect]) -> Bool {
    for effect in effects where !step(effect) { return false }
    return true
  }

  private mutating func step(_ effect: Effect) -> Bool {
    switch effect {
    case .assign(let local, let expression): state.locals[local] = fresh(value(expression))
    case .write(let register, let expression): state.registers[register] = fresh(value(expression))
    case .setOperand(_, let expression):
      state.visible |= value(expression).sources()
      state.stores += 1
    case .store(let space, let address, let expression, let width):
      // What the processor marks in its own tables is no program's; frames are.
      guard !isOwn(space) || procedure == rule.frameStore else { break }
      state.visible |= sources(ofAddress: address, space) | value(expression).sources(in: width.mask)
      state.stores += 1
    case .setAuxiliary(let table, _, _), .clearAuxiliary(let table):
      if rule.controlTables.contains(table) { state.changesTables = true }
    case .output(let port, let expression, _):
      _ = (value(port), value(expression))
      state.usesDevice = true
    case .when(let condition, let then, let otherwise): return branch(condition, then, otherwise)
    case .trap(let cause, _):
      noteTrap(cause)
      return false
    case .unsupported: return false
    case .call(let number, let arguments, let result): return call(number, arguments, result)
    case .give(let expression):
      gives.append((state, fresh(value(expression))))
      return false
    case .undefine(let register, let bits): state.undefined[register, default: 0] |= value(bits).bits.ones
    case .checkStore, .keep: break
    }
    return true
  }

  private mutating func noteTrap(_ cause: Expression) {
    guard notesTraps, traps.count < Self.mostTraps else { return }
    let path = TrapPath(cause: cause, conditions: conditions)
    if !traps.contains(path) { traps.append(path) }
  }

  private mutating func branch(_ condition: Expression, _ then: [Effect], _ otherwise: [Effect]) -> Bool {
    let test = value(condition)
    if test.bits.isNotZero { return run(then) }
    if test.bits.isZero { return run(otherwise) }
    let decided = test.sources()
    let before = state
    let first = gives.count
    conditions.append(.init(expression: condition, holds: true, procedure: procedure))
    let goesOn = run(then)
    let left = state
    let middle = gives.count
    state = before
    conditions[conditions.count - 1].holds = false
    let goesOnOtherwise = run(otherwise)
    conditions.removeLast()
    let end = gives.count
    // Only a choice between two ways that both complete can be seen.
    let isSeen = (goesOn || middle > first) && (goesOnOtherwise || end > middle)
    if isSeen, decided != 0 {
      for place in first..<end { gives[place].state.decided |= decided }
    }
    let leavesEarly = isSeen && end > first ? decided : 0
    switch (goesOn, goesOnOtherwise) {
    case (true, true): state = meeting(left, state, decided)
    case (true, false): state = left
    case (false, true): break
    case (false, false): return false
    }
    state.decided |= leavesEarly
    return true
  }

  private mutating func call(_ number: ProcedureID, _ arguments: [Expression], _ result: Local?) -> Bool {
    guard number != rule.translate, number < procedures.count else {
      if let result { state.locals[result] = fresh(FlowValue()) }
      return true
    }
    let called = procedures[number]
    let values = arguments.map { fresh(value($0)) }
    let caller = (state.locals, state.decided, gives, procedure)
    state.locals = Dictionary(zip(called.parameters, values)) { $1 }
    (gives, procedure, state.decided) = ([], number, 0)
    let falls = run(called.body)
    var ends = gives
    if falls { ends.append((state, FlowValue(.zero))) }
    (gives, procedure) = (caller.2, caller.3)
    guard var (joined, given) = ends.first else {
      return false
    }
    for end in ends.dropFirst() {
      let decided = joined.decided | end.state.decided
      joined = meeting(joined, end.state, decided)
      given = .meeting(given, end.value, decided: decided, count: rule.count)
    }
    state = joined
    (state.locals, state.decided) = (caller.0, caller.1)
    if let result {
      given.identity = 0
      state.locals[result] = fresh(given)
    }
    return true
  }

  /// The state where two paths meet.
  private mutating func meeting(_ first: State, _ second: State, _ decided: UInt32) -> State {
    var result = first
    for local in first.locals.keys {
      guard let one = first.locals[local], let other = second.locals[local] else {
        result.locals[local] = nil
        continue
      }
      result.locals[local] = fresh(.meeting(one, other, decided: decided, count: rule.count))
    }
    for register in Set(first.registers.keys).union(second.registers.keys) {
      let one = first.registers[register] ?? initial(register)
      let other = second.registers[register] ?? initial(register)
      result.registers[register] = fresh(.meeting(one, other, decided: decided, count: rule.count))
    }
    result.visible |= second.visible
    if first.stores != second.stores { result.visible |= decided }
    result.stores = max(first.stores, second.stores)
    for (register, bits) in second.undefined { result.undefined[register, default: 0] |= bits }
    result.changesTables = first.changesTables || second.changesTables
    result.usesDevice = first.usesDevice || second.usesDevice
    result.decided |= second.decided
    return result
  }
}
