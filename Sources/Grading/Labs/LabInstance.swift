public import Foundation
internal import Trace

/// One student's variant of a lab: who it is for, and the seed that decides what differs.
public struct LabInstance: Codable, Sendable, Equatable {
  /// Layout of this type in JSON.
  public static let schema = "triad/instance/v1"

  /// ``schema``.
  public var schema: String
  /// Such as `Lab03`.
  public var lab: String
  /// Whose it is; `nil` when only a seed was given.
  public var student: String?
  /// Decides generated programs and instance files; below 2³².
  public var seed: UInt64

  /// A variant that belongs to nobody.
  public init(lab: String, seed: UInt64 = 1) {
    (schema, self.lab, student, self.seed) = (Self.schema, lab, nil, seed)
  }

  /// A student's variant.
  public init(lab: String, student: String) {
    (schema, self.lab) = (Self.schema, lab)
    self.student = Self.plain(student)
    seed = Self.seed(lab: lab, student: student)
  }

  /// The seed of a student in a lab.
  ///
  /// It is the upper half of Triad's 64-bit digest of `triad/instance/v1`, the lab's id and the student's id,
  /// each as UTF-8 with its length. Blanks around the student's id and the case of ASCII letters
  /// do not matter; it is the same on every machine and in every release.
  public static func seed(lab: String, student: String) -> UInt64 {
    var digest = Digest()
    digest.add(schema)
    digest.add(lab)
    digest.add(plain(student))
    return digest.value >> 32
  }

  /// An id as it is hashed and shown: without blanks around it, ASCII letters small, no control characters.
  static func plain(_ student: String) -> String {
    let visible = student.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }
    let trimmed = String(String.UnicodeScalarView(visible)).trimmingCharacters(in: .whitespaces)
    return String(trimmed.map { $0.isASCII ? Character($0.lowercased()) : $0 })
  }

  /// The file beside a lab's handout that `triad labs new` writes.
  public static let fileName = "instance.json"

  /// The instance that lies in a lab's folder; `nil` if none does.
  ///
  /// - Throws: ``SubmissionError`` when the file is damaged, of another lab, or its seed is not the student's.
  public init?(in folder: URL, lab: String) throws(SubmissionError) {
    let file = folder.appendingPathComponent(Self.fileName)
    guard let data = try? Data(contentsOf: file) else { return nil }
    let help = "\n  help: make it anew with `triad labs new \(lab) --student ID`"
    guard let found = try? JSONDecoder().decode(Self.self, from: data), found.schema == Self.schema else {
      throw SubmissionError(description: "\(file.path): not an instance of a lab" + help)
    }
    guard found.lab == lab else {
      throw SubmissionError(description: "\(file.path): an instance of \(found.lab), not of \(lab)" + help)
    }
    if let student = found.student, found.seed != Self.seed(lab: lab, student: student) {
      throw SubmissionError(description: "\(file.path): the seed is not that of `\(student)`" + help)
    }
    self = found
  }

  /// The text of ``fileName``.
  public func text() throws -> String { try GradeFormat.json(self) }

  /// The files that this student is given beside the lab's own, by name.
  ///
  /// - Throws: ``SubmissionError`` when the lab's own files are wrong.
  public func files(of lab: LabManifest) throws -> [String: String] {
    var result: [String: String] = [:]
    for exercise in lab.exercises {
      guard let kind = ExerciseKinds.named(exercise.kind) else { continue }
      for (name, text) in try kind.instance(of: exercise, lab: lab, seed: seed) {
        guard !name.isEmpty, !name.contains("/"), !name.hasPrefix(".") else {
          throw SubmissionError(description: "\(lab.id): \(exercise.id): `\(name)` is not a plain name")
        }
        if let other = result.updateValue(text, forKey: name), other != text {
          throw SubmissionError(description: "\(lab.id): two exercises make a file `\(name)`")
        }
      }
    }
    return result
  }
}

/// Who submitted what: from the names of folders, or from a roster.
public enum LabSeeds: Sendable {
  /// The same for all.
  case same(UInt64)
  /// The folder's name is the student's id.
  case folderNames
  /// By folder: the student's id.
  case roster([String: String])

  /// The instance for a submission's folder.
  ///
  /// - Throws: ``SubmissionError`` when the roster does not have it.
  public func instance(lab: String, folder: String) throws(SubmissionError) -> LabInstance {
    switch self {
    case .same(let seed): return LabInstance(lab: lab, seed: seed)
    case .folderNames: return LabInstance(lab: lab, student: folder)
    case .roster(let students):
      guard let student = students[folder] else {
        throw SubmissionError(description: "the roster has no row for the folder `\(folder)`")
      }
      return LabInstance(lab: lab, student: student)
    }
  }

  /// Reads a roster: CSV with the columns `folder` and `student`, or just ids of students one a line.
  ///
  /// - Throws: ``SubmissionError`` that names the line.
  public init(roster text: String) throws(SubmissionError) {
    var students: [String: String] = [:]
    var columns: (folder: Int, student: Int)?
    for (index, line) in text.split(whereSeparator: \.isNewline).enumerated() {
      let fields = Self.fields(line)
      if index == 0 {
        let names = fields.map { $0.lowercased() }
        if let student = names.firstIndex(of: "student") {
          columns = (names.firstIndex(of: "folder") ?? student, student)
          continue
        }
      }
      let place = columns ?? (0, 0)
      guard fields.indices.contains(place.folder), fields.indices.contains(place.student),
        !fields[place.folder].isEmpty, !fields[place.student].isEmpty
      else { throw SubmissionError(description: "roster, row \(index + 1): `\(line)` has too few columns") }
      guard students.updateValue(fields[place.student], forKey: fields[place.folder]) == nil else {
        throw SubmissionError(
          description: "roster, row \(index + 1): `\(fields[place.folder])` is there twice")
      }
    }
    guard !students.isEmpty else { throw SubmissionError(description: "the roster has no rows") }
    self = .roster(students)
  }

  /// The fields of a line of CSV; quotes as RFC 4180 has them.
  private static func fields(_ line: Substring) -> [String] {
    var result = [""]
    var isQuoted = false
    var previousWasQuote = false
    for character in line where character != "\u{FEFF}" {
      if character == "\"" {
        if !isQuoted, previousWasQuote { result[result.count - 1].append(character) }
        isQuoted.toggle()
        previousWasQuote = !isQuoted
        continue
      }
      previousWasQuote = false
      if character == ",", !isQuoted {
        result.append("")
      } else {
        result[result.count - 1].append(character)
      }
    }
    return result.map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
