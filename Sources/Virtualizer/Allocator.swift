internal import MachineCore
package import ToyISA

/// Who owns which part of the hardware's storage: the allocator's table in the paper's sense.
///
/// From address 0: a guard page, the guest's region, another guard page, the shadow tables. The
/// guard pages belong to nobody; a change there means that the guest got out of its region.
public struct ResourceMap: Sendable, Equatable {
  /// Bytes in a guard, and in a page of the toy processor.
  public static let page = 4096
  /// Pages of the shadow area: two roots and the tables below them.
  public static let shadowPages = 34

  /// The guest's storage: its physical address 0 is the lower bound.
  public let guest: Range<Int>
  /// The VMM's own storage for shadow page tables.
  public let shadow: Range<Int>

  /// The map for a guest with `guestSize` bytes of storage.
  public init(guestSize: Int) {
    guest = Self.page..<(Self.page + guestSize)
    let start = guest.upperBound + Self.page
    shadow = start..<(start + Self.shadowPages * Self.page)
  }

  /// Bytes of hardware storage that a guest of `guestSize` bytes needs.
  public static func storageNeeded(guestSize: Int) -> Int {
    ResourceMap(guestSize: guestSize).shadow.upperBound
  }

  /// The two guard pages.
  package var guards: [Range<Int>] {
    [(guest.lowerBound - Self.page)..<guest.lowerBound, guest.upperBound..<(guest.upperBound + Self.page)]
  }

  /// Whether every address that this PSW can reach without paging is the guest's.
  package func confines(_ psw: PSW) -> Bool {
    let base = UInt64(psw.base)
    return psw.bound == 0
      || base >= UInt64(guest.lowerBound) && base + UInt64(psw.bound) <= UInt64(guest.upperBound)
  }

  /// Whether the frame of a shadow page-table entry is the guest's.
  package func confines(entry: UInt32) -> Bool {
    let frame = Int(UInt64(entry) & PageEntry.frame)
    return frame >= guest.lowerBound && frame + Self.page <= guest.upperBound
  }
}

/// Gives the guest its part of the hardware's storage and watches over it.
struct Allocator {
  let map: ResourceMap
  private let storage: GuestMemory

  /// Takes possession of the storage around the guest's region and puts guard words there.
  ///
  /// - Throws: ``EngineRefusal`` when `guest` is not the window that the map assigns.
  init(storage: GuestMemory, guest: GuestMemory) throws(EngineRefusal) {
    map = ResourceMap(guestSize: guest.size)
    self.storage = storage
    guard storage.size >= map.shadow.upperBound, storage.size <= 1 << 32 else {
      throw EngineRefusal(
        "hardware with \(storage.size) bytes of storage cannot hold a guest of \(guest.size) bytes",
        remedy: "give the hardware \(map.shadow.upperBound) bytes, at most 4 GiB")
    }
    guard guest.base == storage.base + map.guest.lowerBound else {
      throw EngineRefusal(
        "the guest's storage is not a window on the hardware's storage",
        remedy: "cut it with VirtualMachineMonitor.guestStorage(on:size:)")
    }
    for guardPage in map.guards {
      for address in stride(from: guardPage.lowerBound, to: guardPage.upperBound, by: 8) {
        storage.store(UInt64(address), Self.guardWord(address), width: 8)
      }
      storage.changed(guardPage)
    }
  }

  /// What a guard holds at an address; every word is different, so that a copy shows as well.
  private static func guardWord(_ address: Int) -> UInt64 {
    0x5AFE_60A2_D000_0000 ^ UInt64(truncatingIfNeeded: address) &* 0x9E37_79B9
  }

  /// Whether the guard words next to the region are as they were; cheap enough for every exit.
  var bordersIntact: Bool {
    let below = map.guest.lowerBound - 64
    let above = map.guest.upperBound
    for offset in stride(from: 0, to: 64, by: 8) {
      guard storage.load(UInt64(below + offset), width: 8) == Self.guardWord(below + offset),
        storage.load(UInt64(above + offset), width: 8) == Self.guardWord(above + offset)
      else { return false }
    }
    return true
  }

  /// Whether the guard pages are as they were, every word of them.
  var guardsIntact: Bool {
    map.guards.allSatisfy { page in
      stride(from: page.lowerBound, to: page.upperBound, by: 8).allSatisfy {
        storage.load(UInt64($0), width: 8) == Self.guardWord($0)
      }
    }
  }
}
