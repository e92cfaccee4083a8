internal import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA

/// The right answers of the lab on classification, in the form of students' files.
package enum ClassificationAnswers {
  /// `classes.csv`, without its head.
  package static func classes(seed: UInt64) -> String {
    LabVariant.all.map { variant in
      zip(toyTable, variant.classes(seed: seed)).compactMap { row, found in
        let names = ClassName.allCases.filter { $0.holds(found) }.map(\.rawValue)
        return names.isEmpty
          ? nil : "\(variant.name),\(row.mnemonic),\(names.joined(separator: " "))\n"
      }.joined()
    }.joined()
  }

  /// `theorems.csv`, without its head.
  package static func theorems(seed: UInt64) -> String {
    LabVariant.all.map { variant in
      let verdicts = TheoremVerdicts(variant.classes(seed: seed))
      let lines = [
        (verdicts.monitor.holds, verdicts.monitor.offenders),
        (verdicts.isRecursive, verdicts.timing.offenders), (verdicts.hybrid.holds, verdicts.hybrid.offenders),
      ]
      return lines.enumerated().map { index, line in
        let names = line.1.map { toyTable[$0].mnemonic }.joined(separator: " ")
        return "\(variant.name),\(index + 1),\(line.0 ? "holds" : "fails"),\(names)\n"
      }.joined()
    }.joined()
  }

  /// `witnesses.txt`: a document a line, one for each way in which an unprivileged instruction is sensitive.
  ///
  /// - Throws: ``MachineError`` when storage for the search cannot be had.
  package static func witnesses(seed: UInt64) throws -> String {
    var text = ""
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    for variant in LabVariant.all {
      let classes = variant.classes(seed: seed)
      let rows = Set(classes.indices.filter { classes[$0].sensitive && !classes[$0].privileged })
      let found =
        switch variant {
        case .named(let variant): try DynamicClassification(of: variant, rows: rows)
        case .instance: try DynamicClassification(of: IsaInstance(seed: seed).set, rows: rows)
        }
      for row in rows.sorted() {
        var shown: Set<ClassName> = []
        for witness in found.witnesses[row] {
          guard case .sensitive(let kind) = witness.shows,
            let name = [ClassName.control, .mode, .location, .resource].first(where: {
              !$0.kinds.isDisjoint(with: kind)
            }), shown.insert(name).inserted
          else { continue }
          let document = WitnessDocument(witness, variant: variant.name)
          text += String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
        }
      }
    }
    return text
  }

  /// `x86.csv`, without its head.
  ///
  /// - Throws: ``MachineError`` when storage for the search cannot be had.
  package static func pentium() throws -> String {
    try PentiumExercise.Question.allCases.map { question in
      try PentiumExercise.answers(question).sorted().map { "\(question.rawValue),\($0)\n" }.joined()
    }.joined()
  }
}
