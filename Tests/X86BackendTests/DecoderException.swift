import Trace

/// A line of `x86_decoder_exceptions.txt`: where the decoder and the other disassembler differ for a reason.
struct DecoderException {
  private let modes: [Substring]
  private let prefixes: [[Substring]]
  private let ours: [Substring]
  private let theirs: [Substring]
  private let what: Substring

  /// A line without the nine fields.
  struct BadLine: Error { var line: Substring }

  init(line: Substring) throws {
    let fields = line.split(separator: "|", omittingEmptySubsequences: false).map { field in
      field.split(separator: " ", omittingEmptySubsequences: true)
    }
    guard fields.count == 9, fields[6...8].allSatisfy({ !$0.isEmpty }), let what = fields[5].first else {
      throw BadLine(line: line)
    }
    modes = fields[1]
    prefixes = fields[2] == ["-"] ? [] : fields[2].map { $0.split(separator: "+") }
    ours = fields[3]
    theirs = fields[4]
    self.what = what
  }

  /// Whether it covers a difference; the lines `as32` are for the script, which writes what they find.
  func explains(_ code: DecoderFixtureTests.Case, _ mnemonic: String, _ length: Int) -> Bool {
    guard modes == ["all"] || modes.contains(code.mode) else { return false }
    switch what {
    case "as32": return false
    case "mnemonic": if length != code.length { return false }
    case "length": if mnemonic != code.mnemonic { return false }
    default: break
    }
    guard ours.contains(where: { Self.matches(Array($0.utf8)[...], Array(mnemonic.utf8)[...]) }),
      theirs.contains(where: { Self.matches(Array($0.utf8)[...], Array(code.mnemonic.utf8)[...]) })
    else { return false }
    let present = Self.words(code)
    return prefixes.allSatisfy { alternatives in alternatives.contains { present.contains(String($0)) } }
  }

  private static func words(_ code: DecoderFixtureTests.Case) -> Set<String> {
    var words: Set<String> = []
    for (place, byte) in code.bytes.enumerated() {
      switch byte {
      case 0xF2, 0xF3: words.insert("repeat")
      case 0xF0: words.insert("lock")
      case 0x66, 0x67: words.insert(String(byte, radix: 16))
      case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65: break
      case 0x40...0x4F where code.mode == "64": words.insert("rex")
      default:
        let opcode = code.bytes[place..<min(place + (byte == 0x0F ? 2 : 1), code.bytes.count)]
        words.insert(
          "op" + opcode.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        return words
      }
    }
    return words
  }

  private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    switch first {
    case 0x2A:
      return matches(pattern.dropFirst(), text) || !text.isEmpty && matches(pattern, text.dropFirst())
    case 0x3F: return !text.isEmpty && matches(pattern.dropFirst(), text.dropFirst())
    default: return text.first == first && matches(pattern.dropFirst(), text.dropFirst())
    }
  }
}
