public import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA
internal import X86Backend

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
  ///   - seed: of generated programs.
  ///   - only: id of the one exercise to do; all if `nil`.
  /// - Throws: ``SubmissionError`` when the folder is not there or the host cannot do the work.
  public func grade(_ folder: URL, seed: UInt64, only: String? = nil) throws -> GradeReport {
    let files = try SubmissionFiles(in: folder, allowed: lab.files)
    var report = GradeReport(
      lab: lab.id, title: lab.title, submission: folder.lastPathComponent, seed: seed, parts: [],
      notes: files.notes)
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

    var obstacle: String?
    let imports = lab.imports ?? []
    let foreign = files.foreignImports(allowed: Set(imports))
    if files.isIncomplete {
      obstacle = "Not all files are there, so nothing could be built."
    } else if !lab.isProgram {
      obstacle = nil
    } else if !foreign.isEmpty {
      obstacle =
        "Only \(imports.joined(separator: ", ")) may be imported:\n\n```\n\(foreign.joined(separator: "\n"))\n```"
    } else if !files.underscoredAttributes.isEmpty {
      obstacle =
        "Attributes with an underscore are not allowed:\n\n```\n\(files.underscoredAttributes.joined(separator: "\n"))\n```"
    } else if let text = try bench.build(lab, files.texts, in: place) {
      obstacle = "It does not compile:\n\n```\n\(text)\n```"
    }
    if let obstacle { report.notes.append(obstacle) }
    for exercise in exercises {
      report.parts.append(
        obstacle == nil
          ? try assess(
            exercise, files.texts,
            lab.isProgram ? StudentProgram(path: bench.program(in: place), launcher: bench.launcher) : nil,
            seed: seed, in: place,
            reproduction:
              "triad grade \(lab.id) --submission \(folder.path) --seed \(seed) --only \(exercise.id)")
          : GradeReport.Part(
            id: exercise.id, title: exercise.title, outcome: .failed, points: 0, maximum: exercise.points,
            visibility: exercise.visibility, message: ""))
    }
    return report
  }

  private func assess(
    _ exercise: LabManifest.Exercise, _ texts: [String: String], _ program: StudentProgram?,
    seed: UInt64, in place: URL, reproduction: String
  ) throws -> GradeReport.Part {
    func part(_ outcome: GradeReport.Outcome, _ points: Double, _ message: String) -> GradeReport.Part {
      GradeReport.Part(
        id: exercise.id, title: exercise.title, outcome: outcome, points: points,
        maximum: outcome == .notAssessed ? 0 : exercise.points, visibility: exercise.visibility,
        message: message)
    }
    for need in exercise.needs ?? [] {
      if let lack = try HostFeature.lack(of: need, lab: lab.id) { return part(.notAssessed, 0, lack) }
    }
    guard let kind = ExerciseKinds.named(exercise.kind) else {
      throw SubmissionError(description: "\(lab.id): \(exercise.id): no kind `\(exercise.kind)`")
    }
    let result = try kind.assess(
      Attempt(
        lab: lab, exercise: exercise, seed: seed, texts: texts, program: program, place: place,
        folder: bench.labs.appendingPathComponent(lab.id),
        reproduction: reproduction))
    return part(
      result.good >= result.all ? .passed : result.good <= 0 ? .failed : .partly,
      GradeReport.share(result.good, of: result.all, points: exercise.points), result.message)
  }
}
