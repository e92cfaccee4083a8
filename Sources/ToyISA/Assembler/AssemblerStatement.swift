/// What a word at the beginning of a statement means.
enum StatementKind {
  case row(Int)
  case pseudo(Int)
  case directive(Directive)
  case macro(Int)
}

extension AssemblyRun {
  static let builtInStatements: [String: StatementKind] = {
    var result: [String: StatementKind] = [:]
    for (index, row) in toyTable.enumerated() { result[row.mnemonic] = .row(index) }
    for (index, pseudo) in ToyPseudo.table.enumerated() { result[pseudo.mnemonic] = .pseudo(index) }
    for directive in Directive.allCases { result[directive.rawValue] = .directive(directive) }
    for (name, directive) in Directive.synonyms { result[name] = .directive(directive) }
    return result
  }()

  static let registerNumbers: [String: Int] = {
    var result: [String: Int] = [:]
    for number in 0..<ToyRegister.generalCount { result["r\(number)"] = number }
    for alias in ToyRegister.aliases { result[alias.name] = alias.number }
    return result
  }()

  func registerNumber(_ name: String) -> Int? {
    Self.registerNumbers[name] ?? Self.registerNumbers[name.lowercased()]
  }

  /// One line: labels, then a directive, macro or instruction.
  func statement(_ line: CodeLine) throws(Reported) {
    var cursor = LineCursor(line)
    let active = conditionals.last?.active ?? true
    if !active {
      cursor.skipSpaces()
      guard cursor.byte == UInt8(ascii: "."), let word = cursor.identifier(),
        case .directive(let directive)? = Self.builtInStatements[word], directive.isConditional
      else { return }
      return try conditional(directive, &cursor, at: cursor.place(from: cursor.position - word.utf8.count))
    }
    while true {
      cursor.skipSpaces()
      if cursor.isAtEnd { return }
      let start = cursor.position
      if cursor.byte.isDigit {
        try localLabel(&cursor)
        continue
      }
      guard let word = cursor.identifier() else {
        throw report(
          "expected-statement", "expected a label, an instruction or a directive", at: cursor.placeOfNext())
      }
      let place = cursor.place(from: start)
      cursor.skipSpaces()
      if cursor.byte == UInt8(ascii: ":") {
        cursor.position += 1
        defineLabel(word, at: place)
        continue
      }
      if cursor.byte == UInt8(ascii: "="), cursor.byte(ahead: 1) != UInt8(ascii: "=") {
        cursor.position += 1
        return try assign(word, &cursor, at: place, variable: true)
      }
      return try execute(word, &cursor, at: place)
    }
  }

  private func execute(_ word: String, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    guard let kind = statements[word] ?? statements[word.lowercased()] else {
      let what = word.hasPrefix(".") ? "directive" : "instruction"
      throw report(
        "unknown-\(what)", "`\(word)` is no \(what)\(what == "directive" ? "" : " or macro")", at: place,
        help: suggest(for: word, among: statements.keys))
    }
    switch kind {
    case .row(let row): try instruction(row, &cursor, at: place)
    case .pseudo(let index): try pseudo(ToyPseudo.table[index], &cursor, at: place)
    case .directive(let directive): try perform(directive, &cursor, at: place)
    case .macro(let index): try expand(macros[index], &cursor, at: place)
    }
  }

  /// Complains about anything left on the line.
  func expectEnd(_ cursor: inout LineCursor) throws(Reported) {
    cursor.skipSpaces()
    guard !cursor.isAtEnd else { return }
    let rest = cursor.rest()
    let text = SourceText.display(cursor.line.bytes[rest].prefix(30))
    throw report(
      "unexpected-text", "unexpected `\(text)` at the end of the statement", at: cursor.place(rest))
  }

  func expectComma(_ cursor: inout LineCursor) throws(Reported) {
    guard cursor.take(",") else {
      throw report("expected-comma", "expected `,`", at: cursor.placeOfNext())
    }
  }

  // MARK: Labels and constants

  private func localLabel(_ cursor: inout LineCursor) throws(Reported) {
    let start = cursor.position
    var number: Int64 = 0
    while cursor.byte.isDigit {
      number = min(number &* 10 &+ Int64(cursor.byte.digit), 1 << 40)
      cursor.position += 1
    }
    let place = cursor.place(from: start)
    guard cursor.take(":") else {
      throw report(
        "expected-statement", "a statement cannot begin with a number", at: place,
        help: "a local label is a number and a colon, such as `1:`")
    }
    let count = localLabels[number, default: 0] + 1
    localLabels[number] = count
    define(symbolIndex(Self.localName(number, count)), at: place)
  }

