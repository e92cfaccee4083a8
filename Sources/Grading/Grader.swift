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
    let foreign = files.foreignImports(allowed: Set(lab.imports))
    if files.texts.count < lab.files.count {
      obstacle = "Not all files are there, so nothing could be built."
    } else if !foreign.isEmpty {
      obstacle =
        "Only \(lab.imports.joined(separator: ", ")) may be imported:\n\n```\n\(foreign.joined(separator: "\n"))\n```"
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
          ? try assess(exercise, folder, seed: seed, in: place)
          : GradeReport.Part(
            id: exercise.id, title: exercise.title, outcome: .failed, points: 0, maximum: exercise.points,
            visibility: exercise.visibility, message: ""))
    }
    return report
  }

  private func assess(_ exercise: LabManifest.Exercise, _ folder: URL, seed: UInt64, in place: URL) throws
    -> GradeReport.Part
  {
    let workloads = try workloads(exercise, seed: seed)
    var good = 0
    var complaint: String?
    for (number, workload) in workloads.enumerated() {
      guard case .toy(let image, let machine, _) = workload.machine else { continue }
      let bytes = image.encode(includeText: false)
      let input = place.appendingPathComponent("image").path
      let request = Data("\(workload.instructionLimit) \(machine.memorySize)\n".utf8) + Data(bytes)
      try request.write(to: URL(fileURLWithPath: input))
      let trace = place.appendingPathComponent("trace").path
      let errors = place.appendingPathComponent("errors").path
      let confinement = Confinement(
        readable: Confinement.systemPaths + [bench.program(in: place)], processorSeconds: 5,
        fileSize: 16 << 20)
      let process = BoundedProcess(launcher: bench.launcher, confinement: confinement, patience: 60)
      let end = try process.run(
        [bench.program(in: place)], directory: "/", input: input, output: trace, errors: errors)
      let judge = TraceJudge(
        workload: workload, image: bytes,
        reproduction:
          "triad grade \(lab.id) --submission \(folder.path) --seed \(seed) --only \(exercise.id)")
      let found = try judge.complaint(
        about: trace, ended: end, errors: Workbench.start(of: errors, lines: 20))
      if let found {
        complaint = complaint ?? "Program \(number + 1) of \(workloads.count), `\(workload.name)`. \(found)"
        // One that hangs costs its whole time, and the next would, too.
        if [.killed, .signalled(SIGXCPU), .signalled(SIGKILL)].contains(end) { break }
      } else {
        good += 1
      }
    }
    let points = GradeReport.share(good, of: workloads.count, points: exercise.points)
    let count = workloads.count > 1 ? "\(good) of \(workloads.count) programs agree. " : ""
    return GradeReport.Part(
      id: exercise.id, title: exercise.title,
      outcome: good == workloads.count ? .passed : good == 0 ? .failed : .partly, points: points,
      maximum: exercise.points, visibility: exercise.visibility, message: complaint.map { count + $0 } ?? "")
  }

  /// The programs of an exercise.
  func workloads(_ exercise: LabManifest.Exercise, seed: UInt64) throws -> [Workload] {
    let limit = exercise.limit ?? 20_000
    switch exercise.kind {
    case .generated:
      guard let group = ToyGroup.allCases.first(where: { "\($0)" == exercise.subject }) else {
        throw SubmissionError(description: "\(lab.id): \(exercise.id): no section `\(exercise.subject)`")
      }
      return try (0..<(exercise.count ?? 10)).map { number in
        guard let image = GeneratedPrograms.image(group: group, seed: seed, number: number) else {
          throw SubmissionError(
            description: "\(lab.id): \(exercise.id): no programs for `\(exercise.subject)`")
        }
        return Workload(
          name: "\(exercise.subject) \(number + 1)",
          machine: .toy(image, ToyMachine(memorySize: GeneratedPrograms.memorySize), .classic),
          instructionLimit: limit)
      }
    case .program:
      guard let program = ToyPrograms.named(exercise.subject) else {
        throw SubmissionError(description: "\(lab.id): \(exercise.id): no program `\(exercise.subject)`")
      }
      return [
        Workload(
          name: program.name, machine: .toy(try program.assemble(), ToyMachine(), .classic),
          instructionLimit: limit)
      ]
    }
  }
}
