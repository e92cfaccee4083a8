internal import MachineCore
internal import ToyISA

/// A trap that the guest is to see.
package struct GuestTrap: Error, Equatable {
  /// Its cause.
  package var cause: UInt32
  /// Its value.
  package var value: UInt32

  /// A trap.
  package init(cause: UInt32, value: UInt32) {
    self.cause = cause
    self.value = value
  }

  init(_ cause: ToyCause, _ value: UInt32) { self.init(cause: cause.rawValue, value: value) }
}

/// The guest's TLB and the walk that fills it, as its bare machine would have them.
///
/// The architecture's TLB has no size: an entry stays until `tlbflush`. So what the guest's tables say
/// counts only when an entry is filled, and the virtual TLB is the truth in between.
struct VirtualTLB {
  /// Guest page-table entries by virtual page number, as they were when filled.
  private(set) var entries: [UInt32: UInt32] = [:]

  /// Forgets everything.
  mutating func flush() { entries.removeAll(keepingCapacity: true) }

  /// Takes over entries of a saved state; what no walk could have filled is dropped.
  mutating func load(_ saved: [UInt64: UInt64], storageSize: Int) {
    entries.removeAll()
    for (page, entry) in saved where page < 1 << 20 && entry & PageEntry.valid != 0 {
      guard (entry & PageEntry.frame) + 0x1000 <= UInt64(storageSize) else { continue }
      entries[UInt32(truncatingIfNeeded: page)] = UInt32(truncatingIfNeeded: entry)
    }
  }

  /// The entry under which the access goes through; filled by a walk if need be.
  ///
  /// - Throws: the page fault that the guest is to see.
  mutating func entry(
    for address: UInt32, _ access: Access, psw: PSW, storage: GuestMemory
  ) throws(GuestTrap) -> UInt32 {
    let page = address >> 12
    if let held = entries[page] {
      try check(held, address, access, user: psw.user)
      // A write through an entry without its dirty bit walks again, to set it.
      if access != .write || UInt64(held) & PageEntry.dirty != 0 { return held }
    }
    let filled = try walk(address, access, psw: psw, storage: storage)
    entries[page] = filled
    return filled
  }

  private func fault(_ address: UInt32, _ access: Access) -> GuestTrap {
    GuestTrap(
      cause: ToyCause.pageFetch.rawValue &+ UInt32(truncatingIfNeeded: access.rawValue), value: address)
  }

  private func check(
    _ entry: UInt32, _ address: UInt32, _ access: Access, user: Bool
  ) throws(GuestTrap) {
    var needed: UInt64
    switch access {
    case .fetch: needed = PageEntry.execute
    case .read: needed = PageEntry.read
    case .write: needed = PageEntry.write
    }
    if user { needed |= PageEntry.user }
    if UInt64(entry) & needed != needed { throw fault(address, access) }
  }

  private func walk(
    _ address: UInt32, _ access: Access, psw: PSW, storage: GuestMemory
  ) throws(GuestTrap) -> UInt32 {
    let root = UInt64(psw.base) & PageEntry.frame
    guard let directory = storage.load(root + UInt64(address >> 22) * 4, width: 4),
      directory & PageEntry.valid != 0
    else { throw fault(address, access) }
    let place = (directory & PageEntry.frame) + UInt64((address >> 12) & 0x3FF) * 4
    guard let entry = storage.load(place, width: 4), entry & PageEntry.valid != 0,
      storage.contains(entry & PageEntry.frame, count: 0x1000)
    else { throw fault(address, access) }
    try check(UInt32(truncatingIfNeeded: entry), address, access, user: psw.user)
    let marked = entry | PageEntry.accessed | (access == .write ? PageEntry.dirty : 0)
    if marked != entry {
      storage.store(place, marked, width: 4)
      storage.changed(Int(place)..<Int(place + 4))
    }
    return UInt32(truncatingIfNeeded: marked)
  }
}
