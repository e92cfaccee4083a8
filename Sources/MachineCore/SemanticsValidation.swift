/// Something wrong in an instruction set's tables.
package struct SemanticsProblem: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong.
  package enum Fault: Sendable, Hashable {
    /// A local is 32 or more.
    case localNumber(Local)
    /// Some path reads the local before it is assigned.
    case unassignedLocal(Local)
    /// No such register.
    case registerNumber(RegisterID)
    /// A write to a register that always reads as zero.
    case zeroRegisterWrite(RegisterID)
    /// The program counter is written twice on one path.
    case programCounterTwice
    /// The program counter is written by the translation.
    case programCounterInTranslation
    /// Trap delivery has a path that does not write the program counter.
    case deliveryWithoutTarget
    /// Operand numbers are 0 to 3.
    case operandNumber(Int)
    /// An operand, where no instruction has been decoded.
    case operandOutsideInstruction(Int)
    /// No such auxiliary table.
    case auxiliaryNumber(Int)
    /// No such procedure.
    case procedureNumber(ProcedureID)
    /// A call with the wrong number of arguments.
    case argumentCount(ProcedureID, expected: Int, given: Int)
    /// A procedure calls itself, directly or not; loads and stores call the translation.
    case recursion(ProcedureID)
    /// A result is used, but some path of the procedure gives none.
    case missingGive(ProcedureID)
    /// `give` outside a procedure.
    case giveOutsideProcedure
    /// Effects behind one that always ends the list.
    case unreachable
    /// A trap with a constant cause that has no name.
    case unnamedCause(UInt64)
    /// The register has another role than the system needs.
    case wrongRole(RegisterID, RegisterRole)
    /// A register's width is not 1 to 64 bits.
    case registerWidth(RegisterID)
  }

  /// Definition, procedure or part of the system.
  package var place: String
  /// What is wrong there.
  package var fault: Fault

  package init(_ place: String, _ fault: Fault) {
    self.place = place
    self.fault = fault
  }

  package var description: String { "\(place): \(fault)" }
}

