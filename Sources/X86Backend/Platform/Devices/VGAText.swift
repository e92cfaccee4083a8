public import MachineCore

/// Shows the text in a VGA's memory.
public enum VGAText {
  /// Rows of the standard text mode.
  public static let rows = 25

  /// The screen, a line of text each row, without blanks at the ends.
  ///
  /// - Parameter registers: the card, for start address and width; the standard 80 columns without it.
  public static func lines(_ memory: GuestMemory, _ registers: VGARegisters? = nil) -> [String] {
    let columns = registers?.columns ?? 80
    let start = registers?.startCell ?? 0
    return (0..<rows).map { row in
      var text = ""
      for column in 0..<columns {
        let cell = UInt64((start + row * columns + column) & 0x3FFF)
        let code = memory.load(X86Layout.vgaText + cell * 2, width: 1) ?? 0
        text.unicodeScalars.append(scalar(UInt8(code)))
      }
      while text.last == " " { text.removeLast() }
      return text
    }
  }

  /// Code page 437, the character set of the PC.
  private static func scalar(_ code: UInt8) -> Unicode.Scalar {
    switch code {
    case 0, 0x20, 0xFF: " "
    case 0x21..<0x7F: Unicode.Scalar(code)
    case 1..<0x20: low[Int(code)]
    default: high[Int(code) - 0x7F]
    }
  }

  private static let low = Array(" ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼".unicodeScalars)
  private static let high = Array(
    ("⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
      + "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ").unicodeScalars)
}
