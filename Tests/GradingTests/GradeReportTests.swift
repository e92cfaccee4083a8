import Foundation
import Grading
import MachineCore
import Testing

@Suite struct GradeReportTests {
  private let report = GradeReport(
    lab: "Lab01", title: "Interpreter core", submission: "=ada,\"b\"", seed: 7,
    parts: [
      .init(id: "a", title: "One | two", outcome: .passed, points: 5, maximum: 5),
      .init(
        id: "b", title: "Two", outcome: .partly, points: 1.25, maximum: 4, message: "first <diff> & \u{1}"),
      .init(
        id: "c", title: "Three", outcome: .failed, points: 0, maximum: 2, visibility: .hidden,
        message: "secret"),
      .init(id: "d", title: "Live", outcome: .notAssessed, points: 0, maximum: 0, message: "no KVM"),
    ], notes: ["x.swift: missing"])

  @Test func sharesAreExactAndNeverRoundUpToAll() {
    #expect(GradeReport.share(3, of: 3, points: 0.1) == 0.1)
    #expect(GradeReport.share(2, of: 3, points: 1) == 0.66)
    #expect(GradeReport.share(999, of: 1000, points: 1) == 0.99)
    #expect(GradeReport.share(0, of: 0, points: 5) == 0)
    #expect(GradeReport.share(-1, of: 4, points: 5) == 0)
    #expect(report.points == 6.25)
    #expect(report.maximum == 11)
    #expect([0.5, 2, 1.25, 0.05].map(GradeReport.text) == ["0.5", "2", "1.25", "0.05"])
  }

  @Test func jsonComesBackAsItWas() throws {
    let text = try GradeFormat.json.text(of: report)
    #expect(try JSONDecoder().decode(GradeReport.self, from: Data(text.utf8)) == report)
  }

  @Test func gradescopeHasTheFieldsOfItsSpecification() throws {
    let text = try GradeFormat.gradescope.text(of: report)
    let value = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(value["score"] as? Double == 6.25)
    let tests = try #require(value["tests"] as? [[String: Any]])
    #expect(tests.map { $0["status"] as? String } == ["passed", "failed", "failed", nil])
    #expect(tests.map { $0["visibility"] as? String } == ["visible", "visible", "hidden", "visible"])
    #expect(tests.map { $0["number"] as? String } == ["1", "2", "3", "4"])
    for test in tests {
      #expect(
        Set(test.keys).subtracting(["status"])
          == ["score", "max_score", "name", "number", "output", "output_format", "tags", "visibility"])
    }
    #expect(value["stdout_visibility"] as? String == "hidden")
  }

  @Test func classroom50HasWholeNumbersAndNoSecrets() throws {
    let text = try GradeFormat.classroom50.text(of: report, context: GradeContext(owner: "ada"))
    let value = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(value["schema"] as? String == "classroom50/result/v1")
    #expect(value["score"] as? Int == 625)
    #expect(value["max-score"] as? Int == 1100)
    #expect(value["owner"] as? String == "ada")
    #expect(!text.contains("secret"))
  }

  @Test func junitIsWellFormed() throws {
    let text = try GradeFormat.junit.text(of: report)
    let parser = XMLCheck(text)
    #expect(parser.isWellFormed, "\(text)")
    #expect(parser.counts == ["testsuite": 1, "testcase": 4, "failure": 2, "skipped": 1])
  }

  @Test func csvSurvivesSpreadsheets() throws {
    let lines = try GradeFormat.csv.text(of: report).split(separator: "\n")
    #expect(lines.count == 6)
    #expect(lines[1].hasPrefix("Lab01,\"'=ada,\"\"b\"\"\",,7,a,passed,5,5"), "\(lines[1])")
    #expect(lines[5].hasSuffix("TOTAL,,6.25,11"))
    // A carriage return and a line feed together are one character in Swift.
    #expect(CSVField.quoted("one\r\ntwo") == "\"one\r\ntwo\"")
    #expect(CSVField.quoted("one two") == "one two")
  }

  @Test func textAndMarkdownNameEveryExercise() throws {
    let text = try GradeFormat.text.text(of: report)
    #expect(text.hasSuffix("Score: 6.25/11\n"))
    #expect(text.contains("== Test Two == b: PARTLY (1.25/4)"))
    #expect(text.contains("d: NOT ASSESSED"))
    let markdown = try GradeFormat.markdown.text(of: report)
    #expect(markdown.contains("| One \\| two | passed | 5 | 5 |"))
  }
}

/// Counts elements, by a small reader that knows the few constructs the export uses.
private struct XMLCheck {
  private(set) var isWellFormed = true
  private(set) var counts: [String: Int] = [:]

  init(_ text: String) {
    var open: [String] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      let between = rest[..<start]
      if between.contains(">") { isWellFormed = false }
      guard let end = rest[start...].firstIndex(of: ">") else {
        isWellFormed = false
        return
      }
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("?") { continue }
      let name = String(tag.drop { $0 == "/" }.prefix { $0.isLetter })
      if tag.hasPrefix("/") {
        if open.popLast() != name { isWellFormed = false }
        continue
      }
      counts[name, default: 0] += 1
      if !tag.hasSuffix("/") { open.append(name) }
    }
    if !open.isEmpty || text.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" }) {
      isWellFormed = false
    }
  }
}