  private func defineLabel(_ name: String, at place: Place) {
    if name == "." || registerNumber(name) != nil {
      report("bad-label", "`\(name)` cannot be a label", at: place)
      return
    }
    let index = symbolIndex(name)
    if let first = symbols[index].definedAt {
      report(
        "duplicate-symbol", "symbol `\(name)` is defined twice", at: place,
        label: (first, "first defined here"),
        help: "a label in a macro is made unique with `\\@`; numbers such as `1:` may be used again")
      return
    }
    define(index, at: place)
    symbols[index].isLabel = true
  }

  private func define(_ index: Int, at place: Place) {
    let chunk = chunks[current]
    symbols[index].definedAt = place
    symbols[index].chunk = Int32(current)
    symbols[index].offset = Int64(chunk.size)
    symbols[index].value =
      chunk.linkAddress.map { Value($0 &+ Int64(chunk.size)) }
      ?? Value(Int64(chunk.size), chunk: Int32(current))
  }

  /// `.equ`, `.set` and `=`.
  func assign(
    _ name: String, _ cursor: inout LineCursor, at place: Place, variable: Bool
  ) throws(Reported) {
    guard name != ".", registerNumber(name) == nil else {
      throw report(
        "bad-label", "`\(name)` cannot be given a value", at: place,
        help: name == "." ? "use `.org`" : nil)
    }
    cursor.skipSpaces()
    let start = cursor.position
    let node = try expression(&cursor)
    let valuePlace = cursor.place(from: start)
    try expectEnd(&cursor)
    let index = symbolIndex(name)
    if let first = symbols[index].definedAt, !(variable && symbols[index].isVariable) {
      throw report(
        "duplicate-symbol", "symbol `\(name)` is defined twice", at: place,
        label: (first, "first defined here"),
        help: "`.set` may change a constant that `.set` has made")
    }
    do {
      symbols[index].value = try evaluate(node)
      symbols[index].definition = nil
      symbols[index].isVariable = variable
    } catch {
      switch error {
      case .undefined, .floating:
        if variable, symbols[index].isVariable { throw report(error, at: valuePlace, needed: "`.set`") }
        symbols[index].definition = node
      default:
        // Defined all the same, so that its uses are not reported too.
        symbols[index].value = Value(0)
        symbols[index].definedAt = place
        throw report(error, at: valuePlace, needed: nil)
      }
    }
    symbols[index].definedAt = place
  }

  // MARK: Bytes

  /// Appends bytes to the current chunk.
  func emit(_ bytes: some Collection<UInt8>, at place: Place) throws(Reported) {
    try admit(bytes.count, at: place)
    if sections[section].name == ".bss", bytes.contains(where: { $0 != 0 }) {
      throw reportDataInBSS(at: place)
    }
    let index = current
    defer { chunks[index].size += bytes.count }
    guard sections[section].name != ".bss" else { return }
    if chunks[index].bytes.count < chunks[index].size {
      chunks[index].bytes += repeatElement(0, count: chunks[index].size - chunks[index].bytes.count)
    }
    chunks[index].bytes += bytes
  }

  @discardableResult
  func reportDataInBSS(at place: Place) -> Reported {
    report(
      "data-in-bss", "section `.bss` holds zeros only", at: place, help: "put this in `.data` or `.rodata`")
  }

  /// Appends zeros that take no room in the image as long as nothing follows them.
  func reserve(_ count: Int, at place: Place) throws(Reported) {
    if sections[section].name != ".bss" { try admit(count, at: place) }
    guard chunks[current].size + count <= Self.reservationLimit else {
      throw report("too-large", "the section does not fit in 32-bit addresses", at: place)
    }
    chunks[current].size += count
  }

  private func admit(_ count: Int, at place: Place) throws(Reported) {
    guard emitted + count <= limits.bytes else {
      isStopped = true
      throw report(
        "too-large", "the program is larger than \(limits.bytes >> 10) KiB", at: place,
        help: "reserve zeroed storage in `.bss`")
    }
    emitted += count
  }
}
