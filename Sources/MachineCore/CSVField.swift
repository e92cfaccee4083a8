/// One field of comma-separated values.
package enum CSVField {
  /// The text as RFC 4180 wants it: in quotes where it holds a comma, a quote or the end of a line.
  package static func quoted(_ text: String) -> String {
    // By scalars: a carriage return and a line feed together are one character.
    guard text.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
