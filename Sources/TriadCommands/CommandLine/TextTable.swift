/// Rows of text in columns.
struct TextTable {
  enum Alignment { case left, right }

  var headings: [String]
  var alignments: [Alignment]
  private var rows: [[String]] = []

  init(_ columns: [(String, Alignment)]) {
    headings = columns.map(\.0)
    alignments = columns.map(\.1)
  }

  mutating func add(_ row: [String]) { rows.append(row) }

  /// The table as lines; `style` sees each finished cell with its column, after padding.
  func lines(style: (Int, String, String) -> String = { $2 }) -> [String] {
    let widths = headings.indices.map { column in
      ([headings] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    func render(_ row: [String], _ style: (Int, String, String) -> String) -> String {
      var line = row.indices.map { column -> String in
        let padded =
          alignments[column] == .left
          ? row[column].padding(to: widths[column]) : row[column].leftPadding(to: widths[column])
        return style(column, row[column], padded)
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return [render(headings) { $2 }, rule] + rows.map { render($0, style) }
  }
}

/// A number with a thin separator every three digits.
func grouped(_ number: UInt64) -> String {
  var text = ""
  for (position, digit) in String(number).reversed().enumerated() {
    if position > 0, position % 3 == 0 { text.append(",") }
    text.append(digit)
  }
  return String(text.reversed())
}
