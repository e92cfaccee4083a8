#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A block of packed operations, by where its code is.
struct FastBlock: BitwiseCopyable {
  /// Guest-physical address of the first byte, or all ones.
  var physical: UInt64 = .max
  /// Linear address.
  var address: UInt64 = 0
  /// Mode that it was decoded for.
  var context: UInt8 = 0
  var start: FastPointer?
}

/// Owns what the fast loop works on: packed operations, blocks, pages, targets.
///
/// Blocks are found by guest-physical address, so they outlive changes of page tables; what is found by
/// linear address carries an epoch. A store into a byte of decoded code drops all blocks.
struct FastStore: ~Copyable {
  static let operationCount = 1 << 16
  static let blockCount = 1 << 12
  /// More operations than one block has.
  static let blockRoom = 512

  let operations: FastPointer
  let blocks: UnsafeMutablePointer<FastBlock>
  let frame: UnsafeMutablePointer<FastFrame>
  /// One bit for each byte of storage: whether a block was decoded from it.
  let coverage: UnsafeMutablePointer<UInt64>
  /// One byte for each granule of storage: how often a store has hit its code, up to 255.
  let hits: UnsafeMutablePointer<UInt8>
  private let granuleCount: Int
  /// Granules that have coverage.
  private(set) var covered: [Int] = []
  /// Operations in use.
  var used = 0
  /// How often all blocks were dropped.
  var drops = 0
  /// Pages for reads and for writes of the supervisor, then of ring 3.
  private let pages: UnsafeMutablePointer<FastPage>
  /// The epochs that the pages of the two are for.
  private var pageEpochs: (supervisor: UInt64, user: UInt64) = (0, 0)

  init(
    registers: UnsafeMutablePointer<UInt64>, storage: UnsafeMutableRawPointer,
    granules: UnsafeMutablePointer<UInt8>, granuleCount: Int
  ) {
    self.granuleCount = granuleCount
    // SAFETY: all buffers belong to this value and are freed in deinit. Operations are written before
    // they are read; all bytes zero are valid numbers.
    operations = .allocate(capacity: Self.operationCount)
    blocks = .allocate(capacity: Self.blockCount)
    blocks.initialize(repeating: FastBlock(), count: Self.blockCount)
    pages = .allocate(capacity: 4 * FastFrame.pageCount)
    pages.initialize(repeating: FastPage(), count: 4 * FastFrame.pageCount)
    let targets = UnsafeMutablePointer<FastTarget>.allocate(capacity: FastFrame.targetCount)
    targets.initialize(repeating: FastTarget(), count: FastFrame.targetCount)
    // `calloc` costs nothing until a page is touched. Running out of memory ends the process, as everywhere
    // in Swift.
    guard let bits = calloc(granuleCount, 8), let counts = calloc(granuleCount, 1) else {
      fatalError("no memory for the emulator's code map of \(granuleCount * 9) bytes")
    }
    coverage = bits.bindMemory(to: UInt64.self, capacity: granuleCount)
    hits = counts.bindMemory(to: UInt8.self, capacity: granuleCount)
    frame = .allocate(capacity: 1)
    frame.initialize(
      to: FastFrame(
        registers: registers, storage: storage, granules: granules, readPages: pages,
        writePages: pages + FastFrame.pageCount, targets: targets, operation: operations,
        block: operations))
  }

  deinit {
    operations.deallocate()
    blocks.deallocate()
    pages.deallocate()
    frame.pointee.targets.deallocate()
    frame.deallocate()
    free(coverage)
    free(hits)
  }

  /// Drops all blocks.
  mutating func drop() {
    drops += 1
    // Every block takes operations: without any there is nothing to be found.
    guard used > 0 else { return }
    // SAFETY: within the allocated counts.
    for index in 0..<Self.blockCount { blocks[index].physical = .max }
    for index in 0..<FastFrame.targetCount { frame.pointee.targets[index].epoch = 0 }
    for granule in covered { coverage[granule] = 0 }
    covered.removeAll(keepingCapacity: true)
    used = 0
  }

  /// Drops all blocks if one was decoded from these bytes of storage.
  mutating func stored(_ first: UInt64, _ count: Int) {
    guard !covered.isEmpty, count > 0 else { return }
    let low = Int(first)
    let high = min(low + count, granuleCount << X86Core.granuleShift) - 1
    guard low <= high else { return }
    for granule in (low >> X86Core.granuleShift)...(high >> X86Core.granuleShift) {
      let base = granule << X86Core.granuleShift
      // SAFETY: granules of storage.
      if coverage[granule] & Self.bits(max(low, base) - base, min(high, base + 63) - base) != 0 {
        if hits[granule] < 255 { hits[granule] += 1 }
        drop()
        return
      }
    }
  }

  /// Notes that a block was decoded from these bytes of storage.
  mutating func cover(_ first: UInt64, _ count: Int) {
    guard count > 0 else { return }
    let low = Int(first)
    let high = low + count - 1
    for granule in (low >> X86Core.granuleShift)...(high >> X86Core.granuleShift) {
      let base = granule << X86Core.granuleShift
      // SAFETY: as above; code that blocks are made of lies inside storage.
      if coverage[granule] == 0 { covered.append(granule) }
      coverage[granule] |= Self.bits(max(low, base) - base, min(high, base + 63) - base)
    }
  }

  /// Bits `low` to `high` of a word.
  private static func bits(_ low: Int, _ high: Int) -> UInt64 {
    (UInt64.max << UInt64(low)) & (UInt64.max >> UInt64(63 - high))
  }

  /// Uses the pages of a privilege level; `true` when they are stale.
  mutating func choosePages(isUser: Bool, _ epoch: UInt64) -> Bool {
    // SAFETY: two halves, of two sets each.
    frame.pointee.readPages = pages + (isUser ? 2 * FastFrame.pageCount : 0)
    frame.pointee.writePages = frame.pointee.readPages + FastFrame.pageCount
    let old = isUser ? pageEpochs.user : pageEpochs.supervisor
    if isUser { pageEpochs.user = epoch } else { pageEpochs.supervisor = epoch }
    return old != epoch
  }

  /// Forgets the pages that accesses have found.
  func dropPages() {
    // SAFETY: reads and writes, one after the other.
    for index in 0..<2 * FastFrame.pageCount { frame.pointee.readPages[index].tag = .max }
  }

  /// Forgets the pages that stores have found, at both levels.
  func dropWritePages() {
    // SAFETY: within the count; writes follow reads.
    for index in 0..<FastFrame.pageCount {
      pages[FastFrame.pageCount + index].tag = .max
      pages[3 * FastFrame.pageCount + index].tag = .max
    }
  }
}
