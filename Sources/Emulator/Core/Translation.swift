internal import MachineCore
internal import ToyISA

extension ToyCore {
  /// Virtual to physical for an aligned access of `size` bytes.
  ///
  /// - Returns: the physical address, inside storage with all `size` bytes; or `nil` after a trap, whose
  ///   cause and value are left in the core.
  mutating func translate(_ address: UInt32, _ access: Access, size: UInt64) -> UInt64? {
    if access == .fetch, address & 3 != 0 { return trap(.alignment, address) }
    guard UInt64(address) + size <= UInt64(bound) else { return trap(.bounds, address) }
    if paging { return translatePaged(address, access) }
    let physical = UInt64(base) + UInt64(address)
    guard physical + size <= storageSize else { return trap(.bounds, address) }
    return physical
  }

  /// Notes a trap.
  mutating func trap(_ cause: ToyCause, _ value: UInt32) -> UInt64? {
    self.cause = cause
    self.value = value
    return nil
  }

  private mutating func translatePaged(_ address: UInt32, _ access: Access) -> UInt64? {
    let page = address >> 12
    let offset = UInt64(address & 0xFFF)
    let slot = pageSlot(access) + (Int(page) & (Self.pageSlots - 1))
    if pages[slot].tag == page &+ 1 { return UInt64(pages[slot].frame) + offset }

    var entry = tlb[page] ?? 0
    if entry != 0 {
      guard permits(entry, access) else { return pageFault(address, access) }
      // The first write through a clean entry walks again, to set the dirty bit in storage.
      if access == .write, entry & UInt32(PageEntry.dirty) == 0 { entry = 0 }
    }
    if entry == 0 {
      guard let found = walk(address, access) else { return nil }
      entry = found
    }
    let frame = entry & UInt32(PageEntry.frame)
    pages[slot] = CachedPage(tag: page &+ 1, frame: frame)
    return UInt64(frame) + offset
  }

  private mutating func pageFault(_ address: UInt32, _ access: Access) -> UInt64? {
    switch access {
    case .fetch: trap(.pageFetch, address)
    case .read: trap(.pageRead, address)
    case .write: trap(.pageWrite, address)
    }
  }

  /// Whether an entry allows the access in the present mode.
  private func permits(_ entry: UInt32, _ access: Access) -> Bool {
    let permission =
      switch access {
      case .fetch: PageEntry.execute
      case .read: PageEntry.read
      case .write: PageEntry.write
      }
    let needed = UInt32(permission | (user ? PageEntry.user : 0))
    return entry & needed == needed
  }

  /// Walks directory and table, sets accessed and dirty bits in storage and fills the TLB.
  private mutating func walk(_ address: UInt32, _ access: Access) -> UInt32? {
    func fault(_ core: inout ToyCore) -> UInt32? {
      _ = core.pageFault(address, access)
      return nil
    }
    let valid = UInt32(PageEntry.valid)
    let frameMask = UInt32(PageEntry.frame)
    let directoryPlace = UInt64(base & frameMask) + UInt64(address >> 22) * 4
    guard directoryPlace + 4 <= storageSize else { return fault(&self) }
    let directory = physicalWord(directoryPlace)
    guard directory & valid != 0 else { return fault(&self) }
    let place = UInt64(directory & frameMask) + UInt64(address >> 12 & 0x3FF) * 4
    guard place + 4 <= storageSize else { return fault(&self) }
    var entry = physicalWord(place)
    guard entry & valid != 0, UInt64(entry & frameMask) + 0x1000 <= storageSize, permits(entry, access)
    else { return fault(&self) }
    entry |= UInt32(PageEntry.accessed)
    if access == .write { entry |= UInt32(PageEntry.dirty) }
    setPhysicalWord(place, entry)
    fillTLB(page: address >> 12, entry: entry)
    return entry
  }
}
