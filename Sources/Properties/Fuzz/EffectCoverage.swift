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
  /// How many of the misses have no reason.
  public var unexplained = 0

  init() {}

  /// Why something that a state could reach is not reached, by words of the place's text.
  typealias Reason = (text: String, why: String)

  /// Compares what was reached with what is in the table.
  ///
  /// - Parameters:
  ///   - possible: definitions that the decoder can give.
  ///   - reached: as ``SemanticsCoverage/reached``.
  ///   - registers: what is known of the registers in all states.
  init(
    _ set: any InstructionSet, points: SemanticsPoints, possible: Set<Int>, reached: [Bool],
    registers: [KnownBits], reasons: [Reason]
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
    func count(_ name: String, _ effects: [Effect], first: Int) {
      var place = first
      let analysis = ReachAnalysis(effects, registers: registers, text: text).reasons
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
          note("\(line): \(reason.why)")
        } else {
          unexplained += 1
          note("\(line): no case reached it")
        }
      }
    }
    var procedures: Set<ProcedureID> = [system.translate, system.deliver]
    definitions = possible.count
    for number in possible.sorted() where all.indices.contains(number) {
      let definition = all[number]
      let first = points.first(.definition(number))
      procedures.formUnion(SemanticsPoints.callees(of: definition.effects, translate: system.translate))
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
      count(definition.mnemonic, definition.effects, first: first + 1)
    }
    var open = procedures
    while let next = open.popFirst() {
      guard system.procedures.indices.contains(next) else { continue }
      for callee in SemanticsPoints.callees(of: system.procedures[next].body, translate: system.translate)
      where procedures.insert(callee).inserted {
        open.insert(callee)
      }
    }
    for number in procedures.sorted() where system.procedures.indices.contains(number) {
      let procedure = system.procedures[number]
      count("(\(procedure.name))", procedure.body, first: points.first(.procedure(number)))
    }
    misses = order.map { line in
      let times = missing[line] ?? 1
      return times > 1 ? "\(line) (\(times) places)" : line
    }
  }
}
