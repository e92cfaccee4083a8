import MachineCore
import Mutants
import Properties

let mutantsCommand = CommandSpecification(
  name: "mutants", summary: "Machines that are wrong on purpose, to try checks and tests on.",
  arguments: [
    ArgumentSpecification(name: "list|run", help: "show them, or let the checks catch them", count: 1...1),
    ArgumentSpecification(name: "NAME", help: "only these", count: 0...1000),
  ],
  options: [
    OptionSpecification("--breaks", "PROPERTY", "only those that break equivalence, control or efficiency"),
    OptionSpecification("--markdown", "the kill matrix as a Markdown table"),
    OptionSpecification("--tests", "DIR", "run: let the tests in a folder (*.asm) catch the toy ones"),
    jsonOption,
  ],
  examples: [
    "triad mutants list", "triad mutants run vmm-bound", "triad mutants run --breaks control",
    "triad mutants run --tests Labs/Lab10/Sources",
  ],
  run: { arguments, terminal in
    var chosen = Mutant.all
    let names = arguments.positional.dropFirst()
    if !names.isEmpty {
      chosen = try names.map { name in
        guard let found = Mutant.all.first(where: { $0.name == name }) else {
          throw CommandFailure.usage(
            "there is no mutant `\(name)`" + suggestion(name, Mutant.all.map(\.name)))
        }
        return found
      }
    }
    if let property = try arguments.choice("--breaks", of: Mutant.Property.self, named: \.rawValue) {
      chosen = chosen.filter { $0.breaks == property }
    }
    switch arguments.positional[0] {
    case "list": return try list(chosen, arguments, terminal)
    case "run":
      if let folder = arguments.value("--tests") { return try runTests(folder, chosen, arguments, terminal) }
      return try run(chosen, arguments, terminal)
    case let word: throw CommandFailure.usage("triad mutants takes list or run, not `\(word)`")
    }
  })

private func list(
  _ mutants: [Mutant], _ arguments: ParsedArguments, _ terminal: Terminal
) throws -> ExitStatus {
  if arguments.has("--json") {
    terminal.line(try jsonText(mutants.map { MutantOutput($0) }))
    return .success
  }
  var table = TextTable([("name", .left), ("machine", .left), ("breaks", .left), ("what is wrong", .left)])
  for mutant in mutants {
    table.add([mutant.name, mutant.twin.rawValue, mutant.breaks.rawValue, mutant.fault])
  }
  for line in table.lines() { terminal.line(line) }
  return .success
}

private func run(
  _ mutants: [Mutant], _ arguments: ParsedArguments, _ terminal: Terminal
) throws -> ExitStatus {
  var kills: [Kill] = []
  for mutant in mutants {
    terminal.progress(mutant.name)
    kills.append(try Kill(mutant))
  }
  terminal.progress("")
  if arguments.has("--json") {
    terminal.line(try jsonText(kills.map { KillOutput($0) }))
  } else if arguments.has("--markdown") {
    terminal.line(KillMatrix.markdown(kills))
  } else {
    var table = TextTable([
      ("name", .left), ("breaks", .left), ("caught by", .left), ("right", .left), ("twin", .left),
    ])
    for kill in kills {
      table.add([
        kill.mutant.name, kill.mutant.breaks.rawValue, kill.check.firstFailure ?? "nothing",
        kill.isRight ? "yes" : "NO", kill.isFalseAlarm ? "ALARM" : "clean",
      ])
    }
    for line in table.lines() { terminal.line(line) }
    terminal.line()
    terminal.line(
      "\(kills.filter(\.isRight).count) of \(kills.count) caught by the right check first; \(kills.filter(\.isFalseAlarm).count) false alarms"
    )
  }
  return kills.allSatisfy { $0.isRight && !$0.isFalseAlarm } ? .success : .failure
}

private struct MutantOutput: Encodable {
  var name: String
  var machine: String
  var breaks: String
  var fault: String

  init(_ mutant: Mutant) {
    name = mutant.name
    machine = mutant.twin.rawValue
    breaks = mutant.breaks.rawValue
    fault = mutant.fault
  }
}

private struct KillOutput: Encodable {
  var mutant: MutantOutput
  var caughtBy: String?
  var alsoFails: [String]
  var isRight: Bool
  var isFalseAlarm: Bool

  init(_ kill: Kill) {
    mutant = MutantOutput(kill.mutant)
    let first = kill.check.firstFailure
    caughtBy = first
    alsoFails = kill.check.verdicts.filter { $0.verdict.isFailure }.map(\.name).filter { $0 != first }
    isRight = kill.isRight
    isFalseAlarm = kill.isFalseAlarm
  }
}
