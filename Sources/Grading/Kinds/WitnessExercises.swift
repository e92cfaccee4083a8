import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA

/// Pairs of states that show why an instruction is sensitive; each is replayed here.
///
/// Asked for are the sensitive instructions that are not privileged, once for each way in which they are sensitive.
package enum WitnessesExercise: ExerciseKind {
  package static let name = "witnesses"
  private static let file = "witnesses.txt"
  /// Documents that are looked at.
  static let limit = 200

  package static func assess(_ attempt: Attempt) throws -> Assessment {
    guard let variants = LabVariant.list(attempt.exercise.subject) else {
      throw attempt.mistake("no variant `\(attempt.exercise.subject ?? "")`")
    }
    let asked = asked(variants, seed: attempt.seed)
    let judged = try judge(attempt.texts[file] ?? "", variants, seed: attempt.seed)
    let good = asked.intersection(judged.shown).count
    var message = "\(good) of \(asked.count) are shown.\n"
    message += judged.complaints.prefix(8).map { "- \($0)\n" }.joined()
    return Assessment(good: good, of: asked.count, message: good == asked.count ? "" : message)
  }

  /// Such as `leaky getbase location`.
  package static func asked(_ variants: [LabVariant], seed: UInt64) -> Set<String> {
    var result: Set<String> = []
    for variant in variants {
      for (row, found) in variant.classes(seed: seed).enumerated() where found.sensitive && !found.privileged
      {
        for name in [ClassName.control, .mode, .location, .resource] where name.holds(found) {
          result.insert("\(variant.name) \(toyTable[row].mnemonic) \(name.rawValue)")
        }
      }
    }
    return result
  }

  /// What the documents of a text show about these variants, and why others show nothing.
  package static func judge(_ text: String, _ variants: [LabVariant], seed: UInt64) throws -> (
    shown: Set<String>, complaints: [String]
  ) {
    var (shown, complaints): (Set<String>, [String]) = ([], [])
    let names = Set(variants.map(\.name))
    let set = variants.contains(.instance) ? IsaInstance(seed: seed).set : nil
    for (number, part) in documents(text).prefix(limit).enumerated() {
      let place = "\(file): document \(number + 1), line \(part.line)"
      guard let document = try? JSONDecoder().decode(WitnessDocument.self, from: Data(part.text.utf8)) else {
        complaints.append("\(place): not a document such as `triad classify --witnesses` writes.")
        continue
      }
      guard names.contains(document.variant) else {
        if LabVariant(document.variant) == nil {
          complaints.append("\(place): there is no variant `\(document.variant)`.")
        }
        continue
      }
      do {
        let witness = try document.witness(knowing: IsaInstance.name)
        let isOwn = document.variant == IsaInstance.name
        let replay: WitnessReplay
        if isOwn, let set {
          replay = try WitnessReplay(witness, with: set)
        } else {
          replay = try WitnessReplay(witness, on: .simulator)
        }
        guard replay.holds else {
          complaints.append(
            "\(place): `\(witness.instruction)` does not show \"\(witness.shows.name)\": "
              + replay.outcomes.joined(separator: "; ") + ".")
          continue
        }
        guard case .sensitive(let kind) = witness.shows, let row = ToyCodec.row(of: witness.word),
          let name = [ClassName.control, .mode, .location, .resource].first(where: {
            !$0.kinds.isDisjoint(with: kind)
          })
        else { continue }
        shown.insert("\(document.variant) \(toyTable[row].mnemonic) \(name.rawValue)")
      } catch let error as WitnessError {
        complaints.append("\(place): \(error).")
      }
    }
    return (shown, complaints)
  }

  /// The JSON objects that a text consists of, with the line that each begins in; lines with `#` between them are comments.
  package static func documents(_ text: String) -> [(line: Int, text: String)] {
    var found: [(Int, String)] = []
    var (depth, line, start) = (0, 1, 1)
    var (isText, isEscaped, isComment) = (false, false, false)
    var current: [UInt8] = []
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\n") {
        line += 1
        isComment = false
      }
      if depth == 0 {
        if byte == UInt8(ascii: "#") { isComment = true }
        if isComment || byte != UInt8(ascii: "{") { continue }
        (start, current) = (line, [])
      }
      current.append(byte)
      if isText {
        isText = isEscaped || byte != UInt8(ascii: "\"")
        isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
      } else if byte == UInt8(ascii: "\"") {
        isText = true
      } else if byte == UInt8(ascii: "{") {
        depth += 1
      } else if byte == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0 { found.append((start, String(decoding: current, as: UTF8.self))) }
      }
    }
    if depth > 0 { found.append((start, String(decoding: current, as: UTF8.self))) }
    return found
  }
}
