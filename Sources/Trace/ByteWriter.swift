/// A buffer of UTF-8 and binary output in front of a ``TraceOutput``.
///
/// `reserve` makes room first; the other calls then store without looking at the capacity.
struct ByteWriter: ~Copyable {
  private let base: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  private var used = 0
  let output: any TraceOutput

  init(_ output: any TraceOutput, capacity: Int = 128 * 1024) {
    self.output = output
    self.capacity = capacity
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  /// Makes room for `count` bytes, at most the capacity.
  @inline(__always)
  mutating func reserve(_ count: Int) throws(TraceError) {
    if capacity - used < count { try flush() }
  }

  /// Hands everything to the output.
  @inline(never)
  mutating func flush() throws(TraceError) {
    let count = used
    used = 0
    guard count > 0 else { return }
    // SAFETY: the first `count` bytes were stored, and the buffer lives as long as self.
    try output.write(UnsafeRawBufferPointer(start: base, count: count))
  }

  @inline(__always)
  mutating func byte(_ byte: UInt8) {
    // SAFETY: callers reserved room, so `used` < `capacity`; checked in debug builds.
    assert(used < capacity)
    base[used] = byte
    used &+= 1
  }

  @inline(__always)
  mutating func text(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    assert(count <= capacity - used)
    // SAFETY: callers reserved room for the text; a static string lives for ever.
    (base + used).update(from: text.utf8Start, count: count)
    used &+= count
  }

  @inline(__always)
  mutating func bytes(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { source in
      assert(source.count <= capacity - used)
      guard let start = source.baseAddress else { return }
      // SAFETY: callers reserved room for the bytes.
      (base + used).update(from: start, count: source.count)
    }
    used &+= bytes.count
  }

  /// Stores `0x` and the digits without leading zeros.
  @inline(__always)
  mutating func hex(_ value: UInt64) {
    byte(UInt8(ascii: "0"))
    byte(UInt8(ascii: "x"))
    let digits = max(1, (67 &- value.leadingZeroBitCount) >> 2)
    var shift = UInt64(truncatingIfNeeded: digits &* 4)
    while shift > 0 {
      shift &-= 4
      byte(Self.digit(value &>> shift))
    }
  }

  /// Stores two digits.
  @inline(__always)
  mutating func hexByte(_ value: UInt8) {
    byte(Self.digit(UInt64(value >> 4)))
    byte(Self.digit(UInt64(value)))
  }

  @inline(__always)
  private static func digit(_ value: UInt64) -> UInt8 {
    let nibble = UInt8(truncatingIfNeeded: value) & 15
    return nibble < 10 ? nibble &+ 48 : nibble &+ 87
  }

  /// Stores the decimal digits.
  @inline(__always)
  mutating func decimal(_ value: UInt64) {
    var count = 1
    var limit: UInt64 = 10
    while count < 20, value >= limit {
      count &+= 1
      if count == 20 { break }
      limit &*= 10
    }
    var rest = value
    var position = used &+ count
    assert(position <= capacity)
    while position > used {
      position &-= 1
      // SAFETY: callers reserved room; `position` lies between `used` and `used + count`.
      base[position] = 48 &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    used &+= count
  }

  /// Stores a JSON number that every reader holds exactly, or a hex string beyond 2^53.
  @inline(__always)
  mutating func number(_ value: UInt64) {
    if value <= 1 << 53 {
      decimal(value)
    } else {
      quotedHex(value)
    }
  }

  @inline(__always)
  mutating func quotedHex(_ value: UInt64) {
    byte(UInt8(ascii: "\""))
    hex(value)
    byte(UInt8(ascii: "\""))
  }

  /// Writes bytes of any number.
  mutating func long(_ bytes: [UInt8]) throws(TraceError) {
    for byte in bytes {
      try reserve(1)
      self.byte(byte)
    }
  }

  /// Writes whole records, as they are on the wire.
  mutating func records(_ records: UnsafeBufferPointer<TraceRecord>) throws(TraceError) {
    #if _endian(little)
      try flush()
      // SAFETY: TraceRecord is trivial, 64 bytes without padding, and little-endian on this host.
      try output.write(UnsafeRawBufferPointer(records))
    #else
      for record in records {
        try reserve(TraceRecord.size)
        for word in record.words {
          for shift in 0..<8 { byte(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
        }
      }
    #endif
  }
}

extension TraceRecord {
  /// The record as eight words, each little-endian on the wire.
  @inline(__always)
  var words: InlineArray<8, UInt64> {
    [
      UInt64(kind) | UInt64(flags) << 8 | UInt64(cpu) << 16 | UInt64(code) << 32,
      clock, pc, address, value, aux, bytes.low, bytes.high,
    ]
  }

  /// The record with these words.
  init(words: InlineArray<8, UInt64>) {
    self.init(
      .retire, cpu: UInt16(truncatingIfNeeded: words[0] >> 16),
      code: UInt32(truncatingIfNeeded: words[0] >> 32),
      clock: words[1], pc: words[2], address: words[3], value: words[4], aux: words[5])
    kind = UInt8(truncatingIfNeeded: words[0])
    flags = UInt8(truncatingIfNeeded: words[0] >> 8)
    bytes.low = words[6]
    bytes.high = words[7]
  }
}

/// The check sum of a trace: over every record but host records, in order.
struct TraceCheck {
  private(set) var digest = Digest()
  private(set) var count: UInt64 = 0

  /// Takes the next record.
  @inline(__always)
  mutating func add(_ record: TraceRecord) {
    count &+= 1
    if record.kind == EventKind.host.rawValue { return }
    let words = record.words
    for index in 0..<8 { digest.add(word: words[index]) }
  }

  var value: UInt64 { digest.value }
}
