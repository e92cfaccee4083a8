public import MachineCore

/// The registers of a standard VGA, as far as firmware and text mode need them.
///
/// Offsets count from port 3B0h. The 128 KiB of video memory from A0000h are plain storage: text in the modes of
/// 16-bit cells works as on the card, planes and write modes do not exist.
public final class VGARegisters: Device {
  public let name = "VGA"
  private var attributes = [UInt8](repeating: 0, count: 32)
  private var attributeIndex: UInt8 = 0
  private var attributeTakesData = false
  private var miscellaneous: UInt8 = 0x67
  private var sequencer = IndexedRegisters(count: 8)
  private var graphics = IndexedRegisters(count: 16)
  private var crtc = IndexedRegisters(count: 32)
  private var palette = [UInt8](repeating: 0, count: 768)
  private var paletteMask: UInt8 = 0xFF
  private var paletteRead = 0
  private var paletteWrite = 0
  private var paletteState: UInt8 = 0

  /// A card after reset.
  public init() {}

  /// The cell that the screen begins with.
  var startCell: Int { Int(crtc.bytes[0x0C]) << 8 | Int(crtc.bytes[0x0D]) }
  /// The cell of the cursor; `nil` while it is off.
  var cursorCell: Int? {
    crtc.bytes[0x0A] & 0x20 != 0 ? nil : Int(crtc.bytes[0x0E]) << 8 | Int(crtc.bytes[0x0F])
  }
  /// Columns of text; 80 before any mode was set.
  var columns: Int { crtc.bytes[0x01] == 0 ? 80 : min(Int(crtc.bytes[0x01]) + 1, 132) }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    (0..<UInt64(min(width, 4))).reduce(0) { $0 | UInt64(readByte(offset + $1, platform)) << ($1 * 8) }
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    for index in 0..<UInt64(min(width, 4)) {
      writeByte(offset + index, UInt8(truncatingIfNeeded: value >> (index * 8)))
    }
  }

  private func readByte(_ offset: UInt64, _ platform: Platform) -> UInt8 {
    switch offset {
    case 0x04, 0x24: return crtc.index
    case 0x05, 0x25: return crtc.value
    case 0x10: return attributeIndex
    case 0x11: return attributes[Int(attributeIndex & 31)]
    case 0x12: return 0x10  // Input status 0: a colour monitor is connected.
    case 0x14: return sequencer.index
    case 0x15: return sequencer.value
    case 0x16: return paletteMask
    case 0x17: return paletteState
    case 0x18: return UInt8(truncatingIfNeeded: paletteWrite / 3)
    case 0x19:
      defer { paletteRead = (paletteRead + 1) % 768 }
      return palette[paletteRead]
    case 0x1C: return miscellaneous
    case 0x1E: return graphics.index
    case 0x1F: return graphics.value
    case 0x0A, 0x2A:
      // Input status 1 also makes the next attribute write an index. 70 frames a second, 449 lines a frame.
      attributeTakesData = false
      let frame = X86Layout.instructionsPerSecond / 70
      let phase = platform.now % frame
      let isRetrace = phase >= frame / 449 * 412 && phase < frame / 449 * 414
      let isBlank = phase >= frame / 449 * 400 || phase % (frame / 449) >= frame / 449 * 4 / 5
      return (isRetrace ? 8 : 0) | (isBlank ? 1 : 0)
    default: return 0xFF
    }
  }

  private func writeByte(_ offset: UInt64, _ value: UInt8) {
    switch offset {
    case 0x04, 0x24: crtc.index = value
    case 0x05, 0x25: crtc.value = value
    case 0x10:
      if attributeTakesData {
        attributes[Int(attributeIndex & 31)] = value
      } else {
        attributeIndex = value & 63
      }
      attributeTakesData.toggle()
    case 0x12: miscellaneous = value
    case 0x14: sequencer.index = value
    case 0x15: sequencer.value = value
    case 0x16: paletteMask = value
    case 0x17:
      paletteRead = Int(value) * 3
      paletteState = 3
    case 0x18:
      paletteWrite = Int(value) * 3
      paletteState = 0
    case 0x19:
      palette[paletteWrite] = value & 63
      paletteWrite = (paletteWrite + 1) % 768
    case 0x1E: graphics.index = value
    case 0x1F: graphics.value = value
    default: break
    }
  }

  public func save() -> [UInt64] {
    let bytes =
      attributes + [attributeIndex, attributeTakesData ? 1 : 0, miscellaneous, paletteMask, paletteState]
      + [sequencer.index] + sequencer.bytes + [graphics.index] + graphics.bytes + [crtc.index] + crtc.bytes
      + palette
    return [UInt64(paletteRead), UInt64(paletteWrite)] + ByteWords.pack(bytes)
  }

  public func restore(_ state: [UInt64]) {
    var bytes = ByteWords.unpack(state.dropFirst(2))[...]
    guard bytes.count >= 32 + 5 + 9 + 17 + 33 + 768 else { return }
    paletteRead = Int(state[0] % 768)
    paletteWrite = Int(state[1] % 768)
    func take(_ count: Int) -> [UInt8] {
      defer { bytes = bytes.dropFirst(count) }
      return Array(bytes.prefix(count))
    }
    attributes = take(32)
    let single = take(5)
    attributeIndex = single[0]
    attributeTakesData = single[1] != 0
    miscellaneous = single[2]
    paletteMask = single[3]
    paletteState = single[4]
    (sequencer.index, sequencer.bytes) = (take(1)[0], take(8))
    (graphics.index, graphics.bytes) = (take(1)[0], take(16))
    (crtc.index, crtc.bytes) = (take(1)[0], take(32))
    palette = take(768)
  }
}

/// Registers behind an index register.
struct IndexedRegisters {
  var bytes: [UInt8]
  var index: UInt8 = 0

  init(count: Int) { bytes = [UInt8](repeating: 0, count: count) }

  /// The register that the index selects; behind the last one there is nothing.
  var value: UInt8 {
    get { Int(index) < bytes.count ? bytes[Int(index)] : 0 }
    set { if Int(index) < bytes.count { bytes[Int(index)] = newValue } }
  }
}
