import Foundation

/// A file that a course platform reads, made from a ``GradeReport``.
public enum GradeFormat: String, CaseIterable, Sendable {
  /// For a terminal, in the look of xv6's `make grade`.
  case text
  /// ``GradeReport`` itself.
  case json
  /// Gradescope's `results.json`.
  case gradescope
  /// Classroom 50's `result.json`.
  case classroom50
  case junit
  case markdown
  case csv

  /// The report in this format.
  ///
  /// - Parameter context: names that only the platform knows; Classroom 50 needs them.
  public func text(of report: GradeReport, context: GradeContext = GradeContext()) throws -> String {
    switch self {
    case .text: TextExport.text(report)
    case .json: try Self.json(report)
    case .gradescope: try Self.json(GradescopeResults(report), inSnakeCase: true)
    case .classroom50: try Self.json(Classroom50Result(report, context))
    case .junit: JUnitExport.text(report)
    case .markdown: MarkdownExport.text(report)
    case .csv: CSVExport.text([report])
    }
  }

  static func json(_ value: some Encodable, inSnakeCase: Bool = false) throws -> String {
    let encoder = JSONEncoder()
    if inSnakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }
}

/// What a platform knows about a submission and a grader does not.
public struct GradeContext: Sendable, Equatable {
  public var classroom: String
  public var assignment: String
  public var owner: String
  public var commit: String
  public var release: String
  public var review: String
  /// ISO 8601, UTC; the caller's clock, for the platform only.
  public var date: String

  /// Nothing known.
  public init(
    classroom: String = "", assignment: String = "", owner: String = "", commit: String = "",
    release: String = "", review: String = "", date: String = ""
  ) {
    self.classroom = classroom
    self.assignment = assignment
    self.owner = owner
    self.commit = commit
    self.release = release
    self.review = review
    self.date = date
  }
}
