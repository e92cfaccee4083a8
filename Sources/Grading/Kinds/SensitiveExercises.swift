internal import ToyISA

/// A guest that shows that a variant of the instruction set cannot be virtualized.
enum SensitiveGuestExercise: ExerciseKind {
  static let name = "sensitive-guest"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let task = try task(of: attempt.exercise, seed: attempt.seed, attempt.mistake)
    let file = "\(task.variant.rawValue).asm"
    do {
      let findings = try SensitiveFindings(
        SensitiveGuest(task, attempt.texts[file] ?? "", file: file))
      return Assessment(
        good: findings.good, of: findings.all,
        message: findings.message(task, reproduction: attempt.reproduction))
    } catch let error as SubmissionError {
      return Assessment(
        good: 0, of: 1,
        message: "```\n\(error.description.replacing("```", with: "'''"))\n```\n\nThe task:\n\n\(task.text)")
    }
  }

  static func instance(of exercise: LabManifest.Exercise, lab: LabManifest, seed: UInt64) throws
    -> [String: String]
  {
    let task = try task(of: exercise, seed: seed) {
      SubmissionError(description: "\(lab.id): \(exercise.id): \($0)")
    }
    return [
      "task-\(task.variant.rawValue).md":
        "# \(lab.title): `\(task.variant.rawValue).asm`, seed \(seed)\n\n\(task.text)\n"
    ]
  }

  private static func task(
    of exercise: LabManifest.Exercise, seed: UInt64, _ mistake: (String) -> SubmissionError
  ) throws -> SensitiveTask {
    let subject = exercise.subject ?? ""
    guard let variant = ToyVariant(rawValue: subject), let task = SensitiveTask(variant, seed: seed) else {
      throw mistake("`\(subject)` is no variant on which something can be shown")
    }
    return task
  }
}

/// The report on the three guests: each field that is right counts.
enum SensitiveReportExercise: ExerciseKind {
  static let name = "sensitive-report"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let report: SensitiveReport
    do {
      report = try SensitiveReport(attempt.texts["report.json"] ?? "")
    } catch {
      return Assessment(good: 0, of: 1, message: error.description)
    }
    var lines: [String] = []
    var good = 0
    var all = 0
    for variant in ToyVariant.allCases {
      guard let task = SensitiveTask(variant, seed: attempt.seed) else { continue }
      let file = "\(variant.rawValue).asm"
      var findings: SensitiveFindings?
      do {
        findings = try SensitiveFindings(
          SensitiveGuest(task, attempt.texts[file] ?? "", file: file))
      } catch is SubmissionError {
        // What it says of the guest cannot be right then.
      }
      let expected = SensitiveReport.expected(variant, findings)
      let wrong = expected.filter { !report.isRight(variant, $0.field, $0.value) }
      all += expected.count
      good += expected.count - wrong.count
      guard !wrong.isEmpty else { continue }
      let names = wrong.map {
        "`\($0.field)`" + ($0.value == nil ? " (your guest shows no difference)" : "")
      }
      lines.append("- `\(variant.rawValue)`: \(names.joined(separator: ", "))")
    }
    return Assessment(
      good: good, of: all,
      message: lines.isEmpty ? "" : "Not right, or not there:\n\n" + lines.joined(separator: "\n"))
  }
}
