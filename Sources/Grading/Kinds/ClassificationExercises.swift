internal import Properties
internal import ToyISA

/// A table of the classes of instructions; compared with the computed ones by F1.
package enum ClassesExercise: ExerciseKind {
  package static let name = "classes"
  private static let file = "classes.csv"

  package static func assess(_ attempt: Attempt) throws -> Assessment {
    guard let variant = LabVariant.list(attempt.exercise.subject)?.first else {
      throw attempt.mistake("no variant `\(attempt.exercise.subject ?? "")`")
    }
    let (claims, complaints) = Self.claims(attempt.texts[file] ?? "", variant)
    let score = score(claims, variant, attempt.seed)
    var notes = complaints
    if attempt.exercise.visibility == .visible, let hint = hint(claims, variant, attempt.seed) {
      notes.append(hint)
    }
    return score.assessment(notes.joined(separator: "\n"))
  }

  /// Claims such as `getbase location` about one variant, and what is wrong with its lines.
  package static func claims(_ text: String, _ variant: LabVariant) -> (
    claims: Set<String>, complaints: [String]
  ) {
    var (claims, complaints): (Set<String>, [String]) = ([], [])
    for line in ClaimTable(text, head: "variant", columns: 3).lines {
      guard let named = LabVariant(line.fields[0].lowercased()) else {
        complaints.append("\(file):\(line.number): there is no variant `\(line.fields[0])`.")
        continue
      }
      guard named == variant else { continue }
      let instruction = line.fields[1].lowercased()
      guard toyTable.contains(where: { $0.mnemonic == instruction }) else {
        complaints.append("\(file):\(line.number): there is no instruction `\(line.fields[1])`.")
        continue
      }
      for word in line.fields[2].lowercased().split(whereSeparator: { " ,;".contains($0) }) {
        if let name = ClassName(rawValue: String(word)) {
          claims.insert("\(instruction) \(name.rawValue)")
        } else {
          complaints.append(
            "\(file):\(line.number): there is no class `\(word)`; there are \(ClassName.allCases.map(\.rawValue).joined(separator: ", "))."
          )
        }
      }
    }
    return (claims, Array(complaints.prefix(5)))
  }

  /// The true claims about a variant.
  package static func truth(_ variant: LabVariant, seed: UInt64) -> Set<String> {
    var result: Set<String> = []
    for (row, found) in variant.classes(seed: seed).enumerated() {
      for name in ClassName.allCases where name.holds(found) {
        result.insert("\(toyTable[row].mnemonic) \(name.rawValue)")
      }
    }
    return result
  }

  /// The lower of two scores: of all claims, and of what they add to and take from `classic`.
  ///
  /// So a copy of another variant's table is worth nothing, and neither are some lines that happen to differ.
  package static func score(_ claims: Set<String>, _ variant: LabVariant, _ seed: UInt64) -> ClaimScore {
    let truth = truth(variant, seed: seed)
    let classic = Self.truth(.named(.classic), seed: seed)
    let whole = ClaimScore(claims, truth)
    guard variant != .named(.classic) else { return whole }
    var changes = ClaimScore(claims.symmetricDifference(classic), truth.symmetricDifference(classic))
    changes.title = "Of the differences from `classic`: "
    return min(whole, changes)
  }

  private static func instruction(of claim: String) -> String { String(claim.prefix { $0 != " " }) }

  /// One instruction to look at again.
  private static func hint(_ claims: Set<String>, _ variant: LabVariant, _ seed: UInt64) -> String? {
    if claims.isEmpty { return nil }
    let wrong = claims.symmetricDifference(truth(variant, seed: seed)).map(instruction(of:)).min()
    return wrong.map { "Look at `\($0)` on \(variant.name) again." }
  }

  package static func instance(of exercise: LabManifest.Exercise, lab: LabManifest, seed: UInt64) throws
    -> [String:
    String]
  {
    exercise.subject == IsaInstance.name ? ["isa.md": IsaInstance(seed: seed).page] : [:]
  }
}

/// What the theorems say of each variant, with the instructions that are to blame.
package enum TheoremsExercise: ExerciseKind {
  package static let name = "theorems"
  private static let file = "theorems.csv"

  package static func assess(_ attempt: Attempt) throws -> Assessment {
    guard let variants = LabVariant.list(attempt.exercise.subject) else {
      throw attempt.mistake("no variant `\(attempt.exercise.subject ?? "")`")
    }
    let (good, complaints) = judge(attempt.texts[file] ?? "", variants, seed: attempt.seed)
    let all = 3 * variants.count
    return Assessment(
      good: good, of: all,
      message: good == all
        ? "" : "\(good) of \(all) lines are right.\n" + complaints.joined(separator: "\n"))
  }

  /// How many lines are right, and what is wrong with others.
  ///
  /// Of two lines about the same theorem and variant neither counts.
  package static func judge(_ text: String, _ variants: [LabVariant], seed: UInt64) -> (good: Int, [String]) {
    var given: [String: [ClaimTable.Line]] = [:]
    var complaints: [String] = []
    for line in ClaimTable(text, head: "variant", columns: 4).lines {
      guard let variant = LabVariant(line.fields[0].lowercased()), ["1", "2", "3"].contains(line.fields[1])
      else {
        complaints.append(
          "\(file):\(line.number): begins with a variant and the number of a theorem, 1 to 3.")
        continue
      }
      given["\(variant.name) \(line.fields[1])", default: []].append(line)
    }
    var good = 0
    for variant in variants {
      let verdicts = TheoremVerdicts(variant.classes(seed: seed))
      let truth = [
        (verdicts.monitor.holds, verdicts.monitor.offenders),
        (verdicts.isRecursive, verdicts.timing.offenders), (verdicts.hybrid.holds, verdicts.hybrid.offenders),
      ]
      for (index, (holds, offenders)) in truth.enumerated() {
        guard let lines = given["\(variant.name) \(index + 1)"] else { continue }
        guard lines.count == 1 else {
          complaints.append("\(file):\(lines[1].number): theorem \(index + 1) of \(variant.name) again.")
          continue
        }
        let words = lines[0].fields[3].lowercased().split(whereSeparator: { " ,;".contains($0) })
        let isRight =
          lines[0].fields[2].lowercased() == (holds ? "holds" : "fails")
          && Set(words.map(String.init)) == Set(offenders.map { toyTable[$0].mnemonic })
        if isRight { good += 1 }
      }
    }
    return (good, Array(complaints.prefix(5)))
  }
}
