/// The bytes of an input that are in memory now.
struct ByteWindow {
  /// Owns the buffer, so that the window itself can be moved freely.
  private final class Storage {
    var base: UnsafeMutablePointer<UInt8>
    var capacity: Int

    init(_ capacity: Int) {
      self.capacity = capacity
      base = .allocate(capacity: capacity)
    }

    deinit { base.deallocate() }

    func grow(to size: Int, keeping range: Range<Int>) {
      let new = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
      // SAFETY: the range lies in the old buffer and is shorter than the new one.
      new.update(from: base + range.lowerBound, count: range.count)
      base.deallocate()
      base = new
      capacity = size
    }
  }

  /// Number of the line last asked for, from 1.
  var line = 0
  /// Offset in the input of the first byte not yet consumed.
  private(set) var offset: UInt64 = 0

  private let input: any TraceInput
  private let storage: Storage
  private var start = 0
  private var end = 0
  private var isExhausted = false

  init(_ input: any TraceInput, capacity: Int) {
    self.input = input
    storage = Storage(capacity)
  }

  var name: String { input.name }
  /// Bytes in memory.
  var available: Int { end - start }

  /// Reads until at least `count` bytes are in memory or the input ends.
  mutating func fill(atLeast count: Int) throws(TraceError) {
    while available < count, !isExhausted {
      if start > 0, storage.capacity - start < max(count, 1) || start == end {
        // SAFETY: both ranges lie in the buffer; `update` allows overlap.
        storage.base.update(from: storage.base + start, count: available)
        end -= start
        start = 0
      }
      if storage.capacity - start < count {
        storage.grow(to: max(count, storage.capacity * 2), keeping: start..<end)
        end -= start
        start = 0
      }
      let space = UnsafeMutableRawBufferPointer(start: storage.base + end, count: storage.capacity - end)
      let got = try input.read(into: space)
      if got <= 0 { isExhausted = true } else { end += min(got, space.count) }
    }
  }

  mutating func consume(_ count: Int) {
    let count = min(count, available)
    start += count
    offset += UInt64(count)
  }

  func starts(with bytes: [UInt8]) -> Bool {
    guard available >= bytes.count else { return false }
    for index in 0..<bytes.count where storage.base[start + index] != bytes[index] { return false }
    return true
  }

  /// Eight little-endian bytes; the caller has filled them.
  @inline(__always)
  func word(at index: Int) -> UInt64 {
    assert(index >= 0 && index + 8 <= available)
    // SAFETY: the caller made sure that the bytes are there.
    let raw = UnsafeRawPointer(storage.base + start + index)
    return UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))
  }

  /// The record that begins `index` records from here; the caller has filled it.
  @inline(__always)
  func record(at index: Int) -> TraceRecord {
    let at = index * TraceRecord.size
    return TraceRecord(words: [
      word(at: at), word(at: at + 8), word(at: at + 16), word(at: at + 24), word(at: at + 32),
      word(at: at + 40),
      word(at: at + 48), word(at: at + 56),
    ])
  }

  func digest(of count: Int) -> UInt64 {
    var digest = Digest()
    // SAFETY: the caller made sure that `count` bytes are there.
    digest.add(UnsafeRawBufferPointer(start: storage.base + start, count: count))
    return digest.value
  }

  /// The length of the line here without its line end; incomplete at the end of the input.
  ///
  /// - Returns: `nil` if the line is longer than `limit`.
  mutating func line(atMost limit: Int) throws(TraceError) -> (count: Int, isComplete: Bool)? {
    var searched = 0
    while true {
      let base = storage.base + start
      let count = available
      while searched < count {
        // SAFETY: `searched` is below the bytes in memory.
        if base[searched] == 10 { return searched > limit ? nil : (searched, true) }
        searched &+= 1
      }
      guard searched <= limit else { return nil }
      try fill(atLeast: count + 1)
      guard available > count else { return (count, false) }
    }
  }

  /// A cursor over the first `count` bytes, which must be in memory.
  func cursor(_ count: Int) -> JSONCursor {
    JSONCursor(storage.base, start, start + count)
  }
}
