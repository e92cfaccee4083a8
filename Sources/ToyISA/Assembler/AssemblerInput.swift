/// Why a line is being read: a macro, a repetition, or an included file.
struct Expansion {
  var name: String
  /// Where it was asked for.
  var place: Place
}

/// A macro: parameters, and the lines of its body.
struct Macro {
  var name: String
  var parameters: [(name: String, fallback: [UInt8]?)]
  var body: [CodeLine]
  var place: Place
}

/// A place that lines are read from.
struct InputFrame {
  /// Lines of a macro or repetition; `nil` for a file.
  var lines: [CodeLine]?
  var source: Int32
  var next = 0
  /// How many more times the lines are read after this time.
  var repeats = 0
  var context: Int32
  /// Open conditionals when the frame began.
  var conditionalDepth: Int
}

/// An open `.if`.
struct Conditional {
  /// Lines are assembled now.
  var active: Bool
  /// Some branch has been taken, or the surroundings are skipped.
  var decided: Bool
  var seenElse = false
  var place: Place
}

extension AssemblyRun {
  static let frameLimit = 64
  static let expandedLineLimit = 4096
  static let repetitionLimit = 1_000_000

  /// The next line of the topmost frame, or `nil` when that is at its end.
  func nextLineOfFrame() -> CodeLine? {
    let top = frames.count - 1
    if let lines = frames[top].lines {
      if frames[top].next >= lines.count {
        guard frames[top].repeats > 0, !lines.isEmpty else { return nil }
        frames[top].repeats -= 1
        frames[top].next = 0
      }
      defer { frames[top].next += 1 }
      return lines[frames[top].next]
    }
    let source = Int(frames[top].source)
    let line = frames[top].next
    guard line < sources[source].lineStarts.count else { return nil }
    frames[top].next += 1
    return CodeLine(
      bytes: sources[source].code, range: sources[source].range(ofLine: line), source: Int32(source),
      line: Int32(line), context: frames[top].context, altered: false)
  }

  /// Reads all lines of all frames.
  func readAll() {
    while !frames.isEmpty {
      guard let line = nextLineOfFrame() else {
        closeConditionals(to: frames[frames.count - 1].conditionalDepth)
        frames.removeLast()
        continue
      }
      linesRead += 1
      guard linesRead <= limits.lines else {
        report(
          "too-long", "the program has more than \(limits.lines) lines after macros and repetitions",
          at: LineCursor(line).place(line.range))
        conditionals.removeAll()
        return
      }
      guard errorCount < 10_000, !isStopped else { return conditionals.removeAll() }
      do {
        try statement(line)
      } catch {}
    }
  }

  private func closeConditionals(to depth: Int) {
    while conditionals.count > depth {
      let open = conditionals.removeLast()
      report("missing-endif", "this conditional has no `.endif`", at: open.place)
    }
  }

  /// Starts reading another source.
  func push(source: SourceText, from place: Place?) throws(Reported) {
    try checkDepth(place)
    if let place, sources.count >= 1000 {
      throw report("too-long", "more than 1000 files are included", at: place)
    }
    sources.append(source)
    let number = Int32(sources.count - 1)
    var context: Int32 = -1
    if let place {
      contexts.append(Expansion(name: "file included", place: place))
      context = Int32(contexts.count - 1)
    }
    if let open = source.unterminatedComment {
      report(
        "unterminated-comment", "comment does not end",
        at: source.place(ofByte: open, count: 2, source: number, context: context))
    }
    if let byte = source.firstInvalidByte {
      report(
        "invalid-utf8", "byte 0x\(String(source.bytes[byte], radix: 16)) is not UTF-8 text",
        at: source.place(ofByte: byte, count: 1, source: number, context: context),
        help: "store the source as UTF-8; for a byte of any value in a string write `\\x` and two hex digits")
    }
    frames.append(InputFrame(source: number, context: context, conditionalDepth: conditionals.count))
  }

  private func checkDepth(_ place: Place?) throws(Reported) {
    guard frames.count >= Self.frameLimit, let place else { return }
    throw report(
      "too-deep", "macros, repetitions and included files are nested more than \(Self.frameLimit) deep",
      at: place, help: "a macro that calls itself needs an `.if` that ends it")
  }

  /// Collects the lines up to a closing directive; nested blocks of the same kind belong to them.
  func collect(
    from place: Place, open: Set<String>, close: String
  ) throws(Reported) -> [CodeLine] {
    var lines: [CodeLine] = []
    var depth = 0
    while let line = nextLineOfFrame() {
      linesRead += 1
      guard linesRead <= limits.lines else { break }
      var cursor = LineCursor(line)
      if let word = cursor.identifier() {
        if open.contains(word) { depth += 1 }
        if word == close || (word == ".endmacro" && close == ".endm") {
          if depth == 0 { return lines }
          depth -= 1
        }
      }
      lines.append(line)
    }
    throw report("missing-\(close.dropFirst())", "this block has no `\(close)`", at: place)
  }

