package import Foundation

extension Attempt {
  /// An attempt on an exercise of a lab whose files are only read.
  ///
  /// - Throws: ``SubmissionError`` when the lab's folder has no such exercise.
  package init(lab folder: URL, only exercise: String, seed: UInt64, texts: [String: String])
    throws(SubmissionError)
  {
    let lab = try LabManifest(in: folder)
    guard let found = lab.exercises.first(where: { $0.id == exercise }) else {
      throw SubmissionError(description: "\(lab.id) has no exercise `\(exercise)`")
    }
    self.init(
      lab: lab, exercise: found, seed: seed, texts: texts, program: nil, place: folder, folder: folder,
      reproduction: "triad grade \(lab.id) --seed \(seed) --only \(exercise)")
  }

  /// What its kind makes of it.
  package func judged() throws -> Assessment {
    guard let kind = ExerciseKinds.named(exercise.kind) else { throw mistake("no kind `\(exercise.kind)`") }
    return try kind.assess(self)
  }
}
