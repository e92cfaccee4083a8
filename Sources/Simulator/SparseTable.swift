/// A processor table such as a TLB: keys and values of 64 bits, zero where nothing was written.
///
/// Open addressing with linear probing; emptying it takes constant time.
struct SparseTable: ~Copyable {
  private struct Cell: BitwiseCopyable {
    var key: UInt64
    var value: UInt64
    var generation: UInt64
  }

  private var cells: UnsafeMutablePointer<Cell>
  private var capacity: Int
  private var used = 0
  private var generation: UInt64 = 1

  init() {
    capacity = 64
    // SAFETY: owned by this value, freed in deinit; every index below is masked by `capacity` − 1.
    cells = .allocate(capacity: capacity)
    cells.initialize(repeating: Cell(key: 0, value: 0, generation: 0), count: capacity)
  }

  deinit { cells.deallocate() }

  @inline(__always) private func slot(_ key: UInt64) -> Int {
    var index = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 20) & (capacity &- 1)
    // SAFETY: `index` is masked; at least a quarter of the cells is free, so the search ends.
    while cells[index].generation == generation && cells[index].key != key {
      index = (index &+ 1) & (capacity &- 1)
    }
    return index
  }

  /// The entry at a key; 0 when there is none.
  subscript(key: UInt64) -> UInt64 {
    // SAFETY: `slot` gives an index below `capacity`.
    let cell = cells[slot(key)]
    return cell.generation == generation ? cell.value : 0
  }

  /// Sets an entry.
  mutating func set(_ key: UInt64, _ value: UInt64) {
    let index = slot(key)
    // SAFETY: `slot` gives an index below `capacity`.
    if cells[index].generation != generation {
      guard value != 0 else { return }
      used += 1
    }
    cells[index] = Cell(key: key, value: value, generation: generation)
    if used > capacity / 4 * 3 { grow() }
  }

  /// Removes every entry.
  mutating func clear() {
    guard used > 0 else { return }
    generation += 1
    used = 0
  }

  /// Entries that are not zero.
  var contents: [UInt64: UInt64] {
    var found: [UInt64: UInt64] = [:]
    for index in 0..<capacity {
      // SAFETY: `index` < `capacity`.
      let cell = cells[index]
      if cell.generation == generation && cell.value != 0 { found[cell.key] = cell.value }
    }
    return found
  }

  private mutating func grow() {
    let old = cells
    let oldCapacity = capacity
    let oldGeneration = generation
    capacity *= 2
    // SAFETY: as in init; the old cells are read within their capacity and then freed.
    cells = .allocate(capacity: capacity)
    cells.initialize(repeating: Cell(key: 0, value: 0, generation: 0), count: capacity)
    used = 0
    generation = 1
    for index in 0..<oldCapacity where old[index].generation == oldGeneration {
      set(old[index].key, old[index].value)
    }
    old.deallocate()
  }
}
