internal import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA

/// A student's `report.json`: where the VMM first differs on each variant, and what the theorems say of it.
struct SensitiveReport {
  /// Bytes of the file.
  static let sizeLimit = 16 << 10

  private let entries: [String: [String: LabManifest.Option]]

  /// Reads the file; lines that begin with `//` are comments.
  ///
  /// - Throws: ``SubmissionError`` that says why it cannot be read.
  init(_ text: String) throws(SubmissionError) {
    guard text.utf8.count <= Self.sizeLimit else {
      throw SubmissionError(description: "report.json has more than \(Self.sizeLimit) bytes")
    }
    let lines = text.split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
    do {
      entries = try JSONDecoder().decode(
        [String: [String: LabManifest.Option]].self, from: Data(lines.joined(separator: "\n").utf8))
    } catch {
      throw SubmissionError(
        description:
          "report.json is no JSON of the form that it had: an object for each variant, with numbers, texts and lists of texts"
      )
    }
  }

  /// What a variant's entry must say; `nil` where there is no difference to speak of.
  static func expected(
    _ variant: ToyVariant, _ findings: SensitiveFindings?
  ) -> [(field: String, value: LabManifest.Option?)] {
    let classification = StaticClassification(of: variant)
    let verdicts = TheoremVerdicts(classification.classes)
    let offenders = verdicts.monitor.offenders
    let classes = offenders.map { classification.classes[$0] }
    let kinds: [(String, (InstructionClass) -> Bool)] = [
      ("control", \.controlSensitive), ("mode", \.modeSensitive), ("location", \.locationSensitive),
      ("resource", \.resourceSensitive),
    ]
    let plain = findings?.plain
    return [
      ("retired", plain.map { .number(Double($0.retired)) }),
      ("pc", plain.map { .text(hex($0.pc)) }),
      ("instruction", plain?.mnemonic.map { .text($0) }),
      ("property", .text("equivalence")),
      ("sensitive", .list(kinds.filter { kind in classes.contains(where: kind.1) }.map(\.0))),
      ("notPrivileged", .list(offenders.map { toyTable[$0].mnemonic })),
      (
        "notSubset",
        .list(
          (verdicts.monitor.holds ? [] : ["sensitive"]) + (verdicts.hybrid.holds ? [] : ["user-sensitive"]))
      ),
      ("differs", .list(["plain"] + (verdicts.hybrid.holds ? [] : ["hybrid"]))),
    ]
  }

  /// Whether an entry says what it must.
  func isRight(_ variant: ToyVariant, _ field: String, _ expected: LabManifest.Option?) -> Bool {
    guard let said = entries[variant.rawValue]?[field], let expected else { return false }
    switch (said, expected) {
    case (.list(let said), .list(let expected)):
      return said.count == expected.count && Set(said) == Set(expected)
    case (.text(let said), .list(let expected)): return [said] == expected
    default:
      guard let said = Self.word(said), let expected = Self.word(expected) else { return false }
      return said == expected
    }
  }

  /// A number or word in one form: numbers may be written with `0x`, words in capitals.
  private static func word(_ value: LabManifest.Option) -> String? {
    switch value {
    case .number(let number): return UInt64(exactly: number).map { "\($0)" }
    case .text(let text):
      let word = text.lowercased()
      if let number = parseNumber(word) { return "\(number)" }
      return word.hasPrefix("0x") ? nil : word
    case .list: return nil
    }
  }
}
