import Testing
import X86Backend

/// Debug registers and DR7 as the manual has them (Intel SDM vol. 3, 18.2.4, 18.2.5 and table 18-2).
@Suite struct DebugSlotTests {
  private func covers(_ slots: [DebugSlot], _ address: UInt64) -> Bool {
    slots.contains { $0.address <= address && address - $0.address < UInt64($0.length) }
  }

  @Test func everyRangeIsCovered() {
    for address in UInt64(0x1000)..<0x1010 {
      for length in 1...16 {
        let stores = DebugSlot.stores(address, length: length)
        let accesses = DebugSlot.accesses(address, length: length)
        for slot in stores + accesses {
          #expect([1, 2, 4, 8].contains(slot.length) && slot.address % UInt64(slot.length) == 0)
        }
        #expect(stores.allSatisfy { $0.use == .write } && accesses.allSatisfy { $0.use == .access })
        #expect(length > 8 || stores.count <= 2)
        for place in (address - 8)..<(address + UInt64(length) + 8) {
          let isMeant = place >= address && place < address + UInt64(length)
          #expect(!isMeant || covers(stores, place))
          #expect(isMeant == covers(accesses, place), "\(address) \(length) \(place)")
        }
      }
    }
    // At the end of the address space nothing traps.
    #expect(DebugSlot.stores(.max, length: 4).count == 2)
    #expect(DebugSlot.accesses(.max, length: 2).count == 2)
  }

  @Test func controlRegister() {
    let execution = DebugSlot(execution: 0x7C05)
    #expect(DebugSlot.control([]) == 0x700)
    #expect(DebugSlot.control([execution]) == 0x702)
    // R/W 01 and LEN 11 in the second register; R/W 11 and LEN 10 in the fourth.
    let four = DebugSlot.stores(0x1000, length: 4)
    let eight = DebugSlot.accesses(0x2000, length: 8)
    #expect(DebugSlot.control([execution] + four) == 0x00D0_070A)
    #expect(DebugSlot.control([execution, execution, execution] + eight) == 0xB000_07AA)
    #expect(DebugSlot.control(DebugSlot.stores(0x1002, length: 2)) == 0x0005_0702)
    #expect(DebugSlot.control(DebugSlot.accesses(0x1001, length: 1)) == 0x0003_0702)
    // There is no fifth.
    #expect(
      DebugSlot.control([execution, execution, execution, execution])
        == DebugSlot.control([execution, execution, execution, execution] + eight))
  }
}
