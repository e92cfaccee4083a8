/// A diagnostic has been recorded; the statement is given up.
struct Reported: Error {}

/// A run of bytes at consecutive addresses, as far as it has been assembled.
struct Chunk {
  var section: Int
  var bytes: [UInt8] = []
  /// Bytes it takes; more than `bytes` only where all are zero.
  var size = 0
  /// Where it lies in storage, when known.
  var loadAddress: Int64?
  /// The address its labels count from, when known.
  var linkAddress: Int64?
  var alignment: Int64 = 4
  var place: Place
}

struct Section {
  var name: String
  var chunk: Int
}

struct Symbol {
  var name: String
  var value: Value?
  /// Node of an `.equ` that could not be evaluated at once.
  var definition: Int32?
  var definedAt: Place?
  var firstUse: Place?
  var uses = 0
  /// Defined by `.set`, so that it may change.
  var isVariable = false
  var isLabel = false
  /// Chunk and offset of a label.
  var chunk: Int32 = -1
  var offset: Int64 = 0
  var isBusy = false
}

/// A value that is put into the bytes once all addresses are known.
struct Fixup {
  enum Kind {
    case data(Int)
    case field(ToyField, row: Int)
  }
  var kind: Kind
  var chunk: Int32
  var offset: Int
  var node: Int32
  var place: Place
}

/// Assembles one program; the state of all phases.
///
/// The phases are files of their own: lines in (`AssemblerInput`), statements (`AssemblerStatement`),
/// directives, instructions, layout.
final class AssemblyRun {
  static let reservationLimit = 1 << 32

  let limits: ToyAssembler.Limits
  let include: ((String) -> [UInt8]?)?
  var sources: [SourceText] = []
  var contexts: [Expansion] = []
  var frames: [InputFrame] = []
  var conditionals: [Conditional] = []
  var macros: [Macro] = []
  var linesRead = 0
  var expansionCount = 0

  var nodes: [Node] = []
  var symbols: [Symbol] = []
  var symbolNumbers: [String: Int] = [:]
  var localLabels: [Int64: Int] = [:]
  var statements: [String: StatementKind]

  var chunks: [Chunk] = []
  var sections: [Section] = []
  var section = 0
  var emitted = 0
  var fixups: [Fixup] = []
  var lineTable: [(chunk: Int32, offset: Int, source: Int32, line: Int32)] = []
  var firstInstruction: (chunk: Int32, offset: Int)?

  var diagnostics: [Diagnostic] = []
  var errorCount = 0
  var warningCount = 0
  var reportedPlaces: Set<Place> = []
  var reportedCircle = false
  /// A limit was reached that makes it pointless to read on.
  var isStopped = false

  init(
    start: UInt32, defines: [String: Int64], limits: ToyAssembler.Limits, include: ((String) -> [UInt8]?)?
  ) {
    self.limits = limits
    self.include = include
    statements = Self.builtInStatements
    nodes.reserveCapacity(1024)
    let nowhere = Place(source: 0, line: 0, start: 0, end: 0, context: -1)
    for (index, name) in [".text", ".rodata", ".data", ".bss"].enumerated() {
      chunks.append(Chunk(section: index, place: nowhere))
      sections.append(Section(name: name, chunk: index))
    }
    chunks[0].loadAddress = Int64(start)
    chunks[0].linkAddress = Int64(start)
    for (name, value) in defines.sorted(by: { $0.key < $1.key }) {
      let index = symbolIndex(name)
      symbols[index].value = Value(value)
      symbols[index].isVariable = true
      symbols[index].definedAt = nowhere
    }
  }

  func symbolIndex(_ name: String) -> Int {
    if let index = symbolNumbers[name] { return index }
    symbols.append(Symbol(name: name))
    symbolNumbers[name] = symbols.count - 1
    return symbols.count - 1
  }

  /// "did you mean", for errors that are going to be shown.
  func suggest(for word: String, among candidates: some Sequence<String>) -> String? {
    errorCount < ToyAssembler.diagnosticLimit ? suggestion(for: word, among: candidates) : nil
  }

  /// Number of the current chunk.
  var current: Int { sections[section].chunk }

  /// The current location as a node.
  func locationNode(ahead: Int = 0) -> Node {
    Node(operation: .location, left: Int32(current), value: Int64(chunks[current].size + ahead))
  }

  // MARK: Diagnostics

  /// Records an error; the result is there to be thrown.
  @discardableResult
  func report(
    _ code: String, _ message: String, at place: Place, label: (Place, String)? = nil, notes: [String] = [],
    help: String? = nil
  ) -> Reported {
    guard reportedPlaces.insert(place).inserted else { return Reported() }
    errorCount += 1
    if errorCount <= ToyAssembler.diagnosticLimit {
      add(.error, code, message, place, label, notes, help)
    }
    return Reported()
  }

