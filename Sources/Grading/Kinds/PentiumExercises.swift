internal import Properties
internal import X86Backend

/// Questions about x86 whose answers are computed from its semantics table.
package enum PentiumExercise: ExerciseKind {
  package static let name = "pentium"
  private static let file = "x86.csv"

  /// What is asked.
  package enum Question: String, CaseIterable {
    /// Sensitive and unprivileged in 32-bit mode.
    case sensitive
    /// Of these: trap in ring 3 with UMIP.
    case umip
    /// Of the first: not there, or not so, in 64-bit mode.
    case only32 = "only-32"
    /// How many of the first are left with UMIP.
    case left
  }

  package static func assess(_ attempt: Attempt) throws -> Assessment {
    guard let question = Question(rawValue: attempt.exercise.subject ?? "") else {
      throw attempt.mistake("no question `\(attempt.exercise.subject ?? "")`")
    }
    return judge(attempt.texts[file] ?? "", question, truth: try answers(question)).assessment()
  }

  /// How the answers of a text to a question fit the true ones.
  package static func judge(_ text: String, _ question: Question, truth: Set<String>) -> ClaimScore {
    var given: Set<String> = []
    for line in ClaimTable(text, head: "question", columns: 2).lines
    where line.fields[0].lowercased() == question.rawValue {
      given.insert(plain(line.fields[1]))
    }
    // Of several numbers none counts.
    if question == .left, given.count > 1 { given = ["-"] }
    return ClaimScore(given, Set(truth.map(plain)))
  }

  /// The true answers. All that are named come from the search of the semantics table.
  package static func answers(_ question: Question) throws -> Set<String> {
    // The directed cases alone reach all of them.
    func offenders(_ mode: X86Mode, prevention: Bool = false) throws -> Set<String> {
      Set(try X86Classification(mode, prevention: prevention, rounds: 0).offenders.map(\.name))
    }
    let all = try offenders(.protected32)
    switch question {
    case .sensitive: return all
    case .umip: return all.subtracting(try offenders(.protected32, prevention: true))
    case .only32: return all.subtracting(try offenders(.long64))
    case .left: return ["\(try offenders(.protected32, prevention: true).count)"]
    }
  }

  /// A name without case, with other names for the same thing replaced.
  private static func plain(_ name: String) -> String {
    let upper = name.uppercased()
    return [
      "PUSHFD": "PUSHF", "POPFD": "POPF", "IRETD": "IRET", "RETF": "RET FAR", "FAR CALL": "CALL FAR",
      "FAR JMP": "JMP FAR", "FAR RET": "RET FAR", "INT": "INT N", "INT 3": "INT3", "INT 1": "INT1",
      "ICEBP": "INT1",
    ][upper] ?? upper
  }
}
