/// Decoder of one deflate stream (RFC 1951).
struct Inflater: ~Copyable {
  private let input: UnsafeBufferPointer<UInt8>
  private var position: Int
  private var bits: UInt64 = 0
  private var count: UInt64 = 0
  /// Zero bytes taken from behind the input's end.
  private var missing = 0

  // What has been decompressed: at least `room` bytes from `output`.
  private var output: UnsafeMutablePointer<UInt8>
  private var length: Int
  private var room: Int
  private let limit: Int

  /// Decompresses the stream that begins at `position` and appends it to `result`; where the stream ends.
  ///
  /// - Parameter limit: most bytes that the result may have in all.
  static func inflate(
    _ bytes: [UInt8], _ position: Int, into result: inout [UInt8], limit: Int
  ) throws(Gzip.Failure) -> Int {
    try bytes.withUnsafeBufferPointer { (input) throws(Gzip.Failure) -> Int in
      var inflater = Inflater(input, position, limit: limit - result.count)
      try inflater.run()
      result.append(contentsOf: UnsafeBufferPointer(start: inflater.output, count: inflater.length))
      return inflater.bytePosition
    }
  }

  private init(_ input: UnsafeBufferPointer<UInt8>, _ position: Int, limit: Int) {
    self.input = input
    self.position = position
    self.limit = max(limit, 0)
    room = min(max(input.count * 8, 1 << 16), 1 << 26)
    // SAFETY: the buffer belongs to this value, which frees it; `grow` keeps `length` + 258 ≤ `room` for writers.
    output = .allocate(capacity: room)
    length = 0
  }

  deinit { output.deallocate() }

  /// The first byte that is not used, after the end of the stream.
  private var bytePosition: Int { position - Int(count >> 3) }

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

  private var truncated: Gzip.Failure { .truncated(at: input.count) }
  private func damaged(_ what: String) -> Gzip.Failure { .damaged(what, at: min(bytePosition, input.count)) }

  // MARK: Input

  /// Makes sure of 56 bits.
  @inline(__always) private mutating func refill() {
    if position <= input.count - 8, let base = input.baseAddress {
      // SAFETY: eight bytes from `position` are inside.
      let next = UnsafeRawPointer(base + position).loadUnaligned(as: UInt64.self)
      bits |= UInt64(littleEndian: next) &<< count
      let taken = (63 &- count) >> 3
      position += Int(taken)
      count &+= taken &* 8
      return
    }
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
    let value = Int(truncatingIfNeeded: bits & ((1 &<< number) &- 1))
    bits &>>= number
    count &-= number
    return value
  }

  // MARK: Output

  /// Makes room for `more` bytes and a longest match.
  @inline(__always) private mutating func reserve(_ more: Int) throws(Gzip.Failure) {
    if length + more + 258 > room { try grow(more) }
  }

  @inline(never) private mutating func grow(_ more: Int) throws(Gzip.Failure) {
    guard length + more <= limit else { throw .tooLarge(limit: limit) }
    let larger = max(room * 2, length + more + 258)
    // SAFETY: both buffers hold `length` bytes.
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    buffer.update(from: output, count: length)
    output.deallocate()
    output = buffer
    room = larger
  }

  // MARK: Blocks

  private mutating func run() throws(Gzip.Failure) {
    var isLast = false
    while !isLast {
      refill()
      guard missing < 16 else { throw truncated }
      isLast = take(1) == 1
      switch take(2) {
      case 0: try stored()
      case 1:
        let literals = (0..<288).map { UInt8($0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8) }
        try block(try table(literals), try table([UInt8](repeating: 5, count: 30)))
      case 2:
        let (literals, distances) = try codes()
        try block(try table(literals), try table(distances))
      default: throw damaged("unknown kind of block")
      }
      guard length <= limit else { throw .tooLarge(limit: limit) }
    }
    // Whole bytes that were read ahead are given back.
    count &= ~7
    guard missing <= Int(count >> 3) else { throw truncated }
  }

