/// A ZIP archive of files that are stored as they are (APPNOTE.TXT, sections 4.3 and 4.4).
struct ZipArchive {
  private var content: [UInt8] = []
  private var directory: [UInt8] = []
  private var count = 0

  /// Adds a file; all are dated 1980-01-01, so that the same files give the same archive.
  mutating func add(_ name: String, _ bytes: [UInt8]) {
    let offset = content.count
    let name = Array(name.utf8)
    // Version 2.0, names in UTF-8, method 0 (stored), the first time and date there are.
    let common =
      Self.bytes(20, 2) + Self.bytes(0x800, 2) + Self.bytes(0, 2) + Self.bytes(0, 2) + Self.bytes(0x21, 2)
      + Self.bytes(Int(Self.checksum(bytes)), 4) + Self.bytes(bytes.count, 4) + Self.bytes(bytes.count, 4)
      + Self.bytes(name.count, 2) + Self.bytes(0, 2)
    content += Self.bytes(0x0403_4B50, 4) + common + name + bytes
    // Made by version 2.0 of MS-DOS, no comment, first disk, no attributes.
    directory +=
      Self.bytes(0x0201_4B50, 4) + Self.bytes(20, 2) + common + Self.bytes(0, 2) + Self.bytes(0, 2)
      + Self.bytes(0, 2) + Self.bytes(0, 4) + Self.bytes(offset, 4) + name
    count += 1
  }

  /// The archive.
  var bytes: [UInt8] {
    content + directory + Self.bytes(0x0605_4B50, 4) + Self.bytes(0, 4) + Self.bytes(count, 2)
      + Self.bytes(count, 2) + Self.bytes(directory.count, 4) + Self.bytes(content.count, 4)
      + Self.bytes(0, 2)
  }

  private static func bytes(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// CRC-32 with the polynomial 0xEDB88320, as ZIP has it.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 != 0 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return ~sum
  }
}
