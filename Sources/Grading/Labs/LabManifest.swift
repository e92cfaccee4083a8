public import Foundation

/// A lab's `lab.json`: what is graded, and with how many points.
public struct LabManifest: Codable, Sendable, Equatable {
  /// One exercise.
  public struct Exercise: Codable, Sendable, Equatable {
    /// Stable, short, unique in the lab.
    public var id: String
    public var title: String
    public var points: Double
    public var visibility: GradeReport.Visibility
    /// How it is assessed: the name of an ``ExerciseKind``.
    public var kind: String
    /// What it is about: a section of the reference card, a built-in program, as the kind says.
    public var subject: String?
    /// How many programs or questions; the share that is right decides the points.
    public var count: Int?
    /// Instructions that each program may retire.
    public var limit: UInt64?
    /// Features of the host without which it is not assessed, such as `kvm`.
    public var needs: [String]?
    /// What only its kind knows.
    public var options: [String: Option]?
  }

  /// A setting of an exercise that only its kind knows.
  public enum Option: Codable, Sendable, Equatable {
    case number(Double)
    case text(String)
    case list([String])

    public init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let number = try? value.decode(Double.self) {
        self = .number(number)
      } else if let text = try? value.decode(String.self) {
        self = .text(text)
      } else {
        self = .list(try value.decode([String].self))
      }
    }

    public func encode(to encoder: any Encoder) throws {
      var value = encoder.singleValueContainer()
      switch self {
      case .number(let number): try value.encode(number)
      case .text(let text): try value.encode(text)
      case .list(let list): try value.encode(list)
      }
    }
  }

  /// Such as `Lab01`; also the name of the student's module.
  public var id: String
  public var title: String
  /// The student's files: names, or `*.asm` for all with that ending.
  public var files: [String]
  /// Modules that they may import.
  public var imports: [String]?
  /// Modules of the labs' package that the program around them needs beside `LabKit`.
  public var modules: [String]?
  public var exercises: [Exercise]

  /// Points of all exercises.
  public var points: Double { exercises.reduce(0) { $0 + $1.points } }

  /// Whether the student's files are a program; if not, they are only read.
  public var isProgram: Bool { files.contains { $0.hasSuffix(".swift") } }

  /// Reads the manifest of a lab.
  ///
  /// - Parameter folder: the lab's folder.
  /// - Throws: ``SubmissionError`` that names the file and what is wrong with it.
  public init(in folder: URL) throws(SubmissionError) {
    let file = folder.appendingPathComponent("lab.json")
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
    } catch let error as DecodingError {
      throw SubmissionError(description: "\(file.path): \(Self.text(error))")
    } catch {
      throw SubmissionError(description: "\(file.path): cannot be read: \(error.localizedDescription)")
    }
    if let problem = problem { throw SubmissionError(description: "\(file.path): \(problem)") }
  }

  private var problem: String? {
    if Set(exercises.map(\.id)).count != exercises.count { return "two exercises have the same id" }
    if exercises.isEmpty { return "there are no exercises" }
    if files.isEmpty { return "`files` names no file of the student" }
    for exercise in exercises {
      if ExerciseKinds.named(exercise.kind) == nil {
        return "\(exercise.id): no kind `\(exercise.kind)`; there are \(ExerciseKinds.names)"
      }
      if !(exercise.points >= 0 && exercise.points.isFinite) {
        return "\(exercise.id): points must not be below 0"
      }
      if let count = exercise.count, !(1...1000).contains(count) {
        return "\(exercise.id): count is not in 1...1000"
      }
    }
    let odd = ([id] + files + (modules ?? [])).first { $0.isEmpty || $0.contains("/") || $0.hasPrefix(".") }
    return odd.map { "`\($0)` is not a plain name" }
  }

  private static func text(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
      return path.isEmpty ? "" : " at \(path)"
    }
    switch error {
    case .keyNotFound(let key, let context): return "`\(key.stringValue)` is missing\(place(context))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return context.debugDescription + place(context)
    case .dataCorrupted(let context): return context.debugDescription + place(context)
    @unknown default: return "\(error)"
    }
  }
}
