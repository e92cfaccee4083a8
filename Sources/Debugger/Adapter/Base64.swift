/// Bytes as text of 64 characters (RFC 4648).
enum Base64 {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      let word = (0..<3).reduce(0) { $0 << 8 | Int(start + $1 < bytes.count ? bytes[start + $1] : 0) }
      for index in 0..<4 {
        text.append(index <= part.count ? digits[word >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of a text; `nil` for anything that is none.
  static func bytes(_ text: String) -> [UInt8]? {
    let all = Array(text.utf8)
    let letters = all.prefix { $0 != UInt8(ascii: "=") }
    let padding = all.count - letters.count
    guard padding <= 2, all.suffix(padding).allSatisfy({ $0 == UInt8(ascii: "=") }),
      padding == 0 || all.count % 4 == 0, letters.count % 4 != 1
    else { return nil }
    var bytes: [UInt8] = []
    var word = 0
    for (index, letter) in letters.enumerated() {
      guard let digit = value(letter) else { return nil }
      word = (word << 6 | digit) & 0xFF_FFFF
      switch index % 4 {
      case 1: bytes.append(UInt8(truncatingIfNeeded: word >> 4))
      case 2: bytes.append(UInt8(truncatingIfNeeded: word >> 2))
      case 3: bytes.append(UInt8(truncatingIfNeeded: word))
      default: break
      }
    }
    return bytes
  }

  private static func value(_ letter: UInt8) -> Int? {
    switch letter {
    case 0x41...0x5A: Int(letter) - 0x41
    case 0x61...0x7A: Int(letter) - 0x61 + 26
    case 0x30...0x39: Int(letter) - 0x30 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
