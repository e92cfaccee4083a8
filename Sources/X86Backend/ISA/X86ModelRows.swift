/// Rows of the instruction table that only one processor model has, and since when the others exist.
enum X86ModelRows {
  /// What the 8086 makes of opcodes that later processors gave another meaning; these rows come first.
  static var lines: [String] {
    var result = text.split(separator: "\n").map(String.init)
    for (number, name) in X86Rows.conditions.enumerated() {
      result.append(
        "6\(String(number, radix: 16, uppercase: true)) | j\(name) Jb | jcc | cc=\(number) only86")
    }
    // Only two bits of the segment register's number count.
    for (number, name) in ["ES", "CS", "SS", "DS", "ES", "CS", "SS", "DS"].enumerated()
    where number == 1 || number > 3 {
      result.append("8E /\(number) | mov \(name), Ew | movToSegment | seg=\(number & 3) only86")
    }
    for digit in 1...7 {
      result.append("8F /\(digit) | pop Ev | pop | only86")
      result.append("C6 /\(digit) | mov Eb, Ib | mov | only86")
      result.append("C7 /\(digit) | mov Ev, Iz | mov | only86")
    }
    for opcode in ["D8", "D9", "DA", "DB", "DC", "DD", "DE", "DF"] {
      result.append("\(opcode) /r | esc Ev | nop | hint only86")
    }
    return result
  }

  private static let text = """
    0F | pop CS | popSegment | seg=1 only86
    54 | push Zv | pushStack | only86
    FF F4 | push SP | pushStack | only86
    9B | wait | nop | only86
    C0 | ret Iw | ret | only86
    C1 | ret | ret | only86
    C8 | ret far Iw | retFar | only86
    C9 | ret far | retFar | only86
    D0 /6 | setmo Eb, 1 | setmo | only86
    D1 /6 | setmo Ev, 1 | setmo | only86
    D2 /6 | setmo Eb, CL | setmo | only86
    D3 /6 | setmo Ev, CL | setmo | only86
    FF FC | push SP | pushStack | only86
    FF /7 | push Ev | push | only86
    """

  /// The models that have a row of the common table, one bit for each ``X86CPUModel/code``.
  static func models(opcode: Int, isOnly86: Bool, hasPrefix: Bool) -> UInt8 {
    // WAIT finds no coprocessor to wait for on the 80286 and 80386, either.
    if isOnly86 { return opcode == 0x9B ? 0b1110 : 2 }
    let since386: UInt8 = 0b1001
    let since286: UInt8 = 0b1101
    let byte = opcode & 0xFF
    if hasPrefix, opcode >> 8 != 0 { return 1 }
    switch opcode >> 8 {
    case 0:
      switch byte {
      case 0x60...0x63, 0x68...0x6F, 0xC0, 0xC1, 0xC8, 0xC9: return since286
      case 0xF1: return since386
      default: return 0b1111
      }
    case 1:
      switch byte {
      case 0x00...0x03, 0x06, 0x0B: return since286
      case 0x20...0x26, 0x80...0x9F, 0xA0, 0xA1, 0xA3...0xA5, 0xA8, 0xA9, 0xAB...0xAD, 0xAF, 0xB2...0xB7,
        0xBA...0xBF:
        return since386
      default: return 1
      }
    default: return 1
    }
  }
}
