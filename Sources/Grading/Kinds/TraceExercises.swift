internal import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA
internal import X86Backend

/// Generated programs of one section of the instruction set; traces are compared.
enum GeneratedExercise: ExerciseKind {
  static let name = "generated"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let subject = attempt.exercise.subject ?? ""
    guard let group = ToyGroup.allCases.first(where: { "\($0)" == subject }) else {
      throw attempt.mistake("no section `\(subject)`")
    }
    let workloads = try (0..<(attempt.exercise.count ?? 10)).map { number in
      guard let image = GeneratedPrograms.image(group: group, seed: attempt.seed, number: number) else {
        throw attempt.mistake("no programs for `\(subject)`")
      }
      return Workload(
        name: "\(subject) \(number + 1)",
        machine: .toy(image, ToyMachine(memorySize: GeneratedPrograms.memorySize), .classic),
        instructionLimit: attempt.exercise.limit ?? 20_000)
    }
    return try attempt.compareTraces(workloads)
  }
}

/// A built-in program, or one in the lab's folder (`NAME.asm`); traces are compared.
enum ProgramExercise: ExerciseKind {
  static let name = "program"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let subject = attempt.exercise.subject ?? ""
    return try attempt.compareTraces([
      Workload(
        name: subject, machine: .toy(try image(subject, attempt), ToyMachine(), .classic),
        instructionLimit: attempt.exercise.limit ?? 20_000)
    ])
  }

  private static func image(_ subject: String, _ attempt: Attempt) throws -> ToyImage {
    if let program = ToyPrograms.named(subject) { return try program.assemble() }
    let file = attempt.folder.appendingPathComponent(subject)
    guard subject.hasSuffix(".asm"), let source = try? Data(contentsOf: file) else {
      throw attempt.mistake("no program `\(subject)`, built in or in the lab's folder")
    }
    return try ToyAssembler.run(bytes: Array(source), file: subject).image
  }
}

extension Attempt {
  /// Runs toy workloads on the student's machine and counts those whose traces are right.
  func compareTraces(_ workloads: [Workload]) throws -> Assessment {
    var good = 0
    var complaint: String?
    for (number, workload) in workloads.enumerated() {
      guard case .toy(let image, let machine, let variant) = workload.machine else { continue }
      let bytes = image.encode(includeText: false)
      let run = try run(
        Data("\(workload.instructionLimit) \(machine.memorySize) \(variant.rawValue)\n".utf8) + Data(bytes))
      let judge = TraceJudge(workload: workload, image: bytes, reproduction: reproduction)
      if let found = try judge.complaint(about: run.output, ended: run.end, errors: run.errors) {
        complaint = complaint ?? "Program \(number + 1) of \(workloads.count), `\(workload.name)`. \(found)"
        // One that hangs costs its whole time, and the next would, too.
        if run.hangs { break }
      } else {
        good += 1
      }
    }
    let count = workloads.count > 1 ? "\(good) of \(workloads.count) programs agree. " : ""
    return Assessment(good: good, of: workloads.count, message: complaint.map { count + $0 } ?? "")
  }
}
