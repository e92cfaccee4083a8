import Foundation
import Grading
import Mutants

/// Lets tests that somebody wrote catch wrong toy machines.
func runTests(
  _ folder: String, _ mutants: [Mutant], _ arguments: ParsedArguments, _ terminal: Terminal
) throws -> ExitStatus {
  let files = try SubmissionFiles(in: URL(fileURLWithPath: folder), allowed: ["*.asm"])
  terminal.progress("correct machines")
  let judge = try TestSuiteJudge(files.texts)
  let toys = try mutants.filter { try TestSuiteJudge.machine(of: $0) != nil }
  var kills: [TestKillOutput] = []
  for mutant in toys {
    terminal.progress(mutant.name)
    kills.append(
      TestKillOutput(
        mutant: mutant.name, machine: try TestSuiteJudge.machine(of: mutant)?.rawValue ?? "",
        fault: mutant.fault, killedBy: try judge.killers(of: mutant, all: true)))
  }
  terminal.progress("")
  let killed = kills.count { !$0.killedBy.isEmpty }
  let status: ExitStatus = killed == kills.count && judge.alarms.isEmpty ? .success : .failure
  if arguments.has("--json") {
    terminal.line(try jsonText(kills))
    return status
  }
  for note in files.notes + judge.notes { terminal.note("note: " + note) }
  var table = TextTable([
    ("name", .left), ("machine", .left), ("what is wrong", .left), ("caught by", .left),
  ])
  for kill in kills {
    table.add([
      kill.mutant, kill.machine, kill.fault,
      kill.killedBy.isEmpty ? "nothing" : kill.killedBy.joined(separator: " "),
    ])
  }
  for line in table.lines() { terminal.line(line) }
  terminal.line()
  for alarm in judge.alarms {
    let place = alarm.machine.map { " on the correct \($0.rawValue)" } ?? ""
    terminal.line("FALSE ALARM: \(alarm.test)\(place): \(alarm.text)")
    if let machine = alarm.machine {
      terminal.line("  see it again: triad run \(folder)/\(alarm.test).asm --memory 64K \(machine.options)")
    }
  }
  terminal.line(
    "\(killed) of \(kills.count) caught by \(judge.tests.count) tests; \(judge.alarms.count) false alarms")
  return status
}

private struct TestKillOutput: Encodable {
  var mutant: String
  var machine: String
  var fault: String
  var killedBy: [String]
}
