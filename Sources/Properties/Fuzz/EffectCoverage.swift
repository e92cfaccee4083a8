internal import MachineCore

/// Which of the effects of an instruction set's table a fuzzing run has reached.
public struct EffectCoverage: Sendable {
  /// Definitions (instructions in one form) that the decoder can give, and those that were executed.
  public var definitions = 0
  public var definitionsReached = 0
  /// Branches: two for each conditional effect.
  public var branches = 0
  public var branchesReached = 0
  /// Faults: effects that trap.
  public var traps = 0
  public var trapsReached = 0
  /// Branches and faults that no state of the run can reach, because a condition is the same in all.
  public var excluded = 0
  /// What was not reached, each with the reason, equal ones together.
  public var misses: [String] = []
  /// Branches and faults that could not be reached for a reason that is told in words.
  public var reasoned = 0
  /// How many of the misses have no reason.
  public var unexplained = 0

  init() {}

  /// Why something that a state could reach is not reached, by words of the place's text.
  typealias Reason = (text: String, why: String)

  /// What is known of one definition beside what holds for all: operands that are constants, and register bits that
  /// its form asks for.
  struct Facts {
    var operands: [Int: KnownBits] = [:]
    var registers: [RegisterID: KnownBits] = [:]
  }

  /// Compares what was reached with what is in the table.
  ///
  /// - Parameters:
  ///   - possible: definitions that the decoder can give.
  ///   - reached: as ``SemanticsCoverage/reached``.
  ///   - registers: what is known of the registers in all states.
  ///   - facts: what is known of a definition by its number.
  ///   - implications: what bits of registers say of others.
  init(
    _ set: any InstructionSet, points: SemanticsPoints, possible: Set<Int>, reached: [Bool],
    registers: [KnownBits], facts: (Int) -> Facts = { _ in Facts() },
    implications: [ReachAnalysis.Implication] = [], reasons: [Reason]
  ) {
    let system = set.system
    let all = set.definitions
    let text = SemanticsText(set)
    var missing: [String: Int] = [:]
    var order: [String] = []
    func note(_ line: String) {
      if missing[line, default: 0] == 0 { order.append(line) }
      missing[line, default: 0] += 1
    }
    func count(_ name: String, _ effects: [Effect], first: Int, _ analysis: [String?]) {
      var place = first
      SemanticsPoints.visit(effects) { kind, expression in
        let wasReached = place < reached.count && reached[place]
        let excludes = analysis[place - first]
        place += 1
        if excludes != nil, !wasReached { excluded += 1 }
        switch kind {
        case .trap:
          traps += 1
          if wasReached { trapsReached += 1 }
        case .holds, .fails, .entry:
          branches += 1
          if wasReached { branchesReached += 1 }
        }
        guard !wasReached else { return }
        let shown = text.text(expression)
        let what =
          switch kind {
          case .holds: "`\(shown)` never holds"
          case .fails: "`\(shown)` always holds"
          case .trap, .entry: "trap \(shown) not reached"
          }
        let line = "\(name): \(what)"
        if let excludes {
          note("\(name): \(what): \(excludes)")
        } else if let reason = reasons.first(where: { line.contains($0.text) }) {
          reasoned += 1
          note("\(line): \(reason.why)")
        } else {
          unexplained += 1
          note("\(line): no case reached it")
        }
      }
    }
    // What calls come with, first from the instructions, then from procedures that they reach.
    var arguments: [ProcedureID: [KnownBits]] = [:]
    var open: [ProcedureID] = []
    func call(_ calls: [ProcedureID: [KnownBits]]) {
      for (procedure, values) in calls {
        let joined = ReachAnalysis.joined(arguments[procedure], values)
        if arguments[procedure] != joined {
          arguments[procedure] = joined
          open.append(procedure)
        }
      }
    }
    let roots = [
      system.translate, system.deliver, system.before, system.after, system.escalate, system.shutdown,
    ]
    var procedures = Set(roots.compactMap { $0 })
    for root in procedures { call([root: []]) }
    definitions = possible.count
    for number in possible.sorted() where all.indices.contains(number) {
      let definition = all[number]
      let first = points.first(.definition(number))
      procedures.formUnion(SemanticsPoints.callees(of: definition.effects, translate: system.translate))
      let facts = facts(number)
      var known = registers
      for (register, bits) in facts.registers where known.indices.contains(Int(register)) {
        known[Int(register)] = known[Int(register)].with(bits)
      }
      let analysis = ReachAnalysis(
        definition.effects, registers: known, operands: facts.operands, implications: implications,
        translate: system.translate,
        text: text)
      call(analysis.calls)
      guard first < reached.count, reached[first] else {
        SemanticsPoints.visit(definition.effects) { kind, _ in
          if kind == .trap { traps += 1 } else { branches += 1 }
        }
        let line = "\(definition.mnemonic): a form of it was not executed"
        if let reason = reasons.first(where: { line.contains($0.text) }) {
          note("\(line): \(reason.why)")
        } else {
          unexplained += 1
          note(line)
        }
        continue
      }
      definitionsReached += 1
      count(definition.mnemonic, definition.effects, first: first + 1, analysis.reasons)
    }
    var analyses: [ProcedureID: ReachAnalysis] = [:]
    while let next = open.popLast() {
      guard system.procedures.indices.contains(next) else { continue }
      let procedure = system.procedures[next]
      var locals: [Local: KnownBits] = [:]
      for (local, value) in zip(procedure.parameters, arguments[next] ?? []) { locals[local] = value }
      let analysis = ReachAnalysis(
        procedure.body, registers: registers, locals: locals, implications: implications,
        translate: system.translate, text: text)
      analyses[next] = analysis
      call(analysis.calls)
    }
    var found = procedures
    while let next = found.popFirst() {
      guard system.procedures.indices.contains(next) else { continue }
      for callee in SemanticsPoints.callees(of: system.procedures[next].body, translate: system.translate)
      where procedures.insert(callee).inserted {
        found.insert(callee)
      }
    }
    for number in procedures.sorted() where system.procedures.indices.contains(number) {
      let procedure = system.procedures[number]
      let never = [String?](
        repeating: "no state here comes to a call of it", count: SemanticsPoints.count(procedure.body))
      count(
        "(\(procedure.name))", procedure.body, first: points.first(.procedure(number)),
        analyses[number]?.reasons ?? never)
    }
    misses = order.map { line in
      let times = missing[line] ?? 1
      return times > 1 ? "\(line) (\(times) places)" : line
    }
  }
}
