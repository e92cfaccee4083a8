/// An instruction in an encoding that is recognised by its prefix alone: VEX, EVEX and XOP.
///
/// Such instructions are not carried out, and no row names them; only their length is found.
struct X86RefusedEncoding: Sendable {
  /// Which family of encodings.
  enum Family: String, Sendable {
    case vex = "VEX"
    case evex = "EVEX"
    case xop = "XOP"
  }

  var family: Family
  /// Opcode map as the prefix numbers it.
  var map: Int
  var opcode: UInt8
  var length = 0

  /// `VEX 0F38 58`: family, escape bytes or map, opcode.
  var text: String {
    let digits = String(opcode, radix: 16, uppercase: true)
    let escapes = [1: "0F", 2: "0F38", 3: "0F3A"]
    return "\(family.rawValue) \(escapes[map] ?? "map \(map)") \(digits.count < 2 ? "0" : "")\(digits)"
  }
}

/// What a prefix byte that may begin another encoding turned out to be.
enum X86EncodingChoice {
  /// An ordinary opcode.
  case legacy
  case refused(X86RefusedEncoding)
  case undefined
  case needsMore
}

extension X86ByteReader {
  /// Decides whether the opcode C4, C5, 62 or 8F just read begins a VEX, EVEX or XOP encoding, and reads it.
  mutating func readOtherEncoding() -> X86EncodingChoice {
    guard opcodeMap == 0, [0x62, 0x8F, 0xC4, 0xC5].contains(opcodeByte) else { return .legacy }
    let start = position
    let first = byte()
    if overran { return .needsMore }
    // In 16- and 32-bit code these opcodes are BOUND, LES and LDS unless the byte behind would name a register.
    let isPrefix = opcodeByte == 0x8F ? first & 0x1F >= 8 : is64 || first >= 0xC0
    guard isPrefix else {
      position = start
      return .legacy
    }
    // Real mode does not know these encodings (for XOP, a POP of a wrong register field).
    guard context.isProtected else { return .undefined }
    // 66, F2, F3, LOCK and REX before the prefix are not allowed.
    guard !hasOperandPrefix, repeatPrefix == 0, !hasLock, rex == 0 else { return .undefined }
    var found: X86RefusedEncoding
    switch opcodeByte {
    case 0xC5: found = X86RefusedEncoding(family: .vex, map: 1, opcode: byte())
    case 0xC4:
      _ = byte()
      found = X86RefusedEncoding(family: .vex, map: Int(first & 0x1F), opcode: byte())
      guard (1...3).contains(found.map) else { return overran ? .needsMore : .undefined }
    case 0x62:
      let second = byte()
      _ = byte()
      found = X86RefusedEncoding(family: .evex, map: Int(first & 7), opcode: byte())
      let isValid = first & 8 == 0 && second & 4 != 0 && ![0, 4, 7].contains(found.map)
      guard isValid else { return overran ? .needsMore : .undefined }
    default:
      _ = byte()
      found = X86RefusedEncoding(family: .xop, map: Int(first & 0x1F), opcode: byte())
      guard (8...10).contains(found.map) else { return overran ? .needsMore : .undefined }
    }
    // VZEROUPPER and VZEROALL alone have no ModRM byte.
    if found.family != .vex || found.map != 1 || found.opcode != 0x77 {
      readModRM()
      readAddress()
    }
    let hasImmediate =
      found.map == 3 || found.map == 8
      || found.map == 1
        && ((0x70...0x73).contains(found.opcode) || [0xC2, 0xC4, 0xC5, 0xC6].contains(found.opcode))
    if hasImmediate { _ = byte() }
    if found.family == .xop, found.map == 10 { _ = unsigned(4) }
    if overran { return .needsMore }
    found.length = position
    return .refused(found)
  }
}