/// Checks the tables of an instruction set without running anything.
package struct SemanticsValidation {
  private let instructionSet: any InstructionSet
  private let system: SystemSemantics
  private let registers: [RegisterDescriptor]
  private let tables: Int
  private let causes: [String]
  private var place = ""
  private var isInstruction = false
  private var isProcedure = false
  private var problems: [SemanticsProblem] = []

  /// Everything that is wrong, in the order of the tables; empty for a sound instruction set.
  package static func problems(of instructionSet: any InstructionSet) -> [SemanticsProblem] {
    var validation = SemanticsValidation(instructionSet)
    validation.run()
    return validation.problems
  }

  private init(_ instructionSet: any InstructionSet) {
    self.instructionSet = instructionSet
    system = instructionSet.system
    registers = instructionSet.registers
    tables = instructionSet.auxiliaries.count
    causes = instructionSet.causes
  }

  private mutating func report(_ fault: SemanticsProblem.Fault) {
    let problem = SemanticsProblem(place, fault)
    if !problems.contains(problem) { problems.append(problem) }
  }

  private mutating func run() {
    place = "registers"
    for (number, register) in registers.enumerated() where !(1...64).contains(register.width) {
      report(.registerWidth(RegisterID(number)))
    }
    checkSystem()
    (isInstruction, isProcedure) = (false, true)
    for (number, procedure) in system.procedures.enumerated() {
      place = "procedure \(procedure.name)"
      if reaches(number, from: procedure.body, seen: []) { report(.recursion(number)) }
      check(procedure.body, parameters: procedure.parameters)
    }
    (isInstruction, isProcedure) = (true, false)
    for definition in instructionSet.definitions {
      place = definition.mnemonic
      check(definition.effects, parameters: [])
      if let counts = pcWrites(definition.effects).all, counts.upperBound > 1 { report(.programCounterTwice) }
    }
  }

  // MARK: System

  private mutating func checkSystem() {
    place = "system"
    for (register, role) in [
      (system.programCounter, RegisterRole.programCounter), (system.waiting, .waiting),
    ] {
      if Int(register) >= registers.count {
        report(.registerNumber(register))
      } else if registers[Int(register)].role != role {
        report(.wrongRole(register, role))
      }
    }
    checkCall(system.translate, arguments: 4, usesResult: true)
    checkCall(system.deliver, arguments: 3, usesResult: false)
    if system.procedures.indices.contains(system.translate) {
      var writesPC = false
      SemanticsWalk.visit(
        system.procedures[system.translate].body,
        effect: { [system] in
          if case .write(system.programCounter, _) = $0 { writesPC = true }
        }, expression: { _ in })
      if writesPC { report(.programCounterInTranslation) }
    }
    if system.procedures.indices.contains(system.deliver),
      let counts = pcWrites(system.procedures[system.deliver].body).all, counts.lowerBound == 0
    {
      report(.deliveryWithoutTarget)
    }
    if let escalate = system.escalate { checkCall(escalate, arguments: 2, usesResult: true) }
    if let shutdown = system.shutdown { checkCall(shutdown, arguments: 0, usesResult: false) }
    if let before = system.before { checkCall(before, arguments: 0, usesResult: false) }
    if let after = system.after {
      checkCall(after, arguments: 1 + system.watched.count, usesResult: true)
      checkCause(system.afterCause)
    }
    for entry in system.watched { check(entry.register) }
    checkCause(system.illegalCause)
    for (name, expression) in [
      ("interruptible", system.interruptible), ("mode", system.mode),
      ("decode context", system.decodeContext),
    ] {
      place = "system \(name)"
      check([.when(expression, then: [], otherwise: [])], parameters: [])
    }
  }

  private mutating func checkCause(_ cause: UInt64) {
    if cause >= UInt64(causes.count) || causes[Int(cause)].isEmpty { report(.unnamedCause(cause)) }
  }

  private mutating func checkCall(_ number: ProcedureID, arguments: Int, usesResult: Bool) {
    guard system.procedures.indices.contains(number) else { return report(.procedureNumber(number)) }
    let procedure = system.procedures[number]
    if procedure.parameters.count != arguments {
      report(.argumentCount(number, expected: procedure.parameters.count, given: arguments))
    }
    if usesResult, !SemanticsWalk.alwaysEnds(procedure.body) { report(.missingGive(number)) }
  }

  /// Whether a list calls procedure `number`.
  private func reaches(_ number: ProcedureID, from body: [Effect], seen: Set<ProcedureID>) -> Bool {
    var callees: Set<ProcedureID> = []
    SemanticsWalk.visit(
      body,
      effect: { [system] effect in
        switch effect {
        case .call(let callee, _, _): callees.insert(callee)
        case .store(.virtual, _, _, _), .store(.operand, _, _, _), .checkStore:
          callees.insert(system.translate)
        default: break
        }
      },
      expression: { [system] expression in
        switch expression {
        case .load(.virtual, _, _), .load(.operand, _, _): callees.insert(system.translate)
        default: break
        }
      })
    if callees.contains(number) { return true }
    return callees.subtracting(seen).contains { callee in
      system.procedures.indices.contains(callee)
        && reaches(number, from: system.procedures[callee].body, seen: seen.union(callees))
    }
  }

  /// How often paths through a list write the program counter; paths that trap do not count.
  private func pcWrites(_ body: [Effect]) -> PathCounts {
    var counts = PathCounts(open: 0...0)
    for effect in body {
      switch effect {
      case .write(system.programCounter, _):
        counts.open = PathCounts.sum(counts.open, 1...1)
      case .when(_, let then, let otherwise):
        let (first, second) = (pcWrites(then), pcWrites(otherwise))
        for branch in [first, second] {
          counts.ended = PathCounts.union(counts.ended, PathCounts.sum(counts.open, branch.ended))
        }
        counts.open = PathCounts.sum(counts.open, PathCounts.union(first.open, second.open))
      case .call(let number, _, _)
      where system.procedures.indices.contains(number)
        && !reaches(number, from: system.procedures[number].body, seen: []):
        counts.open = PathCounts.sum(counts.open, pcWrites(system.procedures[number].body).all)
      case .give:
        counts.ended = counts.all
        counts.open = nil
      case .trap, .unsupported:
        counts.open = nil
      default: break
      }
    }
    return counts
  }

  // MARK: Lists

  private mutating func check(_ body: [Effect], parameters: [Local]) {
    for local in SemanticsWalk.locals(in: body).union(parameters).sorted() where local >= 32 {
      report(.localNumber(local))
    }
    for local in SemanticsWalk.unassignedReads(body, parameters: parameters).sorted() {
      report(.unassignedLocal(local))
    }
    checkEnds(body)
    var effects: [Effect] = []
    var expressions: [Expression] = []
    SemanticsWalk.visit(body, effect: { effects.append($0) }, expression: { expressions.append($0) })
    for effect in effects { check(effect) }
    for expression in expressions { check(expression) }
  }

  private mutating func checkEnds(_ body: [Effect]) {
    for (index, effect) in body.enumerated() {
      if case .when(_, let then, let otherwise) = effect {
        checkEnds(then)
        checkEnds(otherwise)
      }
      if SemanticsWalk.alwaysEnds([effect]), index + 1 < body.count { report(.unreachable) }
    }
  }

  private mutating func check(_ effect: Effect) {
    switch effect {
    case .write(let register, _):
      check(register)
      if Int(register) < registers.count, registers[Int(register)].isZero {
        report(.zeroRegisterWrite(register))
      }
    case .undefine(let register, _): check(register)
    case .setOperand(let index, _): checkOperand(index)
    case .store(let space, _, _, _), .checkStore(let space, _, _): check(space)
    case .setAuxiliary(let table, _, _), .clearAuxiliary(let table): checkTable(table)
    case .trap(.constant(let cause), _): checkCause(cause)
    case .call(let number, let arguments, let result):
      checkCall(number, arguments: arguments.count, usesResult: result != nil)
    case .give: if !isProcedure { report(.giveOutsideProcedure) }
    case .assign, .output, .when, .trap, .keep, .unsupported: break
    }
  }

  private mutating func check(_ expression: Expression) {
    switch expression {
    case .register(let register): check(register)
    case .operand(let index), .address(let index), .segment(let index): checkOperand(index)
    case .load(let space, _, _): check(space)
    case .auxiliary(let table, _): checkTable(table)
    default: break
    }
  }

  private mutating func check(_ register: RegisterID) {
    if Int(register) >= registers.count { report(.registerNumber(register)) }
  }

  private mutating func check(_ space: StorageSpace) {
    if case .operand(let index) = space { checkOperand(index) }
  }

  private mutating func checkTable(_ table: Int) {
    if table < 0 || table >= tables { report(.auxiliaryNumber(table)) }
  }

  private mutating func checkOperand(_ index: Int) {
    if !(0..<4).contains(index) { report(.operandNumber(index)) }
    if !isInstruction { report(.operandOutsideInstruction(index)) }
  }
}

/// How often something happens on the paths through a list; `nil` where there are no such paths.
private struct PathCounts {
  /// Paths that go on behind the list.
  var open: ClosedRange<Int>?
  /// Paths that gave a result inside.
  var ended: ClosedRange<Int>?

  /// All paths together.
  var all: ClosedRange<Int>? { Self.union(open, ended) }

  static func union(_ first: ClosedRange<Int>?, _ second: ClosedRange<Int>?) -> ClosedRange<Int>? {
    guard let first else { return second }
    guard let second else { return first }
    return min(first.lowerBound, second.lowerBound)...max(first.upperBound, second.upperBound)
  }

  static func sum(_ first: ClosedRange<Int>?, _ second: ClosedRange<Int>?) -> ClosedRange<Int>? {
    guard let first, let second else { return nil }
    // Nested calls can multiply paths, not counts; the cap keeps a hostile table from overflowing.
    return min(
      first.lowerBound + second.lowerBound, 1 << 20)...min(first.upperBound + second.upperBound, 1 << 20)
  }
}
