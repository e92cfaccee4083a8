/// Decompression of gzip files (RFC 1952) and of deflate streams (RFC 1951).
///
/// Foundation has none on Linux, and the package has no dependencies.
package enum Gzip {
  /// Why a file cannot be decompressed.
  package enum Failure: Error, CustomStringConvertible {
    case notGzip
    case truncated
    case damaged(String)

    package var description: String {
      switch self {
      case .notGzip: "not a gzip file"
      case .truncated: "the gzip file ends too early"
      case .damaged(let what): "the gzip file is damaged: \(what)"
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
  package static func decompress(_ bytes: [UInt8], limit: Int = 4 << 30) throws(Failure) -> [UInt8] {
    var output: [UInt8] = []
    var position = 0
    repeat {
      position = try header(bytes, position)
      let start = output.count
      var inflater = Inflater(input: bytes, position: position, limit: limit)
      try inflater.run(into: &output)
      position = inflater.bytePosition
      guard position + 8 <= bytes.count else { throw .truncated }
      func word(_ at: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
      }
      guard word(position + 4) == UInt32(truncatingIfNeeded: output.count - start) else {
        throw .damaged("wrong length")
      }
      guard word(position) == checksum(output, from: start) else { throw .damaged("wrong checksum") }
      position += 8
    } while position < bytes.count && bytes.count - position > 18 && bytes[position] == 0x1F
    return output
  }

  /// Where the compressed data of the member at `start` begin.
  private static func header(_ bytes: [UInt8], _ start: Int) throws(Failure) -> Int {
    guard bytes.count >= start + 18, bytes[start] == 0x1F, bytes[start + 1] == 0x8B else { throw .notGzip }
    guard bytes[start + 2] == 8 else { throw .damaged("unknown method") }
    let flags = bytes[start + 3]
    var position = start + 10
    if flags & 4 != 0 {
      guard position + 2 <= bytes.count else { throw .truncated }
      position += 2 + Int(bytes[position]) + Int(bytes[position + 1]) << 8
    }
    // File name and comment end with a zero byte.
    for bit in [8, 16] as [UInt8] where flags & bit != 0 {
      while position < bytes.count, bytes[position] != 0 { position += 1 }
      position += 1
    }
    if flags & 2 != 0 { position += 2 }
    guard position < bytes.count else { throw .truncated }
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

/// Decoder of one deflate stream.
private struct Inflater {
  private let input: [UInt8]
  private var position: Int
  private let limit: Int
  private var bits: UInt64 = 0
  private var count: UInt64 = 0
  /// Zero bytes taken from behind the input's end.
  private var missing = 0

  init(input: [UInt8], position: Int, limit: Int) {
    self.input = input
    self.position = position
    self.limit = limit
  }

  /// The first byte that is not used, after the end of the stream.
  var bytePosition: Int { position - Int(count >> 3) }

  private static let lengthBase: [UInt16] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258, 0, 0,
  ]
  private static let lengthExtra: [UInt8] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0, 0, 0,
  ]
  private static let distanceBase: [UInt16] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
    4097, 6145, 8193, 12289, 16385, 24577, 0, 0,
  ]
  private static let distanceExtra: [UInt8] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 0, 0,
  ]
  /// Order in which the lengths of the code-length code are stored.
  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  @inline(__always) private mutating func refill() {
    while count <= 56 {
      if position < input.count {
        bits |= UInt64(input[position]) &<< count
      } else {
        missing += 1
      }
      position += 1
      count &+= 8
    }
  }

  @inline(__always) private mutating func take(_ number: UInt64) -> Int {
    let value = Int(bits & ((1 &<< number) &- 1))
    bits &>>= number
    count &-= number
    return value
  }

  mutating func run(into output: inout [UInt8]) throws(Gzip.Failure) {
    var isLast = false
    while !isLast {
      refill()
      guard missing < 16 else { throw .truncated }
      isLast = take(1) == 1
      switch take(2) {
      case 0: try stored(&output)
      case 1:
        let literals = (0..<288).map { UInt8($0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8) }
        try block(
          &output, try Self.table(literals), try Self.table([UInt8](repeating: 5, count: 30)))
      case 2:
        let (literals, distances) = try codes()
        try block(&output, try Self.table(literals), try Self.table(distances))
      default: throw .damaged("unknown kind of block")
      }
    }
    // Whole bytes that were read ahead are given back.
    count &= ~7
    guard missing <= Int(count >> 3) else { throw .truncated }
  }

  private mutating func stored(_ output: inout [UInt8]) throws(Gzip.Failure) {
    _ = take(count & 7)
    refill()
    let length = take(16)
    guard take(16) == ~length & 0xFFFF else { throw .damaged("length of a stored block") }
    let start = position - Int(count >> 3)
    guard start + length <= input.count else { throw .truncated }
    guard output.count + length <= limit else { throw .damaged("too large") }
    output += input[start..<start + length]
    position = start + length
    (bits, count) = (0, 0)
  }

  /// Code lengths of a block with codes of its own.
  private mutating func codes() throws(Gzip.Failure) -> ([UInt8], [UInt8]) {
    refill()
    let literals = take(5) + 257
    let distances = take(5) + 1
    let lengths = take(4) + 4
    var first = [UInt8](repeating: 0, count: 19)
    for index in 0..<lengths {
      refill()
      first[Self.order[index]] = UInt8(take(3))
    }
    let table = try Self.table(first)
    var all: [UInt8] = []
    while all.count < literals + distances {
      refill()
      guard missing < 16 else { throw .truncated }
      let entry = table[Int(bits & 0x7FFF)]
      guard entry != 0 else { throw .damaged("code of lengths") }
      _ = take(UInt64(entry & 15))
      let symbol = UInt8(entry >> 4)
      switch symbol {
      case 16:
        guard let last = all.last else { throw .damaged("repetition without a length") }
        all += [UInt8](repeating: last, count: take(2) + 3)
      case 17: all += [UInt8](repeating: 0, count: take(3) + 3)
      case 18: all += [UInt8](repeating: 0, count: take(7) + 11)
      default: all.append(symbol)
      }
    }
    guard all.count == literals + distances, literals <= 286 else { throw .damaged("too many lengths") }
    return (Array(all[..<literals]), Array(all[literals...]))
  }

  /// A table from the next 15 bits to symbol × 16 + code length; zero where no code begins so.
  private static func table(_ lengths: [UInt8]) throws(Gzip.Failure) -> [UInt16] {
    var counts = [Int](repeating: 0, count: 16)
    for length in lengths { counts[Int(length)] += 1 }
    counts[0] = 0
    var next = [Int](repeating: 0, count: 16)
    var code = 0
    for length in 1...15 {
      code = (code + counts[length - 1]) << 1
      next[length] = code
      guard code + counts[length] <= 1 << length else { throw .damaged("a code with too many words") }
    }
    var table = [UInt16](repeating: 0, count: 1 << 15)
    for (symbol, length) in lengths.enumerated() where length > 0 {
      let length = Int(length)
      var reversed = 0
      for bit in 0..<length where next[length] >> bit & 1 != 0 { reversed |= 1 << (length - 1 - bit) }
      next[length] += 1
      let entry = UInt16(symbol << 4 | length)
      for index in stride(from: reversed, to: 1 << 15, by: 1 << length) { table[index] = entry }
    }
    return table
  }

  private mutating func block(
    _ output: inout [UInt8], _ literals: [UInt16], _ distances: [UInt16]
  ) throws(Gzip.Failure) {
    while true {
      refill()
      guard missing < 16 else { throw .truncated }
      let entry = literals[Int(bits & 0x7FFF)]
      guard entry != 0 else { throw .damaged("code of a literal") }
      _ = take(UInt64(entry & 15))
      let symbol = Int(entry >> 4)
      if symbol < 256 {
        output.append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol - 257 < 29 else { throw .damaged("length of a match") }
      let length =
        Int(Self.lengthBase[symbol - 257]) + take(UInt64(Self.lengthExtra[symbol - 257]))
      let second = distances[Int(bits & 0x7FFF)]
      guard second != 0, second >> 4 < 30 else { throw .damaged("code of a distance") }
      _ = take(UInt64(second & 15))
      let distance =
        Int(Self.distanceBase[Int(second >> 4)]) + take(UInt64(Self.distanceExtra[Int(second >> 4)]))
      guard distance <= output.count else { throw .damaged("distance of a match") }
      guard output.count + length <= limit else { throw .damaged("too large") }
      var from = output.count - distance
      for _ in 0..<length {
        output.append(output[from])
        from += 1
      }
    }
  }
}
