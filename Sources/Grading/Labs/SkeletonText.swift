/// Makes what students start from out of a solution, so that there is one source of truth.
///
/// In a solution's source, lines between `// BEGIN SOLUTION` and `// END SOLUTION` are left out; between
/// `// BEGIN SKELETON` and `// END SKELETON` each line is `//| ` and a line of the skeleton. Files in which
/// comments begin otherwise use `;` or `#` in place of `//`.
public enum SkeletonText {
  /// The skeleton of a solution's text.
  ///
  /// - Throws: ``SubmissionError`` that names the line of a mark without its partner.
  public static func make(from solution: String) throws(SubmissionError) -> String {
    let marks = ["//", ";", "#"]
    var result: [Substring] = []
    var open: (kind: String, line: Int)?
    let lines = solution.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let text = line.drop { $0 == " " }
      let words = text.split(separator: " ")
      if words.count == 3, marks.contains(String(words[0])), ["SOLUTION", "SKELETON"].contains(words[2]),
        ["BEGIN", "END"].contains(words[1])
      {
        let kind = String(words[2])
        if words[1] == "BEGIN", open == nil {
          open = (kind, index + 1)
        } else if words[1] == "END", open?.kind == kind {
          open = nil
        } else {
          throw SubmissionError(description: "line \(index + 1): `\(text)` does not belong here")
        }
        continue
      }
      switch open?.kind {
      case "SOLUTION": continue
      case "SKELETON":
        guard let mark = marks.first(where: { text.hasPrefix($0 + "|") }) else {
          throw SubmissionError(description: "line \(index + 1): lines of a skeleton begin with `//| `")
        }
        let indent = line.prefix { $0 == " " }
        var rest = text.dropFirst(mark.count + 1)
        if rest.hasPrefix(" ") { rest = rest.dropFirst() }
        result.append(rest.isEmpty ? "" : Substring(String(indent) + rest))
      default: result.append(line)
      }
    }
    if let open { throw SubmissionError(description: "line \(open.line): BEGIN \(open.kind) has no END") }
    return result.joined(separator: "\n")
  }
}
