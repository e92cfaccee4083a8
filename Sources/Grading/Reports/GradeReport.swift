/// What grading one submission of one lab found; every export is made from this.
public struct GradeReport: Codable, Sendable, Equatable {
  /// One exercise's outcome.
  public struct Part: Codable, Sendable, Equatable {
    /// Stable name inside the lab, such as `arithmetic`.
    public var id: String
    /// For people.
    public var title: String
    /// What came of it.
    public var outcome: Outcome
    /// Points given, from 0 to ``maximum``, in hundredths at the finest.
    public var points: Double
    /// Points possible; 0 when not assessed.
    public var maximum: Double
    /// Who may see it.
    public var visibility: Visibility
    /// What went wrong and how to see it again, in Markdown; empty when all is well.
    public var message: String

    /// An outcome of an exercise.
    public init(
      id: String, title: String, outcome: Outcome, points: Double, maximum: Double,
      visibility: Visibility = .visible, message: String = ""
    ) {
      self.id = id
      self.title = title
      self.outcome = outcome
      self.points = points
      self.maximum = maximum
      self.visibility = visibility
      self.message = message
    }
  }

  /// What came of an exercise.
  public enum Outcome: String, Codable, Sendable {
    /// Full points.
    case passed
    /// Some points.
    case partly
    /// No points.
    case failed
    /// The host lacks what it needs; it does not count.
    case notAssessed
  }

  /// Who may see an exercise and its message.
  public enum Visibility: String, Codable, Sendable {
    case visible
    /// Staff only.
    case hidden
  }

  /// Layout of this type in JSON.
  public static let schema = "triad/grade/v1"

  /// ``schema``.
  public var schema: String
  /// Such as `Lab04`.
  public var lab: String
  public var title: String
  /// Whose it is: the name of the submission's folder.
  public var submission: String
  /// The student's id, if the seed is that student's.
  public var student: String?
  /// Seed of the student's instance and of generated programs.
  public var seed: UInt64
  public var parts: [Part]
  /// What concerns the whole submission: files left out, a build that failed.
  public var notes: [String]
  /// Digest of the files that were read, the lab and the instance; a report with the same one need not be made again.
  public var fingerprint: String?

  /// A report.
  public init(
    lab: String, title: String, submission: String, seed: UInt64, parts: [Part], notes: [String] = []
  ) {
    schema = Self.schema
    self.lab = lab
    self.title = title
    self.submission = submission
    self.seed = seed
    self.parts = parts
    self.notes = notes
  }

  /// Points of all parts.
  public var points: Double { Self.rounded(parts.reduce(0) { $0 + $1.points }) }
  /// Points possible in the parts that were assessed.
  public var maximum: Double { Self.rounded(parts.reduce(0) { $0 + $1.maximum }) }

  /// A share of some points, in hundredths, rounded down so that only all gives all.
  public static func share(_ good: Int, of all: Int, points: Double) -> Double {
    guard all > 0 else { return 0 }
    return good >= all ? points : (points * 100 * Double(max(good, 0)) / Double(all)).rounded(.down) / 100
  }

  static func rounded(_ points: Double) -> Double { (points * 100).rounded() / 100 }

  /// Points as people write them: no zeros at the end.
  public static func text(_ points: Double) -> String {
    let hundredths = Int((points * 100).rounded())
    let whole = "\(hundredths / 100)"
    let rest = hundredths % 100
    if rest == 0 { return whole }
    return rest % 10 == 0 ? "\(whole).\(rest / 10)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
  }
}
