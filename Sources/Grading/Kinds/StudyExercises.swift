internal import Foundation

/// Formulas `perOperation * n + fixed` for what happens in a nanobenchmark, evaluated at hidden n.
///
/// Options: `isa`, and `quantities`, a list. Each formula has two parts: how the number grows, and the number itself.
package enum FormulaExercise: ExerciseKind {
  package static let name = "exit-formulas"

  package static func assess(_ attempt: Attempt) throws -> Assessment {
    let isa = attempt.exercise.text("isa") ?? ""
    let quantities = attempt.exercise.list("quantities").compactMap(StudyQuantity.init(rawValue:))
    let programs = StudyProgram.all.filter { $0.isa == isa }
    guard !programs.isEmpty, !quantities.isEmpty else {
      throw attempt.mistake("`isa` and `quantities` must name what is asked for")
    }
    let instance = StudyInstance(seed: attempt.seed)
    let truth = try attempt.studyTruth()
    let keys = programs.flatMap { program in
      quantities.map { StudyKey(program: program, quantity: $0) }
    }
    return try attempt.assessStudy(parts: 2 * keys.count) { file in
      var good = 0
      var wrong: [String] = []
      for key in keys {
        guard let formula = file.formulas[key], let slope = formula.perOperation else {
          wrong.append("\(key): no formula")
          continue
        }
        let counts = instance.hiddenCounts[key.program] ?? []
        let numbers = try counts.map { try truth.number(key, count: $0) }
        let right = judge(
          slope, formula.fixed, counts, numbers, tolerance: key.quantity.tolerance)
        good += right
        if right == 0 { wrong.append("\(key): it grows differently") }
        if right == 1 {
          wrong.append("\(key): right for each operation, but not for the rest of the program")
        }
      }
      return (good, wrong)
    }
  }

  /// How many of a formula's two parts are right.
  ///
  /// - Parameters:
  ///   - counts: two n, far enough apart for the growth to be told from what the tolerance allows.
  ///   - numbers: what is true at each.
  package static func judge(
    _ slope: Double, _ fixed: Double?, _ counts: [Int], _ numbers: [Int], tolerance: Int
  ) -> Int {
    guard counts.count == 2, numbers.count == 2, counts[0] != counts[1] else { return 0 }
    let growth = Double(numbers[1] - numbers[0]) / Double(counts[1] - counts[0])
    guard slope == (tolerance > 0 ? growth.rounded() : growth) else { return 0 }
    guard let fixed else { return 1 }
    let isRight = zip(counts, numbers).allSatisfy { n, number in
      abs(slope * Double(n) + fixed - Double(number)) <= Double(tolerance)
    }
    return isRight ? 2 : 1
  }
}

/// Numbers that the student measured, with their own n.
enum MeasurementExercise: ExerciseKind {
  static let name = "exit-measurements"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let instance = StudyInstance(seed: attempt.seed)
    let truth = try attempt.studyTruth()
    return try attempt.assessStudy(parts: StudyRun.all.count) { file in
      var good = 0
      var wrong: [String] = []
      for run in StudyRun.all {
        guard let row = file.measured[run], let given = row.first, let n = given else {
          wrong.append("\(run): not measured")
          continue
        }
        let count = instance.counts[run.program] ?? 0
        guard n == Double(count) else {
          wrong.append("\(run): n is not that of your `counts.json`")
          continue
        }
        let numbers = try truth.numbers(run, count: count)
        let bad = zip(StudyQuantity.allCases, row.dropFirst()).filter { quantity, number in
          run.shows(quantity) && number != numbers[quantity].map(Double.init)
        }
        if bad.isEmpty {
          good += 1
        } else {
          wrong.append("\(run): \(bad.map(\.0.rawValue).joined(separator: ", "))")
        }
      }
      return (good, wrong)
    }
  }

  static func instance(of exercise: LabManifest.Exercise, lab: LabManifest, seed: UInt64) throws -> [String:
    String]
  { ["counts.json": StudyInstance(seed: seed).text] }
}

/// Numeric questions about costs.
enum QuestionExercise: ExerciseKind {
  static let name = "exit-questions"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let answers = try StudyQuestions(instance: StudyInstance(seed: attempt.seed)).answers()
    return try attempt.assessStudy(parts: answers.count) { file in
      let wrong = answers.compactMap { right -> String? in
        guard let answer = file.answers[right.name] else { return "\(right.name): no number" }
        return right.accepts(answer) ? nil : "\(right.name): \(answer) is not right"
      }
      return (answers.count - wrong.count, wrong)
    }
  }
}

extension Attempt {
  /// The truth with the lab's recorded numbers.
  func studyTruth() throws -> StudyTruth {
    let file = folder.appendingPathComponent("recorded-kvm.csv")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      throw mistake("recorded-kvm.csv cannot be read")
    }
    return try StudyTruth(recorded: text)
  }

  /// Reads the student's file, and tells what is wrong without telling what is right.
  func assessStudy(
    parts: Int, _ judge: (StudyFile) throws -> (good: Int, wrong: [String])
  ) throws -> Assessment {
    let file: StudyFile
    do {
      file = try StudyFile(texts["study.json"] ?? "")
    } catch {
      return Assessment(good: 0, of: parts, message: error.description)
    }
    let (good, wrong) = try judge(file)
    guard !wrong.isEmpty else { return Assessment(good: good, of: parts) }
    let lines = (wrong + file.notes).map { "- \($0)\n" }.joined()
    return Assessment(
      good: good, of: parts,
      message: "\(good) of \(parts) parts are right. Not right:\n\n\(lines)\nSee it again: `\(reproduction)`")
  }
}
