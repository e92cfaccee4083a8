import Foundation

/// One student's work on one exercise, as a kind of exercise sees it.
public struct Attempt {
  public let lab: LabManifest
  public let exercise: LabManifest.Exercise
  /// Of generated programs and of the student's instance.
  public let seed: UInt64
  /// The student's files by name.
  public let texts: [String: String]
  /// The student's program; `nil` where the files are only read.
  let program: StudentProgram?
  /// A folder for what the assessment makes.
  let place: URL
  /// The lab's own folder, with the data that its exercises need.
  let folder: URL
  /// The command line that shows the same again.
  public let reproduction: String

  /// What a run of the student's program left.
  struct Run {
    var end: ProcessEnd
    /// Path of its standard output.
    var output: String
    /// First lines of its standard error.
    var errors: String

    /// It would use up its time on the next input, too.
    var hangs: Bool { [.killed, .signalled(SIGXCPU), .signalled(SIGKILL)].contains(end) }
  }

  /// Runs the student's program on an input, with the rights and limits that the grader gives it.
  ///
  /// - Parameter device: a device that it may use besides, such as `/dev/kvm`.
  func run(_ request: Data, device: String? = nil) throws -> Run {
    guard let program else {
      throw SubmissionError(description: "\(lab.id): \(exercise.id): the lab has no program to run")
    }
    let input = place.appendingPathComponent("request").path
    try request.write(to: URL(fileURLWithPath: input))
    let output = place.appendingPathComponent("output").path
    let errors = place.appendingPathComponent("errors").path
    let end = try program.run(input: input, output: output, errors: errors, device: device)
    return Run(end: end, output: output, errors: Workbench.start(of: errors, lines: 20))
  }

  /// An error in the lab's own files.
  func mistake(_ text: String) -> SubmissionError {
    SubmissionError(description: "\(lab.id): \(exercise.id): \(text)")
  }
}

extension LabManifest.Exercise {
  /// A number that only the kind knows; `nil` when it is not there.
  func number(_ name: String) -> Double? {
    if case .number(let number)? = options?[name] { number } else { nil }
  }

  /// A text that only the kind knows; `nil` when it is not there.
  func text(_ name: String) -> String? {
    if case .text(let text)? = options?[name] { text } else { nil }
  }

  /// A list that only the kind knows; empty when it is not there.
  func list(_ name: String) -> [String] {
    if case .list(let list)? = options?[name] { list } else { [] }
  }
}

/// A student's program, and how it is run.
struct StudentProgram {
  var path: String
  /// The grader's own program, which confines; `nil` on the student's own machine, where it runs as it is.
  var launcher: String?

  func run(
    input: String, output: String, errors: String, device: String? = nil
  ) throws -> ProcessEnd {
    var confinement = Confinement(
      readable: Confinement.systemPaths + [path], processorSeconds: 5, memory: 1 << 30,
      fileSize: 16 << 20)
    if let device { confinement.devices = [device] }
    return try BoundedProcess(launcher: launcher, confinement: confinement, patience: 60)
      .run([path], directory: "/", input: input, output: output, errors: errors)
  }
}
