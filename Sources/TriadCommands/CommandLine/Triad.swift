import Foundation
import Grading

/// The command line of Triad: every subcommand, in one table.
public enum Triad {
  static let version = "0.1"

  /// All subcommands, in the order that help shows them.
  static let commands: [CommandSpecification] = [
    compareCommand, checkCommand, runCommand, stepCommand, dapCommand, traceCommand, diffCommand,
    exportCommand, importCommand,
    snapshotCommand, assembleCommand,
    disassembleCommand,
    programsCommand,
    fuzzCommand, doctorCommand, benchCommand, nanoCommand, vectorsCommand, explainCommand, classifyCommand,
    witnessCommand, mutantsCommand, labsCommand, gradeCommand, completionsCommand, helpCommand,
  ]

  /// Runs one command line, without the program's name.
  public static func run(_ words: [String], on terminal: Terminal) -> Int32 {
    if words.first == ConfinedLaunch.verb {
      terminal.note("error: " + ConfinedLaunch.run(Array(words.dropFirst())))
      return ExitStatus.hostLacks.rawValue
    }
    do {
      let status = try dispatch(words, terminal)
      if let failure = terminal.failure() {
        terminal.note("error: cannot write to standard output: \(failure)")
        return ExitStatus.badInput.rawValue
      }
      return status.rawValue
    } catch let failure as CommandFailure {
      terminal.progress("")
      terminal.note(failure.message.hasPrefix("usage:") ? failure.message : "error: " + failure.message)
      return failure.status.rawValue
    } catch {
      terminal.progress("")
      terminal.note("error: \(error)")
      return ExitStatus.badInput.rawValue
    }
  }

  private static func dispatch(_ words: [String], _ terminal: Terminal) throws -> ExitStatus {
    guard let first = words.first else {
      terminal.note(overview)
      return .usage
    }
    if ["-h", "--help"].contains(first) {
      terminal.line(overview)
      return .success
    }
    if first == "--version" {
      terminal.line("triad \(version)")
      return .success
    }
    guard let command = commands.first(where: { $0.name == first }) else {
      throw CommandFailure.usage(
        "triad has no command `\(first)`" + suggestion(first, commands.map(\.name))
          + "\n  help: `triad help` lists the commands")
    }
    let rest = Array(words.dropFirst())
    let options = rest.prefix { $0 != "--" }
    if options.contains("-h") || options.contains("--help") {
      terminal.line(command.help)
      return .success
    }
    return try command.run(try command.parse(rest), terminal)
  }

  /// The page that `triad help` shows.
  static var overview: String {
    let width = commands.map(\.name.count).max() ?? 0
    return
      ([
        "One workload, three kinds of machine: simulator, emulator, virtualizer.", "",
        "Usage: triad COMMAND …", "", "Commands:",
      ]
      + commands.map { "  " + $0.name.padding(to: width) + "  " + $0.summary }
      + ["", "Start with `triad compare`; `triad help COMMAND` tells more of each."])
      .joined(separator: "\n")
  }
}

let helpCommand = CommandSpecification(
  name: "help", summary: "Show the commands, or one command's page.",
  arguments: [ArgumentSpecification(name: "COMMAND", help: "which command", count: 0...1)], options: [],
  examples: ["triad help run"],
  run: { arguments, terminal in
    guard let name = arguments.positional.first else {
      terminal.line(Triad.overview)
      return .success
    }
    guard let command = Triad.commands.first(where: { $0.name == name }) else {
      throw CommandFailure.usage(
        "triad has no command `\(name)`" + suggestion(name, Triad.commands.map(\.name)))
    }
    terminal.line(command.help)
    return .success
  })
