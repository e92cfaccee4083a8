import Foundation
import Grading
import Synchronization
import Testing

/// One visible exercise with the student's files as they are.
struct LabTest: Sendable, CustomTestStringConvertible {
  let tests: PublicTests
  let exercise: LabManifest.Exercise

  var testDescription: String { exercise.title }

  /// What was found so far, by lab.
  static let parts = Mutex<[String: [GradeReport.Part]]>([:])

  /// Assesses the exercise; an issue if it does not get all points.
  func run() {
    do {
      let part = try tests.assess(exercise)
      Self.parts.withLock { $0[tests.lab.id, default: []].append(part) }
      guard part.outcome == .failed || part.outcome == .partly else { return }
      let points = "\(GradeReport.text(part.points)) of \(GradeReport.text(part.maximum)) points"
      Issue.record(Comment(rawValue: "\(part.title): \(points)\n\(part.message)"))
    } catch {
      Issue.record("\(exercise.title): \(String(describing: error))")
    }
  }
}

/// The visible exercises of a lab; none if there is no such lab, or only that of the variable `TRIAD_ONLY`.
func visible(_ id: String) -> [LabTest] {
  let only = ProcessInfo.processInfo.environment["TRIAD_ONLY"]
  guard case .success(let tests)? = publicTests(id) else { return [] }
  return tests.exercises.filter { only == nil || $0.id == only }.map { LabTest(tests: tests, exercise: $0) }
}

/// The tests of a lab, or what is wrong with its files; `nil` if there is no such lab.
private func publicTests(_ id: String) -> Result<PublicTests, SubmissionError>? {
  let labs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  guard FileManager.default.fileExists(atPath: labs.appendingPathComponent("\(id)/lab.json").path) else {
    return nil
  }
  return Result { () throws(SubmissionError) in try PublicTests(id, labs: labs, products: products) }
}

/// Where `swift test` has put what it built: beside the program that runs the tests.
private let products: URL = {
  #if os(Linux)
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
  #else
    let program =
      Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL ?? Bundle.main.bundleURL
  #endif
  return program.deletingLastPathComponent()
}()

/// Prints the score when all exercises of a lab have been run.
struct ScoreTrait: SuiteTrait, TestScoping {
  let id: String

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await function()
    switch publicTests(id) {
    case nil: FileHandle.standardError.write(Data("\(id): there is no such lab yet\n".utf8))
    case .failure(let error): Issue.record("\(error.description)")
    case .success(let tests):
      let parts = LabTest.parts.withLock { $0[id] ?? [] }
      // Where the messages go, so that it comes after them.
      FileHandle.standardError.write(Data(("\n" + tests.summary(of: parts) + "\n").utf8))
    }
  }
}

extension Trait where Self == ScoreTrait {
  /// A suite of a lab's exercises.
  static func lab(_ id: String) -> Self { ScoreTrait(id: id) }
}
