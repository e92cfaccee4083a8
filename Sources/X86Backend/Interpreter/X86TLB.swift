/// A remembered page of its real size, with the rights of all levels of the tables together.
struct X86TLBEntry: BitwiseCopyable {
  /// Guest-physical address of the page; flags in the bits below 12.
  var bits: UInt64

  static let writable: UInt64 = 2
  static let user: UInt64 = 4
  static let dirty: UInt64 = 0x40
  static let global: UInt64 = 0x100
  static let noExecute: UInt64 = 0x200

  /// log2 of the page size.
  var shift: UInt64 { Self.shifts[Int(bits >> 10 & 3)] }
  var frame: UInt64 { bits & ~0xFFF }
  func has(_ flag: UInt64) -> Bool { bits & flag != 0 }

  static let shifts: [UInt64] = [12, 21, 22, 30]

  init(bits: UInt64) { self.bits = bits }

  /// - Parameter size: index into `shifts`.
  init(frame: UInt64, flags: UInt64, size: Int) { bits = frame | flags | UInt64(size) << 10 }
}

/// The translations that the processor remembers until something makes it forget them.
///
/// A hash table with open addressing. Forgetting everything only changes the stamps that entries must have.
struct X86TLB: ~Copyable {
  private struct Place: BitwiseCopyable {
    /// Page number and size, or all ones for a place that nothing was ever put in.
    var key: UInt64 = .max
    var stamp: UInt64 = 0
    var entry = X86TLBEntry(bits: 0)
  }

  /// More entries than any real table has; when there are so many, all are forgotten.
  static let most = 1 << 20

  private var places: UnsafeMutablePointer<Place>
  private var capacity = 1024
  /// Places that are not empty.
  private var used = 0
  private var localCount = 0
  private var globalCount = 0
  private var localStamp: UInt64 = 1
  private var globalStamp: UInt64 = 2
  private var lastStamp: UInt64 = 2
  /// Whether pages of each size may be there.
  private var mayHave: InlineArray<4, Bool> = [false, false, false, false]

  init() {
    // SAFETY: owned by this value, initialised here and freed in deinit.
    places = .allocate(capacity: capacity)
    places.initialize(repeating: Place(), count: capacity)
  }

  deinit { places.deallocate() }

  private static func key(_ linear: UInt64, _ size: Int) -> UInt64 {
    (linear >> X86TLBEntry.shifts[size]) << 2 | UInt64(size)
  }

  private func start(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & (capacity - 1)
  }

  private func isLive(_ place: Place) -> Bool {
    place.stamp == (place.entry.has(X86TLBEntry.global) ? globalStamp : localStamp)
  }

  /// Index of a live entry.
  private func find(_ key: UInt64) -> Int? {
    var index = start(key)
    // SAFETY: masked to the capacity; there are always empty places.
    while places[index].key != .max {
      if places[index].key == key, isLive(places[index]) { return index }
      index = (index + 1) & (capacity - 1)
    }
    return nil
  }

  /// The entry for a linear address, that of the smallest page first.
  func entry(for linear: UInt64) -> X86TLBEntry? {
    for size in 0..<4 where mayHave[size] {
      // SAFETY: as above.
      if let index = find(Self.key(linear, size)) { return places[index].entry }
    }
    return nil
  }

  /// Forgets every entry for a linear address.
  mutating func forget(_ linear: UInt64) {
    for size in 0..<4 where mayHave[size] {
      guard let index = find(Self.key(linear, size)) else { continue }
      count(places[index].entry, -1)
      // SAFETY: as above.
      places[index].stamp = 0
    }
  }

  private mutating func count(_ entry: X86TLBEntry, _ amount: Int) {
    if entry.has(X86TLBEntry.global) { globalCount += amount } else { localCount += amount }
  }

  /// Remembers a page; there must be no entry for its key.
  mutating func insert(_ linear: UInt64, _ entry: X86TLBEntry) {
    if localCount + globalCount >= Self.most { forgetAll() }
    if used * 2 >= capacity { rebuild() }
    let size = Int(entry.bits >> 10 & 3)
    let key = Self.key(linear, size)
    var index = start(key)
    // SAFETY: masked to the capacity.
    while places[index].key != .max, isLive(places[index]) { index = (index + 1) & (capacity - 1) }
    if places[index].key == .max { used += 1 }
    places[index] = Place(
      key: key, stamp: entry.has(X86TLBEntry.global) ? globalStamp : localStamp, entry: entry)
    mayHave[size] = true
    count(entry, 1)
  }

  /// Forgets all pages but the global ones.
  mutating func forgetLocal() {
    localCount = 0
    lastStamp += 1
    localStamp = lastStamp
    if globalCount == 0 { mayHave = [false, false, false, false] }
  }

  mutating func forgetAll() {
    globalCount = 0
    lastStamp += 1
    globalStamp = lastStamp
    forgetLocal()
  }

  /// Makes room, without the places of what was forgotten.
  private mutating func rebuild() {
    let old = places
    let oldCapacity = capacity
    while capacity < 4 * (localCount + globalCount) + 1024 { capacity *= 2 }
    // SAFETY: the old block is freed after everything live was copied.
    places = .allocate(capacity: capacity)
    places.initialize(repeating: Place(), count: capacity)
    used = 0
    for index in 0..<oldCapacity where old[index].key != .max && isLive(old[index]) {
      var place = start(old[index].key)
      while places[place].key != .max { place = (place + 1) & (capacity - 1) }
      places[place] = old[index]
      used += 1
    }
    old.deallocate()
  }

  /// All entries, by page number and size, for a state.
  func visit(_ body: (_ linear: UInt64, _ entry: X86TLBEntry) -> Void) {
    for index in 0..<capacity where places[index].key != .max && isLive(places[index]) {
      let size = Int(places[index].key & 3)
      body((places[index].key >> 2) << X86TLBEntry.shifts[size], places[index].entry)
    }
  }
}
