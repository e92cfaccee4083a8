public import Foundation

/// A lab's visible exercises, assessed on the student's own machine: what `swift test` in `Labs` runs.
///
/// The student's program is a child process without confinement, but with bounds on its time and output.
public struct PublicTests: Sendable {
  public let lab: LabManifest
  /// From the lab's `instance.json`; nobody's if there is none.
  public let instance: LabInstance
  private let folder: URL
  private let products: URL

  /// The tests of a lab.
  ///
  /// - Parameters:
  ///   - labs: the `Labs` folder.
  ///   - products: the folder with the programs that `swift build` has made of the labs.
  /// - Throws: ``SubmissionError`` when `lab.json` or `instance.json` is wrong.
  public init(_ id: String, labs: URL, products: URL) throws(SubmissionError) {
    folder = labs.appendingPathComponent(id)
    lab = try LabManifest(in: folder)
    instance = try LabInstance(in: folder, lab: id) ?? LabInstance(lab: id)
    self.products = products
  }

  /// The exercises that students may see.
  public var exercises: [LabManifest.Exercise] { lab.exercises.filter { $0.visibility == .visible } }

  /// Assesses one exercise of the files as they are.
  ///
  /// - Throws: ``SubmissionError`` when the lab's own files are wrong or its program has not been built.
  public func assess(_ exercise: LabManifest.Exercise) throws -> GradeReport.Part {
    let files = try SubmissionFiles(in: folder.appendingPathComponent("Sources"), allowed: lab.files)
    if let obstacle = files.obstacle(in: lab) {
      let notes = files.isIncomplete ? files.notes.map { "\n" + $0 }.joined() : ""
      return exercise.part(.failed, 0, obstacle + notes)
    }
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("triad-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    var program: StudentProgram?
    if lab.isProgram {
      let path = products.appendingPathComponent("\(lab.id)Runner").path
      guard FileManager.default.isExecutableFile(atPath: path) else {
        throw SubmissionError(description: "\(path): not there; `swift test` should have built it")
      }
      program = StudentProgram(path: path, launcher: nil)
    }
    return try Attempt(
      lab: lab, exercise: exercise, seed: instance.seed, texts: files.texts, program: program, place: place,
      folder: folder,
      reproduction: "TRIAD_ONLY=\(exercise.id) swift test --filter \(lab.id)"
    ).assessed()
  }

  /// The score of parts that ``assess(_:)`` gave, a line for each exercise.
  public func summary(of parts: [GradeReport.Part]) -> String {
    let report = GradeReport(
      lab: lab.id, title: lab.title, submission: "your files", seed: instance.seed, parts: parts)
    let whose = instance.student.map { "\($0), seed \(instance.seed)" } ?? "seed \(instance.seed)"
    let width = exercises.map(\.title.count).max() ?? 0
    var lines = ["\(lab.id)  \(lab.title)  (\(whose))"]
    for exercise in exercises {
      let title = exercise.title + String(repeating: " ", count: width - exercise.title.count)
      guard let part = parts.first(where: { $0.id == exercise.id }) else {
        lines.append("  \(title)  not run")
        continue
      }
      lines.append(
        part.outcome == .notAssessed
          ? "  \(title)  not assessed: \(part.message)"
          : "  \(title)  \(part.outcome.word)  \(GradeReport.text(part.points)) of \(GradeReport.text(part.maximum))"
      )
    }
    lines.append("Score: \(GradeReport.text(report.points)) of \(GradeReport.text(report.maximum)) points")
    let hidden = lab.exercises.filter { $0.visibility == .hidden }
    if !hidden.isEmpty {
      let points = GradeReport.text(hidden.reduce(0) { $0 + $1.points })
      lines.append(
        "\(hidden.count) more exercise\(hidden.count == 1 ? " is" : "s are") hidden and graded when you hand in: "
          + "\(points) points")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension GradeReport.Outcome {
  /// In capitals, for a terminal.
  var word: String {
    switch self {
    case .passed: "OK"
    case .partly: "PARTLY"
    case .failed: "FAIL"
    case .notAssessed: "NOT ASSESSED"
    }
  }
}

extension LabManifest.Exercise {
  /// An outcome of this exercise.
  func part(_ outcome: GradeReport.Outcome, _ points: Double, _ message: String) -> GradeReport.Part {
    GradeReport.Part(
      id: id, title: title, outcome: outcome, points: points,
      maximum: outcome == .notAssessed ? 0 : self.points, visibility: visibility, message: message)
  }
}

extension Attempt {
  /// What comes of it: not assessed if the host lacks what it needs, else what its kind says.
  func assessed() throws -> GradeReport.Part {
    for need in exercise.needs ?? [] {
      if let lack = try HostFeature.lack(of: need, lab: lab.id) {
        return exercise.part(.notAssessed, 0, lack)
      }
    }
    guard let kind = ExerciseKinds.named(exercise.kind) else {
      throw mistake("no kind `\(exercise.kind)`")
    }
    let result = try kind.assess(self)
    return exercise.part(
      result.good >= result.all ? .passed : result.good <= 0 ? .failed : .partly,
      GradeReport.share(result.good, of: result.all, points: exercise.points), result.message)
  }
}

extension SubmissionFiles {
  /// Why these files cannot be built or read; `nil` when nothing stands in the way.
  func obstacle(in lab: LabManifest) -> String? {
    if isIncomplete { return "Not all files are there, so nothing could be built." }
    guard lab.isProgram else { return nil }
    let imports = lab.imports ?? []
    let foreign = foreignImports(allowed: Set(imports))
    if !foreign.isEmpty {
      return
        "Only \(imports.joined(separator: ", ")) may be imported:\n\n```\n\(foreign.joined(separator: "\n"))\n```"
    }
    let attributes = underscoredAttributes
    if !attributes.isEmpty {
      return
        "Attributes with an underscore are not allowed:\n\n```\n\(attributes.joined(separator: "\n"))\n```"
    }
    return nil
  }
}
