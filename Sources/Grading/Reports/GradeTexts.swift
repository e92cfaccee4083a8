internal import MachineCore

/// For a terminal.
enum TextExport {
  static func text(_ report: GradeReport) -> String {
    let whose = report.student.map { "\($0), seed \(report.seed)" } ?? "seed \(report.seed)"
    var lines = ["\(report.lab)  \(report.title)  (\(report.submission), \(whose))"]
    lines += report.notes.map { "note: " + $0 }
    for part in report.parts {
      let word = part.outcome.word
      let points =
        part.outcome == .notAssessed
        ? "" : " (\(GradeReport.text(part.points))/\(GradeReport.text(part.maximum)))"
      let hidden = part.visibility == .hidden ? " [hidden]" : ""
      lines.append("== Test \(part.title)\(hidden) == \(part.id): \(word)\(points)")
      lines += part.message.split(separator: "\n", omittingEmptySubsequences: false)
        .prefix(part.message.isEmpty ? 0 : .max).map { "    " + $0 }
    }
    lines.append("Score: \(GradeReport.text(report.points))/\(GradeReport.text(report.maximum))")
    return lines.joined(separator: "\n") + "\n"
  }
}

/// A table and the messages under it.
enum MarkdownExport {
  static func text(_ report: GradeReport) -> String {
    var lines = [
      "# \(report.lab): \(report.title)", "",
      "**\(GradeReport.text(report.points)) of \(GradeReport.text(report.maximum)) points** for "
        + "`\(report.submission.replacing("`", with: "'"))` (seed \(report.seed))", "",
    ]
    lines += report.notes.map { "- \($0)" } + (report.notes.isEmpty ? [] : [""])
    lines += ["| exercise | outcome | points | of |", "|---|---|---:|---:|"]
    lines += report.parts.map { part in
      "| \(part.title.replacing("|", with: "\\|")) | \(part.outcome.rawValue) "
        + "| \(GradeReport.text(part.points)) | \(GradeReport.text(part.maximum)) |"
    }
    for part in report.parts where !part.message.isEmpty {
      lines += ["", "## \(part.title)", "", part.message]
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// One row a submission and exercise, and one with the total.
enum CSVExport {
  static let header = "lab,submission,student,seed,exercise,outcome,points,maximum"

  static func text(_ reports: [GradeReport]) -> String {
    var lines = [header]
    for report in reports {
      let start = [report.lab, report.submission, report.student ?? "", "\(report.seed)"].map(field).joined(
        separator: ",")
      for part in report.parts {
        lines.append(
          "\(start),\(field(part.id)),\(part.outcome.rawValue),\(GradeReport.text(part.points)),"
            + GradeReport.text(part.maximum))
      }
      lines.append(
        "\(start),TOTAL,,\(GradeReport.text(report.points)),\(GradeReport.text(report.maximum))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A leading sign would make a spreadsheet take the text for a formula.
  private static func field(_ text: String) -> String {
    CSVField.quoted(text.first.map { "=+-@\t".contains($0) } == true ? "'" + text : text)
  }
}

/// JUnit's XML, as continuous-integration services read it.
enum JUnitExport {
  static func text(_ report: GradeReport) -> String {
    let failures = report.parts.filter { $0.outcome == .failed || $0.outcome == .partly }.count
    let skipped = report.parts.filter { $0.outcome == .notAssessed }.count
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
      "<testsuite name=\"\(escaped(report.lab))\" tests=\"\(report.parts.count)\" failures=\"\(failures)\" "
        + "errors=\"0\" skipped=\"\(skipped)\">",
    ]
    for part in report.parts {
      let head = "  <testcase classname=\"\(escaped(report.lab))\" name=\"\(escaped(part.id))\""
      let points = "\(GradeReport.text(part.points))/\(GradeReport.text(part.maximum))"
      switch part.outcome {
      case .passed: lines.append(head + "/>")
      case .notAssessed: lines.append(head + "><skipped message=\"\(escaped(part.message))\"/></testcase>")
      case .failed, .partly:
        lines.append(
          head
            + "><failure type=\"points\" message=\"\(points) points\">\(escaped(part.message))</failure></testcase>"
        )
      }
    }
    return (lines + ["</testsuite>"]).joined(separator: "\n") + "\n"
  }

  /// Characters that XML 1.0 does not allow at all become a question mark.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "?"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
