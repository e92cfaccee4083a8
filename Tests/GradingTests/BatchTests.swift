import Foundation
import Grading
import Synchronization
import Testing

/// A class, with a grader that needs no compiler.
@Suite struct BatchTests {
  private let folder: TemporaryFolder
  private let names = (0..<12).map { "s\($0 < 10 ? "0" : "")\($0)" }

  init() throws {
    folder = try TemporaryFolder()
    for name in names { try folder.write("class/\(name)/answer.txt", name) }
    try folder.write("class/notes.txt", "no submission")
    try folder.write("class/.git/config", "no submission")
  }

  struct Broken: Error {}

  private static func report(_ url: URL, _ instance: LabInstance) throws -> GradeReport {
    let text = try String(contentsOf: url.appendingPathComponent("answer.txt"), encoding: .utf8)
    var report = GradeReport(
      lab: instance.lab, title: "Test", submission: url.lastPathComponent, seed: instance.seed,
      parts: [
        .init(id: "a", title: "A", outcome: .partly, points: Double(text.utf8.last ?? 0) / 100, maximum: 1)
      ])
    report.student = instance.student
    report.fingerprint = text
    return report
  }

  private func batch(
    _ results: String, _ format: GradeFormat = .markdown,
    _ grade: @escaping @Sendable (URL, LabInstance) throws -> GradeReport
  ) -> GradingBatch {
    GradingBatch(
      lab: "Lab77", submissions: folder.url.appendingPathComponent("class"),
      results: folder.url.appendingPathComponent(results), format: format, seeds: .folderNames,
      isCurrent: { report, url, _ in
        (try? String(contentsOf: url.appendingPathComponent("answer.txt"), encoding: .utf8))
          == report.fingerprint
      }, grade: grade)
  }

  private func contents(_ results: String) throws -> [String: Data] {
    let root = folder.url.appendingPathComponent(results)
    var files: [String: Data] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: root.path) {
      files[path] = FileManager.default.contents(atPath: root.appendingPathComponent(path).path)
    }
    return files
  }

  @Test func jobsAndRunsDoNotMatter() throws {
    let first = try batch("one") { try Self.report($0, $1) }.run(jobs: 1) { _, _, _ in }
    let second = try batch("four") { try Self.report($0, $1) }.run(jobs: 4) { _, _, _ in }
    #expect(first.reports.map(\.submission) == names)
    #expect(first.reports == second.reports && first.table == second.table && !first.hasTrouble)
    #expect(first.reports.map(\.student) == names)
    let files = try contents("one")
    #expect(try files == contents("four"))
    #expect(
      files.count == 2 * names.count + 1, "report, Markdown, grades.csv: \(files.keys.sorted())")
    let again = try batch("one") { _, _ in throw Broken() }.run(jobs: 2) { _, _, _ in }
    #expect(again.kept == names.count && again.reports == first.reports)
    #expect(try files == contents("one"))
  }

  @Test func badSubmissionsDoNotStopTheRest() throws {
    let seen = Mutex<[Int]>([])
    let outcome = try batch("out") { url, instance in
      if url.lastPathComponent == "s03" { throw Broken() }
      return try Self.report(url, instance)
    }.run(jobs: 3) { done, all, _ in seen.withLock { $0.append(done * 100 + all) } }
    #expect(outcome.reports.count == 11 && outcome.trouble.keys.sorted() == ["s03"])
    #expect(
      outcome.table.contains("s03  not graded") && outcome.table.hasSuffix("12 submissions, 1 not graded\n"))
    #expect(seen.withLock { $0 } == (1...12).map { $0 * 100 + 12 })
  }

  @Test func whatIsDoneIsNotDoneAgain() throws {
    let count = Mutex(0)
    // As after a kill: some are there, one is damaged, one half written beside its place.
    _ = try batch("out") { url, instance in
      if url.lastPathComponent > "s05" { throw Broken() }
      return try Self.report(url, instance)
    }.run(jobs: 1) { _, _, _ in }
    try folder.write("out/reports/s02.json", "{\"schema\": \"triad/gra")
    try folder.write("out/reports/.s09.json.tmp", "{")
    // Handed in again.
    try folder.write("class/s01/answer.txt", "new")
    let outcome = try batch("out") { url, instance in
      count.withLock { $0 += 1 }
      return try Self.report(url, instance)
    }.run(jobs: 2) { _, _, _ in }
    #expect(count.withLock { $0 } == 8, "s01, s02 and s06 to s11")
    #expect(outcome.kept == 4 && outcome.reports.count == 12 && !outcome.hasTrouble)
    #expect(outcome.reports[1].fingerprint == "new")
    let whole = try batch("whole") { try Self.report($0, $1) }.run(jobs: 1) { _, _, _ in }
    #expect(whole.reports == outcome.reports)
  }

  @Test func noSubmissionsIsAnError() throws {
    let empty = GradingBatch(
      lab: "Lab77", submissions: folder.url.appendingPathComponent("class/s01"),
      results: folder.url.appendingPathComponent("out"), format: .json, seeds: .same(1),
      isCurrent: { _, _, _ in true }, grade: { _, _ in throw Broken() })
    #expect(throws: SubmissionError.self) { try empty.run(jobs: 1) { _, _, _ in } }
  }
}
