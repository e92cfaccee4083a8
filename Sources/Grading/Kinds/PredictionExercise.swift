internal import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace
internal import X86Backend

/// Questions with a number for an answer, in a file of lines `name,number`; the grader finds the answers by running
/// the program itself. The subject says which questions: `leaky` or `multiplication`.
enum PredictionExercise: ExerciseKind {
  static let name = "prediction"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let file = attempt.exercise.text("file") ?? "answers.csv"
    let answers: [(name: String, value: UInt64)]
    switch attempt.exercise.subject {
    case "leaky": answers = try Predictions.leaky()
    case "multiplication": answers = try Predictions.multiplication()
    default: throw attempt.mistake("no questions for `\(attempt.exercise.subject ?? "")`")
    }
    let given = Predictions.parse(attempt.texts[file] ?? "")
    let wrong = answers.filter { given[$0.name] != $0.value }.map(\.name)
    guard !wrong.isEmpty else { return Assessment(good: answers.count, of: answers.count) }
    let missing = wrong.filter { given[$0] == nil }
    let text =
      "`\(file)`: \(answers.count - wrong.count) of \(answers.count) answers are right; not right:"
      + " \(wrong.map { "`\($0)`" }.joined(separator: ", "))."
      + (missing.isEmpty
        ? "" : " There is no line `NAME,NUMBER` for \(missing.map { "`\($0)`" }.joined(separator: ", ")).")
      + "\nSee it again: `\(attempt.reproduction)`"
    return Assessment(good: answers.count - wrong.count, of: answers.count, message: text)
  }
}

/// What the right answers are, and what a student answered.
package enum Predictions {
  /// The lines `name,number` of a text; a name that comes twice has no answer.
  package static func parse(_ text: String) -> [String: UInt64] {
    var result: [String: UInt64] = [:]
    var twice: Set<String> = []
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ",", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard parts.count == 2, !parts[0].isEmpty, !parts[0].hasPrefix("#") else { continue }
      if result[parts[0]] != nil { twice.insert(parts[0]) }
      result[parts[0]] = parseNumber(parts[1].lowercased())
    }
    for name in twice { result[name] = nil }
    return result
  }

  /// Where the region of the question about the value begins.
  static let regionStart: UInt64 = 0x7000

  /// The first instruction of `leaky-probe` in user mode that reads the relocation register: a hybrid VMM runs users
  /// directly, so that it reads the real one.
  package static func leaky() throws -> [(name: String, value: UInt64)] {
    guard let program = ToyPrograms.named("leaky-probe") else { return [] }
    let workload = Workload(
      name: program.name, machine: .toy(try program.assemble(), program.machine, .leaky))
    let rows = toyTable.filter { ["getbase", "getbound"].contains($0.mnemonic) }.map { UInt64($0.opcode) }
    var found: TraceRecord?
    var virtual: UInt64?
    let recorder = TraceRecorder(level: .instructions) { batch in
      for record in batch {
        if found == nil, record.kind == EventKind.retire.rawValue, record.mode == 1,
          rows.contains(record.bytes.low >> 24 & 0xFF)
        {
          found = record
        } else if found != nil, virtual == nil {
          // The instruction's one effect, or none if the register had the value already.
          virtual = record.kind == EventKind.registerWrite.rawValue ? record.value : 0
        }
      }
    }
    _ = try workload.makeEngine(.simulator).run(
      RunLimits(instructions: program.instructionLimit), into: recorder)
    recorder.flush()
    guard let found, let virtual else { return [] }
    // A retire record counts itself.
    return [
      ("before", found.clock - 1), ("opcode", found.bytes.low >> 24 & 0xFF), ("value", virtual + regionStart),
      ("variants", UInt64(ToyVariant.allCases.count { $0 != .leaky })),
    ]
  }

  /// How often control comes to the VMMs under `strings`, alone and three deep.
  package static func multiplication() throws -> [(name: String, value: UInt64)] {
    guard let program = ToyPrograms.named("strings") else { return [] }
    let workload = Workload(
      name: program.name, machine: .toy(try program.assemble(), program.machine, .classic))
    let engine = try workload.makeEngine(.virtualizer)
    _ = try engine.run(RunLimits(instructions: program.instructionLimit), into: nil)
    let traps = engine.statistics.emulated + engine.statistics.reflected
    return [("single", traps), ("lowest", traps), ("together", 3 * traps)]
  }
}