  func warn(_ code: String, _ message: String, at place: Place, help: String? = nil) {
    guard warningCount < ToyAssembler.diagnosticLimit else { return }
    warningCount += 1
    add(.warning, code, message, place, nil, [], help)
  }

  private func add(
    _ severity: Diagnostic.Severity, _ code: String, _ message: String, _ place: Place,
    _ label: (Place, String)?, _ notes: [String], _ help: String?
  ) {
    let (range, excerpt) = locate(place)
    var diagnostic = Diagnostic(
      severity: severity, code: code, message: message, range: range, excerpt: excerpt)
    if let (where_, says) = label {
      let (range, excerpt) = locate(where_)
      diagnostic.labels.append(.init(range: range, message: says, excerpt: excerpt))
    }
    var context = place.context
    var levels = 0
    while context >= 0, levels < 4 {
      let expansion = contexts[Int(context)]
      let (range, excerpt) = locate(expansion.place)
      diagnostic.labels.append(
        .init(range: range, message: "in \(expansion.name) from here", excerpt: excerpt))
      context = expansion.place.context
      levels += 1
    }
    diagnostic.notes = notes
    diagnostic.help = help
    diagnostics.append(diagnostic)
  }

  /// Where a place is, in characters, and the text of its line.
  private func locate(_ place: Place) -> (SourceRange, String) {
    let source = sources[Int(place.source)]
    let bytes = source.range(ofLine: Int(place.line))
    var start = bytes.lowerBound + min(Int(place.start), bytes.count)
    let end = bytes.lowerBound + min(Int(place.end), bytes.count)
    if place.end == .max {
      while start < end, source.bytes[start].isSpace { start += 1 }
    }
    let column = source.width(bytes.lowerBound..<start) + 1
    return (
      SourceRange(
        file: source.name, line: Int(place.line) + 1, column: column,
        length: max(1, source.width(start..<max(start, end)))), source.display(line: Int(place.line))
    )
  }

  // MARK: Values

  /// A value that must be known now.
  func known(_ node: Int32, at place: Place, for what: String) throws(Reported) -> Int64 {
    do throws(NoValue) {
      let value = try evaluate(node)
      guard value.isAbsolute else { throw .floating }
      return value.value
    } catch {
      throw report(error, at: place, needed: what)
    }
  }

  /// Reports why an expression has no value.
  @discardableResult
  func report(_ reason: NoValue, at place: Place, needed what: String?) -> Reported {
    switch reason {
    case .undefined(let index):
      let symbol = symbols[index]
      if let what, symbol.definedAt == nil, symbol.name.utf8.contains(1) == false {
        return report(
          "undefined-symbol", "symbol `\(symbol.name)` must be defined before \(what)", at: place,
          help: suggest(for: symbol.name, among: symbols.lazy.filter { $0.definedAt != nil }.map(\.name)))
      }
      return reportUndefined(index)
    case .floating:
      let message =
        what.map { "the value for \($0) depends on addresses that are not known yet" }
        ?? "this combination of addresses has no meaning"
      return report(
        "not-constant", message, at: place,
        help: "use numbers, constants, or the difference of two labels of one section")
    case .divisionByZero: return report("division-by-zero", "division by zero", at: place)
    case .tooDeep:
      // Whatever uses the circle fails too; once is enough.
      guard !reportedCircle else { return Reported() }
      reportedCircle = true
      return report(
        "circular-definition", "a symbol in this expression is defined by itself, or through too many others",
        at: place)
    case .tooLarge(let value): return report("out-of-range", "\(value) does not fit in 32 bits", at: place)
    }
  }

  /// Reports a symbol that is nowhere defined, once.
  @discardableResult
  func reportUndefined(_ index: Int) -> Reported {
    let symbol = symbols[index]
    let place = symbol.firstUse ?? Place(source: 0, line: 0, start: 0, end: 0, context: -1)
    if symbol.name.utf8.contains(1) {
      let number = symbol.name.prefix { $0 != "\u{1}" }
      return report("undefined-symbol", "there is no label `\(number):` after this line", at: place)
    }
    let names = symbols.lazy.filter { $0.definedAt != nil }.map(\.name)
    return report(
      "undefined-symbol", "symbol `\(symbol.name)` is not defined", at: place,
      notes: symbol.uses > 1 ? ["it is used \(symbol.uses) times"] : [],
      help: suggest(for: symbol.name, among: names))
  }
}
