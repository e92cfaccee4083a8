public import Foundation
internal import Trace

/// Grades submissions of one lab.
public struct Grader: Sendable {
  public let lab: LabManifest
  private let bench: Workbench

  /// A grader for the lab in `Labs/ID`.
  ///
  /// - Throws: ``SubmissionError`` when there is no such lab.
  public init(_ id: String, on bench: Workbench) throws(SubmissionError) {
    let folder = bench.labs.appendingPathComponent(id)
    guard FileManager.default.fileExists(atPath: folder.appendingPathComponent("lab.json").path) else {
      let names = (try? LabFolder(bench.labs))?.ids ?? []
      throw SubmissionError(
        description: "there is no lab `\(id)`; there are: \(names.joined(separator: ", "))")
    }
    lab = try LabManifest(in: folder)
    self.bench = bench
  }

  /// Grades one submission; a bad one gets a report with no points, not an error.
  ///
  /// - Parameters:
  ///   - folder: the submission.
  ///   - instance: whose, with which seed.
  ///   - only: id of the one exercise to do; all if `nil`.
  ///   - again: how the command line that shows a failure again begins.
  /// - Throws: ``SubmissionError`` when the folder is not there or the host cannot do the work.
  public func grade(
    _ folder: URL, for instance: LabInstance, only: String? = nil, again: Reproduction
  ) throws -> GradeReport {
    let files = try SubmissionFiles(in: folder, allowed: lab.files)
    var report = GradeReport(
      lab: lab.id, title: lab.title, submission: folder.lastPathComponent, seed: instance.seed, parts: [],
      notes: files.notes)
    report.student = instance.student
    report.fingerprint = Self.fingerprint(of: files, lab, instance)
    let exercises = lab.exercises.filter { only == nil || $0.id == only }
    guard !exercises.isEmpty else {
      throw SubmissionError(
        description:
          "\(lab.id) has no exercise `\(only ?? "")`; it has: \(lab.exercises.map(\.id).joined(separator: ", "))"
      )
    }
    let place = bench.work.appendingPathComponent("runs/\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }

    var obstacle = files.obstacle(in: lab)
    if obstacle == nil, lab.isProgram, let text = try bench.build(lab, files.texts, in: place) {
      obstacle = "It does not compile:\n\n```\n\(text)\n```"
    }
    if let obstacle { report.notes.append(obstacle) }
    for exercise in exercises {
      guard obstacle == nil else {
        report.parts.append(exercise.part(.failed, 0, ""))
        continue
      }
      let attempt = Attempt(
        lab: lab, exercise: exercise, seed: instance.seed, texts: files.texts,
        program: lab.isProgram
          ? StudentProgram(path: bench.program(in: place), launcher: bench.launcher) : nil,
        place: place, folder: bench.labs.appendingPathComponent(lab.id),
        reproduction: again.text(instance, only: exercise.id))
      report.parts.append(try attempt.assessed())
    }
    return report
  }

  /// What a report depends on: the files that were read, the lab's manifest, and whose instance it is.
  static func fingerprint(of files: SubmissionFiles, _ lab: LabManifest, _ instance: LabInstance) -> String {
    var digest = Digest()
    for (name, text) in files.texts.sorted(by: { $0.key < $1.key }) {
      digest.add(name)
      digest.add(text)
    }
    for note in files.notes { digest.add(note) }
    digest.add((try? GradeFormat.json(lab)) ?? "")
    digest.add(instance.student ?? "")
    digest.add(word: instance.seed)
    let text = String(digest.value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }

  /// Whether a report that was written before is what grading the same folder would give again.
  func isCurrent(_ report: GradeReport, _ folder: URL, _ instance: LabInstance) -> Bool {
    guard report.schema == GradeReport.schema, report.lab == lab.id,
      report.submission == folder.lastPathComponent,
      report.parts.map(\.id) == lab.exercises.map(\.id),
      let files = try? SubmissionFiles(in: folder, allowed: lab.files)
    else { return false }
    return report.fingerprint == Self.fingerprint(of: files, lab, instance)
  }
}
