import Foundation

let completionsCommand = CommandSpecification(
  name: "completions", summary: "Print completions for bash, zsh or fish, or the manual page.",
  arguments: [ArgumentSpecification(name: "SHELL", help: "bash, zsh, fish or man", count: 1...1)],
  options: [],
  examples: ["triad completions bash", "triad completions man"],
  run: { arguments, terminal in
    switch arguments.positional[0] {
    case "bash": terminal.output(Completions.bash)
    case "zsh": terminal.output(Completions.zsh)
    case "fish": terminal.output(Completions.fish)
    case "man": terminal.output(Completions.manual)
    case let other:
      throw CommandFailure.usage(
        "completions takes bash, zsh, fish or man, not `\(other)`"
          + suggestion(other, ["bash", "zsh", "fish", "man"]))
    }
    return .success
  })

/// What shells and `man` want to know of the command line, from the table of commands.
enum Completions {
  /// Source this file, or put it into bash-completion's folder as `triad`.
  static var bash: String {
    let commands = Triad.commands
    let cases = commands.map { command in
      let flags = command.options.flatMap { [$0.short, $0.name].compactMap { $0 } } + ["--help"]
      return "    \(command.name)) words=\"\(flags.joined(separator: " "))\" ;;"
    }
    return """
      _triad() {
        local word=${COMP_WORDS[COMP_CWORD]} words
        if [ "$COMP_CWORD" -eq 1 ]; then
          COMPREPLY=($(compgen -W "\(commands.map(\.name).joined(separator: " "))" -- "$word"))
          return
        fi
        case ${COMP_WORDS[1]} in
      \(cases.joined(separator: "\n"))
        help) words="\(commands.map(\.name).joined(separator: " "))" ;;
        esac
        case $word in
        -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
        *) COMPREPLY=($(compgen -f -- "$word")) ;;
        esac
      }
      complete -o filenames -F _triad triad

      """
  }

  /// Goes into a folder of `fpath` as `_triad`.
  static var zsh: String {
    func escaped(_ text: String) -> String {
      text.replacing("'", with: "'\\''").replacing("[", with: "\\[").replacing("]", with: "\\]")
        .replacing(":", with: "\\:")
    }
    let list = Triad.commands.map { "    '\($0.name):\(escaped($0.summary))'" }
    let cases = Triad.commands.map { command in
      let lines = command.options.map { option -> String in
        let names =
          option.short.map { "'(\($0) \(option.name))'{\($0),\(option.name)}'" } ?? "'\(option.name)"
        let value = option.value.map { ":\($0):_files" } ?? ""
        return
          "      \(option.repeats ? names.replacing("'\(option.name)", with: "'*\(option.name)") : names)"
          + "[\(escaped(option.help))]\(value)'"
      }
      return "    \(command.name)) _arguments \\\n"
        + (lines + ["      '--help[this page]'", "      '*:file:_files'"]).joined(separator: " \\\n") + " ;;"
    }
    return """
      #compdef triad
      _triad() {
        local -a commands
        commands=(
      \(list.joined(separator: "\n"))
        )
        if (( CURRENT == 2 )); then
          _describe command commands
          return
        fi
        local command=$words[2]
        shift words
        (( CURRENT-- ))
        case $command in
      \(cases.joined(separator: "\n"))
        esac
      }
      _triad "$@"

      """
  }

  /// Goes into fish's folder of completions as `triad.fish`.
  static var fish: String {
    func escaped(_ text: String) -> String {
      text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    }
    var lines = ["complete -c triad -n __fish_use_subcommand -f"]
    for command in Triad.commands {
      lines.append(
        "complete -c triad -n __fish_use_subcommand -a \(command.name) -d '\(escaped(command.summary))'")
      for option in command.options {
        var line = "complete -c triad -n '__fish_seen_subcommand_from \(command.name)'"
        line += " -l \(option.name.dropFirst(2))"
        if let short = option.short { line += " -s \(short.dropFirst())" }
        if option.value != nil { line += " -r" }
        lines.append(line + " -d '\(escaped(option.help))'")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The manual page, for `man -l`.
  static var manual: String {
    func escaped(_ text: String) -> String {
      let text = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("…", with: "...")
        .replacing("\"", with: "\\(dq")
      return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
    }
    var lines = [
      ".TH TRIAD 1 \"\" \"triad \(Triad.version)\" \"User Commands\"",
      ".SH NAME", "triad \\- one workload on a simulator, an emulator and a virtualizer",
      ".SH SYNOPSIS", ".B triad", ".I COMMAND", "[arguments] [options]", ".SH COMMANDS",
    ]
    for command in Triad.commands {
      lines += [".SS \(command.usage.replacing("…", with: "...").replacing("-", with: "\\-"))"]
      lines += [escaped(command.summary)]
      for argument in command.arguments { lines += [".TP", ".I \(argument.name)", escaped(argument.help)] }
      for option in command.options {
        let names = [option.short, option.name].compactMap { $0 }.map(escaped).joined(separator: ", ")
        let value = option.value.map { " \" \"\(escaped($0))\"" } ?? "\""
        lines += [".TP", ".BI \"\(names)" + value, escaped(option.help)]
      }
      if !command.examples.isEmpty {
        lines += [".PP", "Examples:", ".PP", ".nf"] + command.examples.map(escaped) + [".fi"]
      }
    }
    lines += [
      ".SH EXIT STATUS", "0 ok, 1 a check failed or traces differ, 2 usage, 3 bad input, 4 guest fault,",
      "5 limit reached, 77 the host lacks a feature.",
      ".SH ENVIRONMENT", ".TP", ".B NO_COLOR", "If it is not empty, nothing is coloured.",
    ]
    return lines.joined(separator: "\n") + "\n"
  }
}
