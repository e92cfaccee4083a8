/// Decompression of gzip files (RFC 1952) and of deflate streams (RFC 1951).
///
/// Foundation has none on Linux, and the package has no dependencies.
package enum Gzip {
  /// Why a file cannot be decompressed.
  package enum Failure: Error, CustomStringConvertible {
    case notGzip
    case truncated(at: Int)
    case damaged(String, at: Int)
    case tooLarge(limit: Int)

    package var description: String {
      switch self {
      case .notGzip: "not a gzip file"
      case .truncated(let place): "the gzip file ends too early, at byte \(place)"
      case .damaged(let what, let place): "the gzip file is damaged near byte \(place): \(what)"
      case .tooLarge(let limit): "the gzip file holds more than \(limit >> 20) MiB"
      }
    }
  }

  /// Whether these bytes begin like a gzip file.
  package static func isGzip(_ bytes: [UInt8]) -> Bool {
    bytes.count > 2 && bytes[0] == 0x1F && bytes[1] == 0x8B
  }

  /// The contents of a gzip file, all members one after the other; sizes and checksums are verified.
  ///
  /// - Parameter limit: most bytes that the contents may have.
  package static func decompress(_ bytes: [UInt8], limit: Int = 1 << 30) throws(Failure) -> [UInt8] {
    var output: [UInt8] = []
    var position = 0
    repeat {
      position = try header(bytes, position)
      let start = output.count
      position = try Inflater.inflate(bytes, position, into: &output, limit: limit)
      guard position + 8 <= bytes.count else { throw .truncated(at: bytes.count) }
      func word(_ at: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
      }
      guard word(position + 4) == UInt32(truncatingIfNeeded: output.count - start) else {
        throw .damaged("wrong length", at: position + 4)
      }
      guard word(position) == checksum(output, from: start) else {
        throw .damaged("wrong checksum", at: position)
      }
      position += 8
    } while position < bytes.count && bytes.count - position > 18 && bytes[position] == 0x1F
    return output
  }

  /// Where the compressed data of the member at `start` begin.
  private static func header(_ bytes: [UInt8], _ start: Int) throws(Failure) -> Int {
    guard bytes.count >= start + 18, bytes[start] == 0x1F, bytes[start + 1] == 0x8B else { throw .notGzip }
    guard bytes[start + 2] == 8 else { throw .damaged("unknown method", at: start + 2) }
    let flags = bytes[start + 3]
    var position = start + 10
    if flags & 4 != 0 {
      guard position + 2 <= bytes.count else { throw .truncated(at: bytes.count) }
      position += 2 + Int(bytes[position]) + Int(bytes[position + 1]) << 8
    }
    // File name and comment end with a zero byte.
    for bit in [8, 16] as [UInt8] where flags & bit != 0 {
      while position < bytes.count, bytes[position] != 0 { position += 1 }
      position += 1
    }
    if flags & 2 != 0 { position += 2 }
    guard position < bytes.count else { throw .truncated(at: bytes.count) }
    return position
  }

  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 1024)
    for index in 0..<256 {
      var value = UInt32(index)
      for _ in 0..<8 { value = value & 1 != 0 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
      tables[index] = value
    }
    for table in 1..<4 {
      for index in 0..<256 {
        let value = tables[(table - 1) * 256 + index]
        tables[table * 256 + index] = value >> 8 ^ tables[Int(value & 0xFF)]
      }
    }
    return tables
  }()

  /// CRC-32 of the bytes from `start` on, four at a time.
  static func checksum(_ bytes: [UInt8], from start: Int = 0) -> UInt32 {
    var value = UInt32.max
    tables.withUnsafeBufferPointer { tables in
      bytes.withUnsafeBufferPointer { bytes in
        var position = start
        // SAFETY: positions stay below the counts; table indices are bytes plus a multiple of 256.
        while position + 4 <= bytes.count {
          value ^=
            UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8
            | UInt32(bytes[position + 2]) << 16 | UInt32(bytes[position + 3]) << 24
          value =
            tables[768 + Int(value & 0xFF)] ^ tables[512 + Int(value >> 8 & 0xFF)]
            ^ tables[256 + Int(value >> 16 & 0xFF)] ^ tables[Int(value >> 24)]
          position += 4
        }
        while position < bytes.count {
          value = value >> 8 ^ tables[Int((value ^ UInt32(bytes[position])) & 0xFF)]
          position += 1
        }
      }
    }
    return ~value
  }
}