  /// Puts lines in front of the input, `count` times.
  func push(_ lines: [CodeLine], count: Int, name: String, from place: Place) throws(Reported) {
    try checkDepth(place)
    contexts.append(Expansion(name: name, place: place))
    let context = Int32(contexts.count - 1)
    let own = lines.map { line in
      var line = line
      line.context = context
      return line
    }
    frames.append(
      InputFrame(
        lines: own, source: place.source, repeats: count - 1, context: context,
        conditionalDepth: conditionals.count))
  }

  /// Expands a macro with the arguments that the cursor is at.
  func expand(_ macro: Macro, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    let arguments = splitArguments(&cursor)
    guard arguments.count <= macro.parameters.count else {
      throw report(
        "macro-arguments",
        "macro `\(macro.name)` takes \(macro.parameters.count) arguments, \(arguments.count) given",
        at: place,
        label: (macro.place, "defined here"))
    }
    var values: [String: [UInt8]] = [:]
    for (index, parameter) in macro.parameters.enumerated() {
      if index < arguments.count, !arguments[index].isEmpty {
        values[parameter.name] = arguments[index]
      } else if let fallback = parameter.fallback {
        values[parameter.name] = fallback
      } else {
        throw report(
          "macro-arguments", "macro `\(macro.name)` needs a value for `\(parameter.name)`", at: place,
          label: (macro.place, "defined here"))
      }
    }
    expansionCount += 1
    let number = Array(String(expansionCount).utf8)
    var lines: [CodeLine] = []
    lines.reserveCapacity(macro.body.count)
    for line in macro.body {
      lines.append(try substitute(line, values, number, at: place))
    }
    try push(lines, count: 1, name: "macro `\(macro.name)`", from: place)
  }

  private func substitute(
    _ line: CodeLine, _ values: [String: [UInt8]], _ number: [UInt8], at place: Place
  ) throws(Reported) -> CodeLine {
    let backslash = UInt8(ascii: "\\")
    guard line.bytes[line.range].contains(backslash) else { return line }
    var text: [UInt8] = []
    var altered = line.altered
    var index = line.range.lowerBound
    let end = line.range.upperBound
    while index < end {
      let byte = line.bytes[index]
      index += 1
      guard byte == backslash, index < end else {
        text.append(byte)
        continue
      }
      if line.bytes[index] == UInt8(ascii: "@") {
        index += 1
        text += number
        altered = true
        continue
      }
      if line.bytes[index] == UInt8(ascii: "("), index + 1 < end, line.bytes[index + 1] == UInt8(ascii: ")") {
        index += 2
        altered = true
        continue
      }
      var stop = index
      while stop < end, line.bytes[stop].isIdentifier, line.bytes[stop] != UInt8(ascii: ".") { stop += 1 }
      if let value = values[String(decoding: line.bytes[index..<stop], as: UTF8.self)] {
        text += value
        index = stop
        altered = true
      } else {
        // An escape in a string, or an error that the statement will report.
        text.append(byte)
        text.append(line.bytes[index])
        index += 1
      }
      guard text.count <= Self.expandedLineLimit else { break }
    }
    guard text.count <= Self.expandedLineLimit else {
      throw report(
        "too-long", "a macro line grows beyond \(Self.expandedLineLimit) characters", at: place)
    }
    var result = line
    result.bytes = text
    result.range = 0..<text.count
    result.altered = altered
    return result
  }

  /// The rest of the line cut at its top-level commas.
  func splitArguments(_ cursor: inout LineCursor) -> [[UInt8]] {
    let rest = cursor.rest()
    guard !rest.isEmpty else { return [] }
    var arguments: [[UInt8]] = []
    var start = rest.lowerBound
    var depth = 0
    var quote: UInt8 = 0
    let bytes = cursor.line.bytes
    func cut(_ range: Range<Int>) {
      var slice = bytes[range]
      while let first = slice.first, first.isSpace { slice.removeFirst() }
      while let last = slice.last, last.isSpace { slice.removeLast() }
      arguments.append(Array(slice))
    }
    var index = rest.lowerBound
    while index < rest.upperBound {
      let byte = bytes[index]
      if quote != 0 {
        if byte == UInt8(ascii: "\\") { index += 1 } else if byte == quote { quote = 0 }
      } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        quote = byte
      } else if byte == UInt8(ascii: "(") {
        depth += 1
      } else if byte == UInt8(ascii: ")") {
        depth -= 1
      } else if byte == UInt8(ascii: ","), depth <= 0 {
        cut(start..<index)
        start = index + 1
      }
      index += 1
    }
    cut(start..<rest.upperBound)
    cursor.position = cursor.end
    return arguments
  }
}
