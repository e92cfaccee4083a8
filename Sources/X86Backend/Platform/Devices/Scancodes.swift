/// Scan codes of a US keyboard.
enum Scancodes {
  /// Keys by scan code set 1, from code 1 on: what they type alone and with the shift key.
  private static let plain = Array(
    "\u{1B}1234567890-=\u{8}\tqwertyuiop[]\n\u{0}asdfghjkl;'`\u{0}\\zxcvbnm,./\u{0}*\u{0} ".utf8)
  private static let shifted = Array(
    "\u{0}!@#$%^&*()_+\u{0}\u{0}QWERTYUIOP{}\u{0}\u{0}ASDFGHJKL:\"~\u{0}|ZXCVBNM<>?".utf8)

  /// Scan code set 2 by set 1, from code 0 on.
  private static let second: [UInt8] = [
    0x00, 0x76, 0x16, 0x1E, 0x26, 0x25, 0x2E, 0x36, 0x3D, 0x3E, 0x46, 0x45, 0x4E, 0x55, 0x66, 0x0D,
    0x15, 0x1D, 0x24, 0x2D, 0x2C, 0x35, 0x3C, 0x43, 0x44, 0x4D, 0x54, 0x5B, 0x5A, 0x14, 0x1C, 0x1B,
    0x23, 0x2B, 0x34, 0x33, 0x3B, 0x42, 0x4B, 0x4C, 0x52, 0x0E, 0x12, 0x5D, 0x1A, 0x22, 0x21, 0x2A,
    0x32, 0x31, 0x3A, 0x41, 0x49, 0x4A, 0x59, 0x7C, 0x11, 0x29,
  ]
  private static let leftShift: UInt8 = 0x12

  /// The bytes of set 2 that a character's strokes send, in groups that go out as a whole: each group is a
  /// count and so many bytes. Characters that the keyboard does not have send nothing.
  static func strokes(_ character: UInt8) -> [UInt8] {
    let character = character == 13 ? 10 : character
    func group(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }
    guard character != 0 else { return [] }
    if let at = plain.firstIndex(of: character) {
      let code = second[at + 1]
      return group([code]) + group([0xF0, code])
    }
    if let at = shifted.firstIndex(of: character) {
      let code = second[at + 1]
      return group([leftShift]) + group([code]) + group([0xF0, code]) + group([0xF0, leftShift])
    }
    return []
  }

  /// What the controller makes of a byte of set 2 when it translates to set 1; a release code is one byte then,
  /// so the prefix F0 becomes nothing and the caller sees the two together.
  static func translated(_ group: [UInt8]) -> [UInt8] {
    if group.count == 2, group[0] == 0xF0 { return [translated(group[1]) | 0x80] }
    return group.map(translated)
  }

  private static func translated(_ byte: UInt8) -> UInt8 {
    second.firstIndex(of: byte).map { UInt8($0) } ?? byte
  }
}