  private mutating func stored() throws(Gzip.Failure) {
    _ = take(count & 7)
    refill()
    let size = take(16)
    guard take(16) == ~size & 0xFFFF else { throw damaged("length of a stored block") }
    let start = bytePosition
    guard start + size <= input.count else { throw truncated }
    try reserve(size)
    // SAFETY: room was made, and the bytes are inside the input.
    for offset in 0..<size { output[length + offset] = input[start + offset] }
    length += size
    position = start + size
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
    let table = try table(first)
    var all: [UInt8] = []
    while all.count < literals + distances {
      refill()
      guard missing < 16 else { throw truncated }
      let entry = table[Int(bits & 0x7FFF)]
      guard entry != 0 else { throw damaged("code of lengths") }
      _ = take(UInt64(entry & 15))
      let symbol = UInt8(entry >> 4)
      switch symbol {
      case 16:
        guard let last = all.last else { throw damaged("repetition without a length") }
        all += [UInt8](repeating: last, count: take(2) + 3)
      case 17: all += [UInt8](repeating: 0, count: take(3) + 3)
      case 18: all += [UInt8](repeating: 0, count: take(7) + 11)
      default: all.append(symbol)
      }
    }
    guard all.count == literals + distances, literals <= 286 else { throw damaged("too many lengths") }
    return (Array(all[..<literals]), Array(all[literals...]))
  }

  /// A table from the next 15 bits to symbol × 16 + code length; zero where no code begins so.
  private func table(_ lengths: [UInt8]) throws(Gzip.Failure) -> [UInt16] {
    var counts = [Int](repeating: 0, count: 16)
    for length in lengths { counts[Int(length)] += 1 }
    counts[0] = 0
    var next = [Int](repeating: 0, count: 16)
    var code = 0
    for length in 1...15 {
      code = (code + counts[length - 1]) << 1
      next[length] = code
      guard code + counts[length] <= 1 << length else { throw damaged("a code with too many words") }
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

  private mutating func block(_ literals: [UInt16], _ distances: [UInt16]) throws(Gzip.Failure) {
    while true {
      refill()
      guard missing < 16 else { throw truncated }
      try reserve(1)
      // Three literals fit into what one refill gives.
      for _ in 0..<2 {
        let entry = literals[Int(truncatingIfNeeded: bits & 0x7FFF)]
        guard entry != 0, entry < 256 << 4 else { break }
        _ = take(UInt64(entry & 15))
        // SAFETY: room for a longest match was made.
        output[length] = UInt8(truncatingIfNeeded: entry >> 4)
        length += 1
      }
      let entry = literals[Int(truncatingIfNeeded: bits & 0x7FFF)]
      guard entry != 0 else { throw damaged("code of a literal") }
      if entry < 256 << 4 {
        _ = take(UInt64(entry & 15))
        output[length] = UInt8(truncatingIfNeeded: entry >> 4)
        length += 1
        continue
      }
      refill()
      _ = take(UInt64(entry & 15))
      let symbol = Int(entry >> 4)
      if symbol == 256 { return }
      guard symbol - 257 < 29 else { throw damaged("length of a match") }
      let size = Int(Self.lengthBase[symbol - 257]) + take(UInt64(Self.lengthExtra[symbol - 257]))
      let second = distances[Int(truncatingIfNeeded: bits & 0x7FFF)]
      guard second != 0, second >> 4 < 30 else { throw damaged("code of a distance") }
      _ = take(UInt64(second & 15))
      let distance =
        Int(Self.distanceBase[Int(second >> 4)]) + take(UInt64(Self.distanceExtra[Int(second >> 4)]))
      guard distance <= length else { throw damaged("distance of a match") }
      try reserve(size)
      // SAFETY: the source lies inside what was written, and room was made; matches may overlap themselves.
      let source = output + (length - distance)
      let target = output + length
      for offset in 0..<size { target[offset] = source[offset] }
      length += size
    }
  }
}
