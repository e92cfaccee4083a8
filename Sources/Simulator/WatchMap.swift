import MachineCore

/// Which parts of guest-physical storage something was derived from, in granules of 64 bytes.
struct WatchMap: ~Copyable {
  /// A translation read it.
  static let translation: UInt8 = 1
  /// An instruction lies there.
  static let code: UInt8 = 2

  /// One byte for each granule; pages that nobody touches cost nothing. `nil` when the host has no room.
  private let room: GuestMemory?
  private let size: UInt64
  /// Granules with a mark, each once.
  private var marked: [Int] = []
  private let marks: UnsafeMutablePointer<UInt8>

  init(storage size: UInt64) {
    let page = GuestMemory.pageSize
    room = try? GuestMemory(size: (Int(size >> 6) / page + 1) * page)
    self.size = room == nil ? 0 : size
    // SAFETY: the room lives as long as this value; every index comes from an address that was checked
    // against the storage's size. Without room there are no marks and nobody asks for any.
    marks = (room?.base ?? UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
      .assumingMemoryBound(to: UInt8.self)
  }

  deinit { if room == nil { marks.deallocate() } }

  /// Whether there is room for marks.
  var isUsable: Bool { room != nil }

  /// Marks the granules of an access.
  mutating func mark(_ physical: UInt64, _ bytes: UInt64, _ kind: UInt8) {
    guard physical < size, bytes > 0 else { return }
    let (end, overflow) = physical.addingReportingOverflow(bytes &- 1)
    let last = overflow ? size &- 1 : min(end, size &- 1)
    for granule in Int(physical &>> 6)...Int(last &>> 6) {
      if marks[granule] == 0 { marked.append(granule) }
      marks[granule] |= kind
    }
  }

  /// The marks where a store of 1 to 8 bytes goes; the whole of it is inside the storage.
  @inline(__always) func marks(_ physical: UInt64, _ bytes: Int) -> UInt8 {
    guard size != 0 else { return 0 }
    return marks[Int(truncatingIfNeeded: physical &>> 6)]
      | marks[Int(truncatingIfNeeded: (physical &+ UInt64(truncatingIfNeeded: bytes) &- 1) &>> 6)]
  }

  /// Removes a kind of marks everywhere.
  mutating func clear(_ kind: UInt8) {
    var left = 0
    for granule in marked {
      marks[granule] &= ~kind
      if marks[granule] != 0 {
        marked[left] = granule
        left += 1
      }
    }
    marked.removeSubrange(left...)
  }
}
