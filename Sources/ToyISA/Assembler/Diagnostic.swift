/// A place in a source file: a range of columns on one line.
public struct SourceRange: Sendable, Hashable {
  /// File name as it was given.
  public var file: String
  /// Line, from 1.
  public var line: Int
  /// First column, from 1, counted in characters.
  public var column: Int
  /// Characters marked, at least 1.
  public var length: Int

  /// A place.
  public init(file: String, line: Int, column: Int, length: Int) {
    self.file = file
    self.line = line
    self.column = column
    self.length = length
  }
}

/// One thing the assembler has to say about a source file.
public struct Diagnostic: Sendable, Hashable {
  /// How bad it is.
  public enum Severity: String, Sendable {
    case error, warning
  }

  /// A second place that explains the first.
  public struct Label: Sendable, Hashable {
    /// Where.
    public var range: SourceRange
    /// What is there.
    public var message: String
    /// The line's text.
    public var excerpt: String
  }

  /// How bad it is.
  public var severity: Severity
  /// Stable name of the kind, such as `undefined-symbol`.
  public var code: String
  /// What is wrong, lower case, without a final period.
  public var message: String
  /// Where.
  public var range: SourceRange
  /// The text of the line, empty when there is none.
  public var excerpt: String
  /// Other places that matter.
  public var labels: [Label] = []
  /// Facts that explain.
  public var notes: [String] = []
  /// What to do.
  public var help: String?

  /// `file:line:col: error: message`.
  public var short: String {
    "\(Self.visible(range.file)):\(range.line):\(range.column): \(severity.rawValue): \(Self.visible(message))"
  }

  /// Text in which nothing moves the cursor or talks to the terminal, however it came here.
  private static func visible(_ text: String) -> String { SourceText.visible(text) }

  /// Several lines with the source excerpt and carets under the place.
  public var pretty: String {
    var lines = ["\(severity.rawValue)[\(code)]: \(Self.visible(message))"]
    let width = String(([range] + labels.map(\.range)).map(\.line).max() ?? 0).count
    let gutter = String(repeating: " ", count: width)
    func excerpt(_ arrow: String, _ range: SourceRange, _ text: String, _ mark: Character, _ says: String) {
      lines.append("\(gutter)\(arrow) \(Self.visible(range.file)):\(range.line):\(range.column)")
      guard !text.isEmpty else { return }
      let number = String(range.line)
      let pad = String(repeating: " ", count: width - number.count)
      let marks =
        String(repeating: " ", count: range.column - 1) + String(repeating: mark, count: range.length)
      lines.append("\(gutter) |")
      lines.append("\(pad)\(number) | \(Self.visible(text))")
      lines.append("\(gutter) | \(marks)\(says.isEmpty ? "" : " " + Self.visible(says))")
    }
    excerpt("-->", range, self.excerpt, "^", "")
    for label in labels { excerpt(":::", label.range, label.excerpt, "-", label.message) }
    for note in notes { lines.append("\(gutter) = note: \(Self.visible(note))") }
    if let help { lines.append("\(gutter) = help: \(Self.visible(help))") }
    return lines.joined(separator: "\n")
  }
}

/// Thrown when a source cannot be assembled: everything that is wrong with it.
public struct AssemblyFailure: Error, Sendable, CustomStringConvertible {
  /// Errors and warnings in source order, at most ``ToyAssembler/diagnosticLimit`` of them.
  public var diagnostics: [Diagnostic]
  /// How many more errors there were.
  public var suppressed: Int

  /// How many errors altogether.
  public var errorCount: Int { diagnostics.count { $0.severity == .error } + suppressed }

  /// One line for each diagnostic, `file:line:col: error: message`.
  public var short: String { render(\.short, separator: "\n") }
  /// Every diagnostic with source excerpt, then a count.
  public var pretty: String {
    let count = errorCount
    return render(\.pretty, separator: "\n\n") + "\n\n\(count) error\(count == 1 ? "" : "s")"
  }
  /// The short form.
  public var description: String { short }

  private func render(_ form: (Diagnostic) -> String, separator: String) -> String {
    var parts = diagnostics.map(form)
    if suppressed > 0 { parts.append("and \(suppressed) more errors") }
    return parts.joined(separator: separator)
  }
}
