public import Foundation

/// Grades a class, some submissions at a time; what is graded already is not graded again.
public struct GradingBatch: Sendable {
  /// What came of a class.
  public struct Outcome: Sendable {
    public var reports: [GradeReport]
    /// Submissions that could not be graded, by name, with the reason.
    public var trouble: [String: String]
    public var hasTrouble: Bool { !trouble.isEmpty }

    /// A line for each submission.
    public var table: String {
      let width = (reports.map(\.submission.count) + trouble.keys.map(\.count)).max() ?? 0
      func padded(_ name: String) -> String {
        name + String(repeating: " ", count: max(width - name.count, 0))
      }
      let lines =
        reports.map {
          "\(padded($0.submission))  \(GradeReport.text($0.points)) of \(GradeReport.text($0.maximum))"
        } + trouble.sorted { $0.key < $1.key }.map { "\(padded($0.key))  not graded: \($0.value)" }
      return lines.map { $0 + "\n" }.joined()
    }
  }

  let grader: Grader
  /// A folder for each submission.
  let submissions: URL
  let results: URL
  let format: GradeFormat
  let seed: UInt64

  /// A class's grading.
  public init(grader: Grader, submissions: URL, results: URL, format: GradeFormat, seed: UInt64) {
    self.grader = grader
    self.submissions = submissions
    self.results = results
    self.format = format
    self.seed = seed
  }

  /// Grades all that is not graded yet, writes a file for each at once and `grades.csv` at the end.
  ///
  /// A report is taken over from an earlier run when it is complete and of the same lab and seed.
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
          let report = try earlier(file) ?? grader.grade(folder, seed: seed)
          try Data(GradeFormat.json.text(of: report).utf8).write(to: file, options: .atomic)
          if format != .json {
            try Data(format.text(of: report).utf8).write(
              to: results.appendingPathComponent(name + "." + format.fileExtension), options: .atomic)
          }
          state.finish(name, .success(report))
        } catch {
          state.finish(name, .failure(error))
        }
      }
    }
    let outcome = state.outcome
    try Data(CSVExport.text(outcome.reports).utf8).write(
      to: results.appendingPathComponent("grades.csv"), options: .atomic)
    return outcome
  }

  private func earlier(_ file: URL) -> GradeReport? {
    guard let data = try? Data(contentsOf: file),
      let report = try? JSONDecoder().decode(GradeReport.self, from: data),
      report.schema == GradeReport.schema,
      report.lab == grader.lab.id, report.seed == seed,
      report.parts.map(\.id) == grader.lab.exercises.map(\.id)
    else { return nil }
    return report
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
  private var reports: [String: GradeReport] = [:]
  private var trouble: [String: String] = [:]

  private let progress: (Int, Int, String) -> Void

  init(_ folders: [URL], _ progress: @escaping (Int, Int, String) -> Void) {
    self.progress = progress
    waiting = folders.reversed()
    all = folders.count
  }

  func next() -> URL? { lock.withLock { waiting.popLast() } }

  func finish(_ name: String, _ result: Result<GradeReport, any Error>) {
    lock.withLock {
      done += 1
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
        reports: reports.sorted { $0.key < $1.key }.map(\.value), trouble: trouble)
    }
  }
}
