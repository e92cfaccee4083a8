internal import MachineCore
internal import ToyISA

/// The page tables that the hardware really walks, in the VMM's own part of its storage.
///
/// Shadow tables are a cache of the virtual TLB with guest frames made real. There is one root for the
/// guest's supervisor mode and one for its user mode, because what a page permits depends on the mode
/// and the hardware, always in user mode, cannot tell. When the pool of tables is used up everything
/// is dropped and filled again as it is needed.
struct ShadowPaging {
  private let storage: GuestMemory
  private let area: Range<Int>
  /// Page directories in use, by root; each names the page-table slots that are not empty.
  private var used: [[UInt32]] = [[], []]
  private var nextTable: Int

  init(storage: GuestMemory, area: Range<Int>) {
    self.storage = storage
    self.area = area
    nextTable = area.lowerBound + 2 * ResourceMap.page
    clear(page: area.lowerBound)
    clear(page: area.lowerBound + ResourceMap.page)
  }

  /// Real address of the root for a virtual mode.
  func root(user: Bool) -> UInt32 {
    UInt32(truncatingIfNeeded: area.lowerBound + (user ? ResourceMap.page : 0))
  }

  /// Drops all entries; the hardware's TLB must be flushed as well.
  mutating func drop() {
    for (index, slots) in used.enumerated() {
      for slot in slots { store(area.lowerBound + index * ResourceMap.page + Int(slot) * 4, 0) }
    }
    used = [[], []]
    nextTable = area.lowerBound + 2 * ResourceMap.page
  }

  /// Puts an entry into the tables.
  ///
  /// - Returns: whether older entries were replaced or dropped, so that the hardware's TLB must be flushed.
  mutating func install(_ entry: UInt32, for address: UInt32, user: Bool) -> Bool {
    var mustFlush = false
    let slot = address >> 22
    let directory = Int(root(user: user)) + Int(slot) * 4
    var table = Int(storage.load(UInt64(directory), width: 4) ?? 0) & Int(PageEntry.frame)
    if table == 0 {
      if nextTable == area.upperBound {
        drop()
        mustFlush = true
      }
      table = nextTable
      nextTable += ResourceMap.page
      clear(page: table)
      store(directory, UInt64(table) | PageEntry.valid)
      used[user ? 1 : 0].append(slot)
    }
    let place = table + Int((address >> 12) & 0x3FF) * 4
    if storage.load(UInt64(place), width: 4) != 0 { mustFlush = true }
    store(place, UInt64(entry))
    return mustFlush
  }

  /// Every entry with its place, for the check of resource control.
  func forEachEntry(_ body: (UInt32) -> Void) {
    for (index, slots) in used.enumerated() {
      for slot in slots {
        let directory = area.lowerBound + index * ResourceMap.page + Int(slot) * 4
        let table = (storage.load(UInt64(directory), width: 4) ?? 0) & PageEntry.frame
        for number in 0..<UInt64(1024) {
          let entry = storage.load(table + number * 4, width: 4) ?? 0
          if entry != 0 { body(UInt32(truncatingIfNeeded: entry)) }
        }
      }
    }
  }

  private func store(_ address: Int, _ value: UInt64) {
    storage.store(UInt64(address), value, width: 4)
    storage.changed(address..<address + 4)
  }

  private func clear(page: Int) {
    for address in stride(from: page, to: page + ResourceMap.page, by: 8) {
      storage.store(UInt64(address), 0, width: 8)
    }
    storage.changed(page..<page + ResourceMap.page)
  }
}
