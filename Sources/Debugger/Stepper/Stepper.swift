internal import MachineCore
internal import Properties
internal import Trace

/// A debugger on lines of text: reads commands with gdb's verbs, writes what came of them.
///
/// The same commands on the same machines always give the same text.
public final class Stepper {
  /// How a part of the text is to be shown.
  public enum Style: Sendable { case plain, strong, good, bad, faint }

  /// What to do after a command.
  public enum Next: Sendable, Equatable { case goOn, quit }

  /// A command that cannot be carried out.
  struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
  }

  /// The machines, in lock step if there are several.
  public let lockstep: Lockstep
  /// Machines were seen to differ.
  public internal(set) var sawDifference = false
  /// Where the next command comes from, `FILE:LINE`, for what is said of mistakes.
  public var source: String?
  /// Commands that failed so far.
  public private(set) var failures = 0
  private let put: (String) -> Void
  private let style: (String, Style) -> String
  private var lastLine = ""
  /// Registers at the last stop, to show what has changed.
  var shown: [UInt64] = []
  /// Where `x`, `list` and `disassemble` go on.
  var nextMemory: UInt64 = 0

  var session: DebugSession { lockstep.sessions[0] }
  var isSingle: Bool { lockstep.sessions.count == 1 }

  /// A stepper over machines in the same state.
  ///
  /// - Parameters:
  ///   - put: takes lines of text, without their ends.
  ///   - style: the text in a style, where colour is used.
  public init(
    _ sessions: [DebugSession], put: @escaping (String) -> Void,
    style: @escaping (String, Style) -> String = { text, _ in text }
  ) {
    lockstep = Lockstep(sessions)
    self.put = put
    self.style = style
    shown = sessions[0].engine.state.registers
  }

  func line(_ text: String, _ style: Style = .plain) {
    for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
      put(style == .plain ? String(part) : self.style(String(part), style))
    }
  }

  func styled(_ text: String, _ style: Style) -> String { self.style(text, style) }

  /// Shows where the machines are, as before the first command.
  public func begin() {
    let engines = lockstep.sessions.map { "\($0.engine.kind.rawValue) (\($0.engine.flavour))" }
    line("\(session.workload.name) on \(engines.joined(separator: ", "))", .strong)
    showPlace()
  }

  /// Carries out a line; an empty one does nothing.
  public func execute(_ text: String) -> Next {
    let words = text.split(separator: " ", maxSplits: 1).map(String.init)
    guard let word = words.first, !word.hasPrefix("#") else { return .goOn }
    lastLine = text
    let rest = words.count > 1 ? words[1].trimmed : ""
    do {
      return try carryOut(word, rest)
    } catch let failure as DebugExpression.Failure {
      fail(failure.description)
    } catch let refusal as EngineRefusal {
      fail(refusal.description)
    } catch {
      fail("\(error)")
    }
    return .goOn
  }

  private func fail(_ text: String) {
    failures += 1
    line((source.map { "\($0): " } ?? "") + "error: \(text)", .bad)
  }

  private func carryOut(_ verb: String, _ rest: String) throws -> Next {
    // `x/8` is a verb with its own format.
    let slash = verb.firstIndex(of: "/")
    let name = slash.map { String(verb[..<$0]) } ?? verb
    let format = slash.map { String(verb[verb.index(after: $0)...]) } ?? ""
    guard let command = StepperCommand.named(name) else {
      let near = StepperCommand.all.flatMap(\.names).filter { $0.hasPrefix(name) }
      throw Failure(
        "there is no command `\(name)`"
          + (near.isEmpty ? "; `help` lists them" : "; did you mean `\(near[0])`?"))
    }
    guard format.isEmpty || command.verb == .examine else { throw Failure("`\(name)` takes no `/\(format)`") }
    switch command.verb {
    case .quit: return .quit
    case .help: showHelp()
    case .step: try step(count(rest))
    case .back: try stepBack(count(rest))
    case .next: try next(count(rest))
    case .finish: try go(DebugGoal(depth: 0))
    case .resume: try go(DebugGoal())
    case .reverse: try goBack(DebugGoal())
    case .advance: try go(DebugGoal(places: [place(rest)]))
    case .count: try goTo(value(rest))
    case .event: try goToEvent(rest)
    case .break: try addBreakpoint(rest, isTemporary: name == "tbreak" || name == "tb")
    case .watch: try addWatchpoint(rest, name)
    case .delete: try delete(rest)
    case .info: try info(rest)
    case .print: line(try printed(rest))
    case .set: try set(rest)
    case .examine: try examine(format, rest)
    case .walk: line(DebugText.walk(try value(rest), session.walk(try value(rest))))
    case .list: try list(rest)
    case .disassemble: try disassemble(rest)
    }
    return .goOn
  }

  // MARK: Reading

  func value(_ text: String) throws -> UInt64 {
    guard !text.isEmpty else { throw Failure("an expression is missing") }
    return try DebugExpression(text).value(session)
  }

  private func count(_ text: String) throws -> UInt64 {
    guard !text.isEmpty else { return 1 }
    let count = try value(text)
    guard (1...100_000_000).contains(count) else { throw Failure("a count is from 1 to 100000000") }
    return count
  }

  /// `FILE:LINE`, `:LINE`, or an expression, with or without gdb's `*` before it.
  func place(_ text: String) throws -> UInt64 {
    guard !text.isEmpty else { throw Failure("a place is missing: an address, a symbol, or FILE:LINE") }
    if let colon = text.lastIndex(of: ":"), let number = Int(text[text.index(after: colon)...].trimmed) {
      guard let address = session.address(ofLine: number, in: String(text[..<colon])) else {
        throw Failure("there is no instruction of line `\(text)`")
      }
      return address
    }
    return try value(text.hasPrefix("*") ? String(text.dropFirst()) : text)
  }
}

extension StringProtocol {
  /// Without blanks at both ends.
  var trimmed: String {
    var rest = self[...]
    while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
    while rest.last?.isWhitespace == true { rest = rest.dropLast() }
    return String(rest)
  }
}
