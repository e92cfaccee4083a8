import MachineCore
import Testing
import ToyISA
import Trace
import Virtualizer

/// Guests that page: shadow tables must show what the guest's own TLB and tables say, no more and no less.
@Suite struct PagingTests {
  static let root: UInt32 = 0x8000
  static let table: UInt32 = 0x9000
  static let read = UInt32(PageEntry.read)
  static let write = UInt32(PageEntry.write)
  static let execute = UInt32(PageEntry.execute)
  static let user = UInt32(PageEntry.user)
  static let valid = UInt32(PageEntry.valid)

  /// The user's address space: page by page what can be wrong with one.
  static func map(in guest: inout GuestBuilder) {
    guest.at(root)
    guest.word(table | valid)
    guest.word(0xA000 | valid)
    guest.word(0x1_0000 | valid)  // A table beyond storage.
    guest.word(0xB000)  // A directory entry that is not valid.
    guest.at(table)
    guest.word(0x4000 | valid | read | execute | user)
    guest.word(0x5000 | valid | read | write | user)
    guest.word(0x6000 | valid | read | user)
    guest.word(0x7000 | valid | read | write | execute)
    guest.word(0x1_0000 | valid | read | write | user)  // A frame beyond storage.
    guest.word(0x5000 | read | write | user)  // Not valid.
    guest.word(0x6000 | valid | write | user)
    guest.word(0x5000 | valid | read | write | execute | user)  // The same frame as page 1.
    guest.word(0x9000 | valid | read | write | user)  // The table itself.
    guest.word(0xF000 | valid | read | write | user)
    guest.at(0xA000)
    guest.word(0x5000 | valid | read | write | user)
  }

  static let touched: [UInt32] = [
    0x1000, 0x1004, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0x802C, 0x9000, 0xA000, 0x40_0000,
    0x40_1000, 0x80_0000, 0xC0_0000, 0x100_0000, 0x2000_0000, 0x1FFE, 0x1FFF_FFFC,
  ]

