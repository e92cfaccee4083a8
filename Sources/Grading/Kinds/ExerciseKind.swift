/// A way to assess an exercise. Each is one file in `Kinds`, and a name in ``ExerciseKinds``.
public protocol ExerciseKind: Sendable {
  /// What `kind` in `lab.json` calls it.
  static var name: String { get }

  /// What came of one student's work on one exercise.
  ///
  /// - Throws: ``SubmissionError`` when the lab's own files are wrong; what the student did wrong is in the result.
  static func assess(_ attempt: Attempt) throws -> Assessment

  /// Files that a student of this seed is given beside the lab's own, by name; none unless a kind says so.
  static func instance(of exercise: LabManifest.Exercise, lab: LabManifest, seed: UInt64) throws -> [String:
    String]
}

extension ExerciseKind {
  public static func instance(of exercise: LabManifest.Exercise, lab: LabManifest, seed: UInt64) throws
    -> [String: String]
  { [:] }
}

/// What came of an exercise: how many of its parts are right.
public struct Assessment: Sendable, Equatable {
  public var good: Int
  public var all: Int
  /// For the student, in Markdown; empty when all is well.
  public var message: String

  /// A result.
  public init(good: Int, of all: Int, message: String = "") {
    self.good = good
    self.all = all
    self.message = message
  }
}

/// All kinds of exercises.
public enum ExerciseKinds {
  static let all: [any ExerciseKind.Type] = [
    GeneratedExercise.self, ProgramExercise.self,
    FaultExercise.self,
    ClassesExercise.self, TheoremsExercise.self, WitnessesExercise.self, PentiumExercise.self,
    MonitorExercise.self, PredictionExercise.self,
    SensitiveGuestExercise.self, SensitiveReportExercise.self,
    MutantExercise.self, UnnamedMutantExercise.self,
    KVMMachineExercise.self, KVMRecordedExercise.self, KVMLiveExercise.self,
    FormulaExercise.self, MeasurementExercise.self, QuestionExercise.self,
  ]

  /// The kind of a name.
  public static func named(_ name: String) -> (any ExerciseKind.Type)? { all.first { $0.name == name } }

  /// Their names, for messages.
  static var names: String { all.map { "`\($0.name)`" }.joined(separator: ", ") }
}
