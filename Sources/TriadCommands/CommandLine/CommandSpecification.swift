import Foundation
import MachineCore
import ToyISA

/// An option of a command.
struct OptionSpecification: Sendable {
  /// With its dashes, e.g. `--level`.
  var name: String
  /// One-letter form with its dash.
  var short: String?
  /// What its value is called in help; `nil` for a flag.
  var value: String?
  /// One line.
  var help: String
  /// May be given more than once.
  var repeats: Bool

  /// A flag.
  init(_ name: String, short: String? = nil, _ help: String) {
    self.init(name, short: short, value: nil, help, repeats: false)
  }

  /// An option with a value.
  init(_ name: String, short: String? = nil, _ value: String, _ help: String, repeats: Bool = false) {
    self.init(name, short: short, value: value, help, repeats: repeats)
  }

  private init(_ name: String, short: String?, value: String?, _ help: String, repeats: Bool) {
    self.name = name
    self.short = short
    self.value = value
    self.help = help
    self.repeats = repeats
  }
}

/// How many words a command takes beside its options.
struct ArgumentSpecification: Sendable {
  var name: String
  var help: String
  var count: ClosedRange<Int>
}

/// One subcommand: all that parsing, help and execution need.
struct CommandSpecification: Sendable {
  var name: String
  var summary: String
  var arguments: [ArgumentSpecification]
  var options: [OptionSpecification]
  /// Command lines that work as they stand.
  var examples: [String]
  var run: @Sendable (ParsedArguments, Terminal) throws -> ExitStatus

  /// One line of usage.
  var usage: String {
    let words = arguments.map { argument -> String in
      let many = argument.count.upperBound > 1 ? "…" : ""
      return argument.count.lowerBound == 0 ? "[\(argument.name)\(many)]" : "\(argument.name)\(many)"
    }
    return (["triad", name] + words + (options.isEmpty ? [] : ["[options]"])).joined(separator: " ")
  }

  /// The help page.
  var help: String {
    var lines = [summary, "", "Usage: \(usage)"]
    if !examples.isEmpty { lines += ["", "Examples:"] + examples.map { "  " + $0 } }
    let rows =
      arguments.map { ($0.name, $0.help) }
      + options.map { option in
        (
          [option.short, option.name].compactMap { $0 }.joined(separator: ", ")
            + (option.value.map { " " + $0 } ?? ""), option.help
        )
      } + [("-h, --help", "this page")]
    let width = rows.map(\.0.count).max() ?? 0
    lines += ["", "Arguments and options:"]
    lines += rows.map { "  " + $0.0.padding(to: width) + "  " + $0.1 }
    return lines.joined(separator: "\n")
  }
}

/// A command line after parsing.
struct ParsedArguments: Sendable {
  var positional: [String] = []
  var values: [String: [String]] = [:]
  var flags: Set<String> = []

  func has(_ flag: String) -> Bool { flags.contains(flag) }
  func value(_ option: String) -> String? { values[option]?.last }
  func all(_ option: String) -> [String] { values[option] ?? [] }

  /// A number in decimal or, with `0x`, hexadecimal; `_` may separate digits.
  func number(_ option: String) throws -> UInt64? {
    guard let text = value(option) else { return nil }
    guard let number = parseNumber(text) else {
      throw CommandFailure.usage(
        "\(option) takes a whole number (decimal, or hexadecimal with 0x), not `\(text)`")
    }
    return number
  }

  /// One of the cases of an enumeration, by name.
  func choice<Choice: CaseIterable>(_ option: String, of type: Choice.Type, named name: (Choice) -> String)
    throws
    -> Choice?
  {
    guard let text = value(option) else { return nil }
    return try parseChoice(text, option, of: type, named: name)
  }
}

/// The case with this name, or an error that lists them.
func parseChoice<Choice: CaseIterable>(
  _ text: String, _ option: String, of type: Choice.Type, named name: (Choice) -> String
) throws -> Choice {
  let cases = Array(type.allCases)
  if let found = cases.first(where: { name($0) == text }) { return found }
  let names = cases.map(name)
  throw CommandFailure.usage(
    "\(option) takes \(names.joined(separator: ", ")); not `\(text)`" + suggestion(text, names))
}

extension String {
  /// The text, filled up with spaces to `width` characters.
  func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  /// The text, with spaces before it to `width` characters.
  func leftPadding(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

/// `; did you mean …?` when one of the names is close to what was typed, else nothing.
func suggestion(_ typed: String, _ names: [String]) -> String {
  nearest(to: typed, among: names).map { "; did you mean `\($0)`?" } ?? ""
}

/// A number with a fixed count of decimals.
func fixedPoint(_ value: Double, _ digits: Int) -> String {
  String(format: "%.\(digits)f", value)
}
