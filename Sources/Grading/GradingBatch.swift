public import Foundation

/// Grades a class, some submissions at a time; what is graded already is not graded again.
public struct GradingBatch: Sendable {
  /// What came of a class.
  public struct Outcome: Sendable {
    public var reports: [GradeReport]
    /// Submissions that could not be graded, by name, with the reason.
    public var trouble: [String: String]
    /// How many reports were taken over from an earlier run.
    public var kept = 0
    public var hasTrouble: Bool { !trouble.isEmpty }

    /// A line for each submission, and one for all.
    public var table: String {
      let width = (reports.map(\.submission.count) + trouble.keys.map(\.count)).max() ?? 0
      func padded(_ name: String) -> String {
        Self.visible(name) + String(repeating: " ", count: max(width - name.count, 0))
      }
      var lines =
        reports.map {
          "\(padded($0.submission))  \(GradeReport.text($0.points)) of \(GradeReport.text($0.maximum))"
        } + trouble.sorted { $0.key < $1.key }.map { "\(padded($0.key))  not graded: \($0.value)" }
      var summary = "\(reports.count + trouble.count) submissions"
      if kept > 0 { summary += ", \(kept) of them graded before" }
      if hasTrouble { summary += ", \(trouble.count) not graded" }
      lines.append(summary)
      return lines.map { $0 + "\n" }.joined()
    }

    /// A folder's name without what would move a terminal's cursor.
    private static func visible(_ name: String) -> String {
      String(
        String.UnicodeScalarView(name.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
    }
  }

  /// A folder for each submission.
  let submissions: URL
  let results: URL
  let format: GradeFormat
  private let instance: @Sendable (URL) throws -> LabInstance
  private let grade: @Sendable (URL, LabInstance) throws -> GradeReport
  private let isCurrent: @Sendable (GradeReport, URL, LabInstance) -> Bool

  /// A class's grading.
  ///
  /// - Parameters:
  ///   - seeds: whose instance each submission is.
  ///   - again: how the command line that shows a failure of a folder again begins.
  public init(
    grader: Grader, submissions: URL, results: URL, format: GradeFormat, seeds: LabSeeds,
    again: @escaping @Sendable (URL) -> Reproduction
  ) {
    self.init(
      lab: grader.lab.id, submissions: submissions, results: results, format: format, seeds: seeds,
      isCurrent: grader.isCurrent
    ) { try grader.grade($0, for: $1, again: again($0)) }
  }

  /// A class's grading by any means.
  ///
  /// - Parameters:
  ///   - isCurrent: whether an earlier report of a folder may be taken over.
  ///   - grade: makes the report of a folder.
  package init(
    lab: String, submissions: URL, results: URL, format: GradeFormat, seeds: LabSeeds,
    isCurrent: @escaping @Sendable (GradeReport, URL, LabInstance) -> Bool,
    grade: @escaping @Sendable (URL, LabInstance) throws -> GradeReport
  ) {
    (self.submissions, self.results, self.format) = (submissions, results, format)
    (self.grade, self.isCurrent) = (grade, isCurrent)
    instance = { try seeds.instance(lab: lab, folder: $0.lastPathComponent) }
  }

  /// Grades all that is not graded yet, writes a file for each at once and `grades.csv` at the end.
  ///
  /// A report is taken over from an earlier run when it is complete and the submission's files, the lab's
  /// manifest, student and seed are still the same.
  /// - Parameters:
  ///   - jobs: how many at a time.
  ///   - progress: is told how many are done, of how many, and whose was the last.
  public func run(jobs: Int, progress: @escaping (Int, Int, String) -> Void) throws -> Outcome {
    let manager = FileManager.default
    guard
      let entries = try? manager.contentsOfDirectory(
        at: submissions, includingPropertiesForKeys: [.isDirectoryKey])
    else { throw SubmissionError(description: "\(submissions.path): no such folder") }
    let folders = entries.filter { (try? $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) == true }
      .filter { !$0.lastPathComponent.hasPrefix(".") }
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
    guard !folders.isEmpty else {
      throw SubmissionError(description: "\(submissions.path): no folders, so no submissions")
    }
    let store = results.appendingPathComponent("reports")
    try manager.createDirectory(at: store, withIntermediateDirectories: true)
    let state = BatchState(folders, progress)
    DispatchQueue.concurrentPerform(iterations: min(jobs, folders.count)) { _ in
      while let folder = state.next() {
        let name = folder.lastPathComponent
        let file = store.appendingPathComponent(name + ".json")
        do {
          let instance = try instance(folder)
          let earlier = earlier(file).flatMap { isCurrent($0, folder, instance) ? $0 : nil }
          let report = try earlier ?? grade(folder, instance)
          if earlier == nil {
            try Data(GradeFormat.json.text(of: report).utf8).write(to: file, options: .atomic)
          }
          if format != .json, format != .csv {
            try Data(format.text(of: report).utf8).write(
              to: results.appendingPathComponent(name + "." + format.fileExtension), options: .atomic)
          }
          state.finish(name, .success(report), wasKept: earlier != nil)
        } catch {
          state.finish(name, .failure(error), wasKept: false)
        }
      }
    }
    let outcome = state.outcome
    try Data(CSVExport.text(outcome.reports).utf8).write(
      to: results.appendingPathComponent("grades.csv"), options: .atomic)
    return outcome
  }

  private func earlier(_ file: URL) -> GradeReport? {
    (try? Data(contentsOf: file)).flatMap { try? JSONDecoder().decode(GradeReport.self, from: $0) }
  }
}

extension GradeFormat {
  /// Ending of a file in this format.
  var fileExtension: String {
    switch self {
    case .text: "txt"
    case .json: "json"
    case .gradescope: "results.json"
    case .classroom50: "result.json"
    case .junit: "xml"
    case .markdown: "md"
    case .csv: "csv"
    }
  }
}

/// What the workers of a batch share.
private final class BatchState: @unchecked Sendable {
  // Every access to the variables below holds the lock.
  private let lock = NSLock()
  private var waiting: [URL]
  private let all: Int
  private var done = 0
  private var kept = 0
  private var reports: [String: GradeReport] = [:]
  private var trouble: [String: String] = [:]

  private let progress: (Int, Int, String) -> Void

  init(_ folders: [URL], _ progress: @escaping (Int, Int, String) -> Void) {
    self.progress = progress
    waiting = folders.reversed()
    all = folders.count
  }

  func next() -> URL? { lock.withLock { waiting.popLast() } }

  func finish(_ name: String, _ result: Result<GradeReport, any Error>, wasKept: Bool) {
    lock.withLock {
      done += 1
      kept += wasKept ? 1 : 0
      switch result {
      case .success(let report): reports[name] = report
      case .failure(let error): trouble[name] = "\(error)"
      }
      progress(done, all, name)
    }
  }

  var outcome: GradingBatch.Outcome {
    lock.withLock {
      GradingBatch.Outcome(
        reports: reports.sorted { $0.key < $1.key }.map(\.value), trouble: trouble, kept: kept)
    }
  }
}
