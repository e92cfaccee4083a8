internal import Mutants

/// Tests that the student wrote, on wrong machines that `lab.json` names; those under `hidden` are only counted.
enum MutantExercise: ExerciseKind {
  static let name = "mutants"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let hidden = attempt.exercise.list("hidden")
    let names = attempt.exercise.list("mutants") + hidden
    let mutants = try names.map { name in
      guard let mutant = Mutant.all.first(where: { $0.name == name }),
        try TestSuiteJudge.machine(of: mutant) != nil
      else { throw attempt.mistake("no toy mutant `\(name)`") }
      return mutant
    }
    return try attempt.judgeTests(on: mutants, hidden: Set(hidden))
  }
}

/// The same on wrong machines that the seed chooses and that have no name.
enum UnnamedMutantExercise: ExerciseKind {
  static let name = "unnamed-mutants"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let salt = attempt.exercise.number("salt").flatMap { UInt64(exactly: $0) } ?? 0
    let mutants = Mutant.unnamed(
      seed: attempt.seed &+ salt &* 0x9E37_79B9_7F4A_7C15, count: attempt.exercise.count ?? 10)
    return try attempt.judgeTests(on: mutants, hidden: Set(mutants.map(\.name)))
  }
}

extension Attempt {
  /// Wrong machines killed, minus false alarms on correct machines of the same kinds.
  fileprivate func judgeTests(on mutants: [Mutant], hidden: Set<String>) throws -> Assessment {
    guard !mutants.isEmpty else { throw mistake("no wrong machines") }
    let judge = try TestSuiteJudge(texts)
    var survivors: [Mutant] = []
    for mutant in mutants where try judge.killers(of: mutant, all: false).isEmpty {
      survivors.append(mutant)
    }
    let machines = Set(try mutants.compactMap { try TestSuiteJudge.machine(of: $0) })
    let alarms = judge.alarms.filter { $0.machine.map(machines.contains) ?? true }
    let killed = mutants.count - survivors.count
    guard !survivors.isEmpty || !alarms.isEmpty else { return Assessment(good: killed, of: mutants.count) }
    var lines = [
      "\(killed) of \(mutants.count) wrong machines fail a test; \(alarms.count) false alarm\(alarms.count == 1 ? "" : "s")."
    ]
    let shown = survivors.filter { !hidden.contains($0.name) }
    if !shown.isEmpty {
      lines.append("\nNo test fails on:\n")
      for mutant in shown {
        let machine = try TestSuiteJudge.machine(of: mutant)?.rawValue ?? ""
        lines.append("- `\(mutant.name)` (\(machine)): \(mutant.fault)")
      }
      lines.append("\nSee what your tests do: `triad mutants run --tests DIR \(shown[0].name)`")
    }
    if survivors.count > shown.count {
      lines.append(
        "\nNo test fails on \(survivors.count - shown.count) wrong machines that have no name here.")
    }
    if !alarms.isEmpty {
      lines.append("\nThese fail on correct machines, so they cost a kill each and kill nothing:\n")
      for alarm in alarms.prefix(8) {
        let text = alarm.text.split(separator: "\n").prefix(12).joined(separator: "\n  ")
        lines.append("- `\(alarm.test)`\(alarm.machine.map { " on the \($0.rawValue)" } ?? ""): \(text)")
      }
      if alarms.count > 8 { lines.append("- and \(alarms.count - 8) more") }
      if let alarm = alarms.first(where: { $0.machine != nil }), let machine = alarm.machine {
        lines.append("\nSee one again: `triad run \(alarm.test).asm --memory 64K \(machine.options)`")
      }
    }
    lines += judge.notes
    return Assessment(
      good: max(killed - alarms.count, 0), of: mutants.count, message: lines.joined(separator: "\n"))
  }
}
