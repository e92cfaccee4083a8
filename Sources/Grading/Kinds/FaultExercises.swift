internal import Properties
internal import ToyISA

/// Generated programs that trap, of one kind of trap; traces are compared.
enum FaultExercise: ExerciseKind {
  static let name = "faults"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let name = attempt.exercise.subject ?? ""
    guard let subject = FaultPrograms.Subject(rawValue: name) else {
      throw attempt.mistake("no traps of the kind `\(name)`")
    }
    let workloads = try (0..<(attempt.exercise.count ?? FaultPrograms.cycle(of: subject))).map { number in
      Workload(
        name: "\(name) \(number + 1)",
        machine: .toy(
          try FaultPrograms.image(subject, seed: attempt.seed, number: number),
          ToyMachine(memorySize: FaultPrograms.memorySize), .classic),
        instructionLimit: attempt.exercise.limit ?? 2000)
    }
    return try attempt.compareTraces(workloads)
  }
}
