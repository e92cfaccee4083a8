/// The command line that shows a student or a course the same failure again.
public struct Reproduction: Sendable, Equatable {
  /// Its first words, up to and with the submission's folder.
  public var words: [String]

  /// The command line that begins with these words; the grader adds instance and exercise.
  public init(_ words: [String]) { self.words = words }

  /// What students type in their own copy of the repository.
  public static func ofStudent(lab: String) -> Reproduction {
    Reproduction([".build/release/triad", "grade", lab, "--submission", "Labs/\(lab)/Sources"])
  }

  /// The whole line for one exercise, quoted for a shell.
  func text(_ instance: LabInstance, only exercise: String) -> String {
    let whose = instance.student.map { ["--student", $0] } ?? ["--seed", "\(instance.seed)"]
    return (words + whose + ["--only", exercise]).map(Self.quoted).joined(separator: " ")
  }

  /// A word as a POSIX shell takes it unchanged.
  public static func quoted(_ word: String) -> String {
    let plain = word.unicodeScalars.allSatisfy {
      $0.isASCII
        && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
          || "_./@%+=:,-".unicodeScalars.contains($0))
    }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
