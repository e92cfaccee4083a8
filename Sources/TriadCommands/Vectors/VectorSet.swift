import Foundation
import X86Backend

/// What lies beside a set of captures: flag masks by opcode, and hashes of vectors that were taken back.
struct VectorSet {
  /// Names of files in a folder of vectors that hold none.
  static let metadataNames: Set<String> = ["metadata.json", "8088.json"]

  private let metadata: String?
  private let revoked: String?
  private var tables: [String: OpcodeMasks] = [:]
  private var lists: [String: Set<String>] = [:]

  /// Files that the command line names; where it names none, they are looked for.
  init(metadata: String?, revoked: String?) {
    self.metadata = metadata
    self.revoked = revoked
  }

  /// The first of these files beside the vectors or in the folder above.
  private func find(_ names: [String], for path: String) -> String? {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    for place in [folder, folder.deletingLastPathComponent()] {
      for name in names {
        let file = place.appending(path: name).path
        if FileManager.default.fileExists(atPath: file) { return file }
      }
    }
    return nil
  }

  /// Flags that are defined after the instruction of a file of vectors; `nil` where nothing is said.
  mutating func mask(for path: String) throws -> UInt64? {
    guard let file = metadata ?? find(["metadata.json", "80386.csv"], for: path) else { return nil }
    if tables[file] == nil { tables[file] = try OpcodeMasks(file) }
    return tables[file]?.mask(of: URL(fileURLWithPath: path).lastPathComponent)
  }

  /// Hashes of vectors that do not count.
  mutating func revokedHashes(for path: String) throws -> Set<String> {
    guard let file = revoked ?? find(["revocation_list.txt"], for: path) else { return [] }
    if let list = lists[file] { return list }
    let text = String(decoding: try readFile(file), as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
    let list = Set(lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }.map { $0.lowercased() })
    lists[file] = list
    return list
  }
}

/// Masks of defined flags, by opcode and, for groups, by ModRM.reg: `F6.4`.
private struct OpcodeMasks {
  private var masks: [String: UInt64] = [:]

  init(_ file: String) throws {
    let bytes = try readFile(file)
    if file.lowercased().hasSuffix(".csv") {
      try readTable(String(decoding: bytes, as: UTF8.self), file)
    } else {
      try readObject(bytes, file)
    }
  }

  /// The form of the 8086 sets: `opcodes`, the opcode, perhaps `reg` and its value, `flags-mask`.
  private mutating func readObject(_ bytes: [UInt8], _ file: String) throws {
    guard let root = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
      throw CommandFailure.badInput("`\(file)` is no JSON object")
    }
    for (opcode, value) in root["opcodes"] as? [String: Any] ?? root {
      guard let entry = value as? [String: Any] else { continue }
      if let mask = entry["flags-mask"] as? NSNumber { masks[opcode.uppercased()] = mask.uint64Value }
      for (digit, form) in entry["reg"] as? [String: Any] ?? [:] {
        if let mask = (form as? [String: Any])?["flags-mask"] as? NSNumber {
          masks["\(opcode.uppercased()).\(digit)"] = mask.uint64Value
        }
      }
    }
  }

  /// The form of the 80386 set: columns `op`, `ex` and `f_umask`, whose ones are the defined flags.
  private mutating func readTable(_ text: String, _ file: String) throws {
    let lines = text.split(whereSeparator: \.isNewline).map(Self.fields)
    guard let head = lines.first, let opcode = head.firstIndex(of: "op"),
      let digit = head.firstIndex(of: "ex"),
      let mask = head.firstIndex(of: "f_umask")
    else { throw CommandFailure.badInput("`\(file)` has no columns `op`, `ex` and `f_umask`") }
    for fields in lines.dropFirst() where fields.count > max(opcode, digit, mask) {
      let number = fields[mask].hasPrefix("0x") ? String(fields[mask].dropFirst(2)) : fields[mask]
      guard !fields[opcode].isEmpty, let value = UInt64(number, radix: 16) else { continue }
      let key = fields[opcode].uppercased()
      masks[fields[digit].isEmpty ? key : "\(key).\(fields[digit])"] = value
    }
  }

  /// Fields between commas, some in quotes.
  private static func fields(_ line: Substring) -> [String] {
    var fields = [""]
    var isQuoted = false
    for character in line {
      switch character {
      case "\"": isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
    }
    return fields.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// The mask for a file named by its opcode: `F6.4.json.gz`, `660FBA.5.MOO`.
  func mask(of name: String) -> UInt64? {
    let parts = name.uppercased().split(separator: ".").map(String.init)
    guard var opcode = parts.first else { return nil }
    // Size prefixes; 66 and 67 alone are opcodes of the 8086.
    while opcode.count > 2, opcode.hasPrefix("66") || opcode.hasPrefix("67") { opcode.removeFirst(2) }
    if parts.count > 1, let mask = masks["\(opcode).\(parts[1])"] { return mask }
    return masks[opcode]
  }
}