  /// A user process under paging that touches everything; its supervisor runs without paging.
  static func userUnderPaging() -> Guest {
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 60)
    map(in: &guest)
    guest.at(0x100)
    guest.op("lpsw", 0, Int64(Kernel.userPSW))
    guest.at(Kernel.userPSW)
    guest.psw(PSW(user: true, paging: true, base: root | 0x7FC, bound: 0x2000_0000))
    guest.at(0x4000)
    for address in touched {
      guest.set(1, address)
      guest.op("lw", 2, 1, 0)
      guest.op("sw", 1, 1, 0)
      guest.op("lb", 3, 1, 0)
      guest.op("cas", 2, 1, 1)
    }
    // Take the write permission of page 1 away in the table: the TLB does not know.
    guest.set(1, 0x8004)
    guest.op("sw", 0, 1, 0)
    guest.set(2, 0x1000)
    guest.op("sw", 1, 2, 8)
    // Run code in page 7 that was written through page 1, then in page 1, which may not be executed.
    guest.set(3, GuestBuilder.encode("svc", [77]))
    guest.op("sw", 3, 2, 16)
    guest.set(3, GuestBuilder.encode("jalr", [0, 2, 0]))
    guest.op("sw", 3, 2, 20)
    guest.set(4, 0x7010)
    guest.op("jalr", 0, 4, 0)
    return Guest(guest)
  }

  @Test func permissionsAndMarksAreThoseOfTheBareMachine() throws {
    let (bare, virtual) = try expectEquivalence(Self.userUnderPaging())
    let causes = Set(bare.events(.trap).map(\.code))
    #expect(causes.isSuperset(of: [3, 4, 5, 6, 7, 8]))
    #expect(bare.events(.trap).contains { $0.code == 8 && $0.value == 77 })
    #expect(virtual.statistics.exits["page fill"] ?? 0 > 8)
    #expect(virtual.events(.shadow).count == Int(virtual.statistics.exits["page fill"] ?? 0))
    // Page 2 was read, not written; page 9 was written.
    let marks = { (page: Int) in bare.memory[Int(Self.table) + page * 4] & 0x60 }
    #expect(marks(2) == 0x20)
    #expect(marks(9) == 0x60)
  }

  /// Both modes under paging, in one address space, with flushes.
  static func supervisorUnderPaging(flushes: Bool) -> Guest {
    var guest = GuestBuilder()
    Kernel.install(
      in: &guest, traps: 24, rearm: 37,
      newPSW: PSW(paging: true, pc: Kernel.handler, base: root, bound: 0x10_0000))
    guest.at(root)
    guest.word(table | valid)
    guest.at(table)
    let supervisor = valid | read | write | execute
    for page in 0..<16 as Range<UInt32> {
      // Pages 4 and 5 are the user's; page 6 may only be read.
      let flags = page == 6 ? valid | read | user : supervisor | (page == 4 || page == 5 ? user : 0)
      guest.word(page << 12 | flags)
    }
    guest.at(0x100)
    guest.op("addi", 1, 0, 37)
    guest.op("out", 1, 0, Int64(ToyPort.timer))
    guest.op("addi", 1, 0, 0x300)
    guest.op("lpsw", 1, 0)
    guest.at(0x300)
    guest.psw(PSW(paging: true, pc: 0x340, base: root, bound: 0x10_0000))
    guest.at(0x340)
    guest.op("getbase", 1)
    guest.op("getpsw", 2)
    guest.set(3, 0x6000)
    guest.op("sw", 3, 3, 0)  // Traps: not even the supervisor may write.
    // Take page 5 from the user.
    guest.set(4, table + 5 * 4)
    guest.set(5, 0x5000)
    guest.op("lw", 6, 5, 0)
    guest.set(6, 0x5000 | supervisor)
    guest.op("sw", 6, 4, 0)
    if flushes { guest.op("tlbflush") }
    guest.op("lpsw", 0, Int64(Kernel.userPSW))
    guest.at(Kernel.userPSW)
    guest.psw(
      PSW(user: true, interruptEnable: true, paging: true, pc: 0x4000, base: root, bound: 0x10_0000))
    guest.at(0x4000)
    guest.set(1, 0x5000)
    guest.label("again")
    guest.op("lw", 2, 1, 0)
    guest.op("sw", 1, 1, 4)
    guest.op("lw", 2, 0, 0x340)
    guest.op("tlbflush")
    guest.branch("beq", 0, 0, to: "again")
    return Guest(guest)
  }

  @Test(arguments: [false, true]) func bothModesShareATLB(flushes: Bool) throws {
    let (bare, virtual) = try expectEquivalence(Self.supervisorUnderPaging(flushes: flushes))
    #expect(bare.reason == .powerOff(status: 0))
    #expect(virtual.statistics.injected > 0)
    let faults = bare.events(.trap).filter { $0.value == 0x5000 }
    // Without the flush the user goes on with the entry that the supervisor's read filled.
    #expect(faults.isEmpty == !flushes)
  }

  @Test func moreTablesThanTheShadowAreaHolds() throws {
    var guest = GuestBuilder()
    Kernel.install(in: &guest, traps: 2)
    guest.at(Self.root)
    for _ in 0..<100 { guest.word(Self.table | Self.valid) }
    guest.at(Self.table)
    guest.word(0x4000 | Self.valid | Self.read | Self.execute | Self.user)
    guest.word(0x5000 | Self.valid | Self.read | Self.write | Self.user)
    guest.at(0x100)
    guest.op("lpsw", 0, Int64(Kernel.userPSW))
    guest.at(Kernel.userPSW)
    guest.psw(PSW(user: true, paging: true, base: Self.root, bound: .max))
    guest.at(0x4000)
    guest.op("addi", 6, 0, 3)
    guest.label("round")
    guest.set(1, 0x1000)
    guest.set(2, 0x40_0000)
    guest.op("addi", 3, 0, 100)
    guest.label("again")
    guest.op("lw", 4, 1, 0)
    guest.op("addi", 4, 4, 1)
    guest.op("sw", 4, 1, 0)
    guest.op("add", 1, 1, 2)
    guest.op("addi", 3, 3, -1)
    guest.branch("bne", 3, 0, to: "again")
    guest.op("addi", 6, 6, -1)
    guest.branch("bne", 6, 0, to: "round")
    guest.op("svc", 1)
    guest.op("svc", 2)
    let (bare, _) = try expectEquivalence(Guest(guest))
    #expect(bare.memory[0x5000] == 300 & 0xFF)
    #expect(bare.reason == .powerOff(status: 0))
  }

  @Test func theTLBIsPartOfTheState() throws {
    // Stop in the middle, move the state to another VMM whose tables differ, and go on.
    let guest = Self.userUnderPaging()
    let first = try guest.monitor(depth: 1)
    _ = try first.run(RunLimits(instructions: 25), into: nil)
    #expect(first.state.auxiliaries[0].isEmpty == false)
    let second = try guest.monitor(depth: 1)
    try second.platform.memory.write(
      first.platform.memory.read(0..<first.platform.memory.size), at: 0)
    second.state = first.state
    #expect(second.state == first.state)
    _ = try first.run(RunLimits(instructions: 500), into: nil)
    _ = try second.run(RunLimits(instructions: 500), into: nil)
    #expect(second.state == first.state)
    #expect(second.platform.memory.digest == first.platform.memory.digest)
  }
}
