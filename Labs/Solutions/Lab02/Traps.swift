import LabKit
import MachineCore
import ToyISA

/// Lab 2: precise traps and modes.
///
/// The machine calls `translate` for every fetch, load and store, and `deliver` for every trap and interrupt.
/// `Docs/ToyISA.md` is the reference: its sections "Address translation" and "Traps".
public enum Traps: TrapUnit {
  /// The physical address of a virtual one, or the trap that stands for an access that is not allowed.
  public static func translate(_ address: UInt32, _ access: Access, size: Int, _ cpu: LabProcessor)
    throws(GuestTrap) -> UInt32
  {
    // BEGIN SOLUTION
    if access == .fetch, address % 4 != 0 { throw GuestTrap(.alignment, value: address) }
    // In 64 bits, so that no sum wraps.
    let length = UInt64(size)
    guard UInt64(address) + length <= UInt64(cpu.psw.bound) else {
      throw GuestTrap(.bounds, value: address)
    }
    if cpu.psw.paging { return try translateByPages(address, access, cpu) }
    let place = UInt64(cpu.psw.base) + UInt64(address)
    guard place + length <= UInt64(cpu.storageSize) else { throw GuestTrap(.bounds, value: address) }
    return UInt32(place)
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 2: alignment of fetches, the bound, the end of storage.
    //| // TODO 3: paging, if `cpu.psw.paging`.
    //| return cpu.psw.base &+ address
    // END SKELETON
  }
  // BEGIN SOLUTION

  private static func translateByPages(_ address: UInt32, _ access: Access, _ cpu: LabProcessor)
    throws(GuestTrap) -> UInt32
  {
    let page = address >> 12
    let offset = address & 0xFFF
    if let entry = cpu.tlb[page] {
      try check(entry, address, access, cpu)
      // A write through a clean entry goes to the tables, to set dirty there.
      if access != .write || entry & PageEntry.dirty != 0 { return entry & PageEntry.frame | offset }
    }
    let entry = try walk(address, access, cpu)
    cpu.tlb[page] = entry
    return entry & PageEntry.frame | offset
  }

  /// The page's entry, with accessed and dirty set in storage.
  private static func walk(_ address: UInt32, _ access: Access, _ cpu: LabProcessor) throws(GuestTrap)
    -> UInt32
  {
    let root = try word(cpu.psw.base & PageEntry.frame, address >> 22, address, access, cpu)
    guard root & PageEntry.valid != 0 else { throw pageFault(address, access) }
    let table = root & PageEntry.frame
    var entry = try word(table, address >> 12 & 0x3FF, address, access, cpu)
    guard entry & PageEntry.valid != 0 else { throw pageFault(address, access) }
    guard UInt64(entry & PageEntry.frame) + 0x1000 <= UInt64(cpu.storageSize) else {
      throw pageFault(address, access)
    }
    try check(entry, address, access, cpu)
    entry |= PageEntry.accessed
    if access == .write { entry |= PageEntry.dirty }
    cpu.setPhysical(table + 4 * (address >> 12 & 0x3FF), size: 4, entry)
    return entry
  }

  /// An entry of a table, which may lie outside storage.
  private static func word(
    _ table: UInt32, _ index: UInt32, _ address: UInt32, _ access: Access, _ cpu: LabProcessor
  ) throws(GuestTrap) -> UInt32 {
    let place = UInt64(table) + 4 * UInt64(index)
    guard place + 4 <= UInt64(cpu.storageSize) else { throw pageFault(address, access) }
    return cpu.physical(UInt32(place), size: 4)
  }

  private static func check(_ entry: UInt32, _ address: UInt32, _ access: Access, _ cpu: LabProcessor)
    throws(GuestTrap)
  {
    var needed: UInt32
    switch access {
    case .fetch: needed = PageEntry.execute
    case .read: needed = PageEntry.read
    case .write: needed = PageEntry.write
    }
    if cpu.psw.user { needed |= PageEntry.user }
    guard entry & needed == needed else { throw pageFault(address, access) }
  }

  private static func pageFault(_ address: UInt32, _ access: Access) -> GuestTrap {
    switch access {
    case .fetch: GuestTrap(.pageFetch, value: address)
    case .read: GuestTrap(.pageRead, value: address)
    case .write: GuestTrap(.pageWrite, value: address)
    }
  }
  // END SOLUTION

  /// Saves the old PSW, cause and value in the trap area, and loads the new PSW from there.
  public static func deliver(_ trap: GuestTrap, _ cpu: LabProcessor) {
    // `TrapArea` has the offsets; `setPhysical` and `physical` reach storage without translation.
    cpu.setPhysical(UInt32(TrapArea.cause), size: 4, trap.cause.rawValue)
    // BEGIN SOLUTION
    cpu.setPhysical(UInt32(TrapArea.value), size: 4, trap.value)
    let old = UInt32(TrapArea.oldPSW)
    for (index, word) in [cpu.psw.flags, cpu.psw.pc, cpu.psw.base, cpu.psw.bound].enumerated() {
      cpu.setPhysical(old + 4 * UInt32(index), size: 4, word)
    }
    let new = (0..<4).map { cpu.physical(UInt32(TrapArea.newPSW) + 4 * $0, size: 4) }
    cpu.psw = PSW(flags: new[0], pc: new[1], base: new[2], bound: new[3])
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 1: the value, the old PSW, and all of the new PSW.
    //| cpu.psw.pc = cpu.physical(UInt32(TrapArea.newPSW) + 4, size: 4)
    // END SKELETON
  }
}
// BEGIN SOLUTION

/// Bits of a page-table entry.
private enum PageEntry {
  static let valid: UInt32 = 1
  static let read: UInt32 = 2
  static let write: UInt32 = 4
  static let execute: UInt32 = 8
  static let user: UInt32 = 16
  static let accessed: UInt32 = 32
  static let dirty: UInt32 = 64
  static let frame: UInt32 = 0xFFFF_F000
}
// END SOLUTION
// BEGIN SKELETON
//|
//| /// Bits of a page-table entry; `Docs/ToyISA.md` has the others.
//| private enum PageEntry {
//|   static let valid: UInt32 = 1
//|   static let frame: UInt32 = 0xFFFF_F000
//| }
// END SKELETON
