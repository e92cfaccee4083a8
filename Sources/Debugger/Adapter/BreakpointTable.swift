internal import MachineCore
internal import Trace

/// How often a breakpoint has to be met.
struct HitCondition: Equatable {
  enum Comparison: String, CaseIterable {
    case equal = "=="
    case least = ">="
    case more = ">"
    case most = "<="
    case less = "<"
    case multiple = "%"
  }
  var comparison: Comparison
  var number: Int

  /// `N` or `>= N` for all from the Nth on, `== N`, `> N`, `< N`, `<= N`, `% N` for every Nth.
  init?(_ text: String) {
    let text = text.trimmed
    let found = Comparison.allCases.sorted { $0.rawValue.count > $1.rawValue.count }
      .first { text.hasPrefix($0.rawValue) }
    let rest = found.map { String(text.dropFirst($0.rawValue.count)).trimmed } ?? text
    guard let value = parseNumber(rest), let number = Int(exactly: value), number > 0 else { return nil }
    comparison = found ?? .least
    self.number = number
  }

  func holds(_ hits: Int) -> Bool {
    switch comparison {
    case .equal: hits == number
    case .least: hits >= number
    case .more: hits > number
    case .most: hits <= number
    case .less: hits < number
    case .multiple: hits % number == 0
    }
  }
}

/// A breakpoint as the client has set it.
struct AdapterPoint {
  enum Kind: Equatable {
    case source(file: Int, line: Int)
    case function(String)
    case instruction(UInt64)
    case data(Watchpoint.Subject, Watchpoint.Use)
  }

  var id: Int
  var kind: Kind
  var condition: DebugExpression?
  var hit: HitCondition?
  var log: LogMessage?
  var hits = 0
  /// Numbers of the session's points.
  var numbers: [Int] = []
  /// Where it is, for code; the line that it was moved to.
  var addresses: [UInt64] = []
  var line: Int?
  /// Why it is not set.
  var problem: String?

  var group: Int {
    switch kind {
    case .source(let file, _): file
    case .function: -1
    case .instruction: -2
    case .data: -3
    }
  }
}

/// Text with expressions in braces.
struct LogMessage {
  private enum Part {
    case text(String)
    case value(DebugExpression)
  }
  private var parts: [Part] = []

  init(_ text: String) throws {
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      guard let close = rest[open...].firstIndex(of: "}") else { break }
      parts.append(.text(String(rest[..<open])))
      parts.append(.value(try DebugExpression(String(rest[rest.index(after: open)..<close]))))
      rest = rest[rest.index(after: close)...]
    }
    parts.append(.text(String(rest)))
  }

  func text(_ session: DebugSession) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .value(let expression):
        switch Result(catching: { try expression.value(session) }) {
        case .success(let value): hex(value)
        case .failure(let failure): "(\(failure))"
        }
      }
    }.joined()
  }
}

/// Events of the machine at which the client can ask to stop.
enum ExceptionFilter: String, CaseIterable {
  case trap, interrupt, exit, device, end

  init?(_ record: TraceRecord) {
    switch record.eventKind {
    case .trap: self = .trap
    case .interrupt: self = .interrupt
    case .exit: self = .exit
    default: return nil
    }
  }

  /// The event that a run waits for.
  var event: DebugGoal.Event? { DebugGoal.Event(rawValue: rawValue) }

  var takesCondition: Bool { self == .trap || self == .interrupt || self == .exit }

  var json: JSON {
    let texts: (String, String) =
      switch self {
      case .trap: ("Traps", "Stop at the entry of the handler of a trap")
      case .interrupt: ("Interrupts", "Stop at the entry of the handler of an interrupt")
      case .exit:
        ("Exits to the VMM", "Stop after an instruction for which the virtualizer's guest left to its VMM")
      case .device: ("Device accesses", "Stop after an instruction that reads or writes a port")
      case .end: ("End of the program", "Stop when the machine is switched off, so that it can be taken back")
      }
    return .fields([
      "filter": .string(rawValue), "label": .string(texts.0), "description": .string(texts.1),
      "default": false,
      "supportsCondition": .bool(takesCondition),
      "conditionDescription": takesCondition
        ? "names or numbers of causes: svc, page-read; !svc for all but svc" : nil,
    ])
  }
}

/// Which events of a kind matter.
struct ExceptionWish {
  private var wanted: [String] = []
  private var unwanted: [String] = []

  /// Causes with commas between them; `!` before those that do not matter.
  init(_ text: String?) {
    for word in (text ?? "").split(whereSeparator: { $0 == "," || $0 == " " }) {
      if word.hasPrefix("!") {
        unwanted.append(String(word.dropFirst()))
      } else {
        wanted.append(String(word))
      }
    }
  }

  /// A word that names no cause.
  func unknown(among names: [String]) -> String? {
    (wanted + unwanted).first { !names.contains($0) && parseNumber($0) == nil }
  }

  func matches(_ record: TraceRecord, _ session: DebugSession) -> Bool {
    let names = record.eventKind == .exit ? session.engine.exitNames : session.engine.instructionSet.causes
    let code = Int(record.code)
    let name = names.indices.contains(code) ? names[code] : ""
    func has(_ words: [String]) -> Bool {
      words.contains { $0 == name || parseNumber($0) == UInt64(record.code) }
    }
    return (wanted.isEmpty || has(wanted)) && !has(unwanted)
  }
}

/// All that the client has set.
struct BreakpointTable {
  var points: [AdapterPoint] = []
  var exceptions: [ExceptionFilter: ExceptionWish] = [:]
  private var nextID = 1

  mutating func makeID() -> Int {
    defer { nextID += 1 }
    return nextID
  }

  /// Events for which a run has to be looked through.
  var events: Set<DebugGoal.Event> { Set(exceptions.keys.compactMap(\.event)) }

  /// Sets all of them in the adapter's session, which is a new one; `names` are those of the old one's files.
  mutating func place(_ adapter: DebugAdapter, _ names: [String]) {
    for index in points.indices {
      points[index].hits = 0
      if case .source(let file, let line) = points[index].kind {
        // Of a file that is gone there are no lines.
        let number = names.indices.contains(file) ? adapter.sources.number(named: names[file]) : nil
        points[index].kind = .source(file: number ?? -4 - index, line: line)
      }
      adapter.place(&points[index])
      adapter.event(
        "breakpoint", ["reason": "changed", "breakpoint": adapter.json(points[index])])
    }
  }
}
