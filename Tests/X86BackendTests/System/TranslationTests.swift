import MachineCore
import Testing
import X86Backend

private typealias M = SystemMachine

/// Paging in its three forms and what the processor remembers of it (Intel SDM vol. 3, chapter 4).
@Suite struct TranslationTests {
  private static let directory = M.tables
  private static let table = M.tables + 0x1000
  private static let pointers = M.tables + 0x3000

  /// 32-bit paging: the first 4 MiB one page to one, open to ring 3, accessed.
  private func narrow(ring: UInt64 = 0) -> SystemMachine {
    var machine = SystemMachine(ring: ring)
    machine.put(Self.directory, Self.table | 0x27, 4)
    for page in 0..<UInt64(512) { machine.put(Self.table + page * 4, page << 12 | 0x27, 4) }
    machine.state[.cr3] = Self.directory
    machine.state[.cr0] = 0x8000_0011
    return machine
  }

  /// PAE paging: the same.
  private func wide(ring: UInt64 = 0) -> SystemMachine {
    var machine = SystemMachine(ring: ring)
    machine.put(Self.pointers, Self.directory | 1, 8)
    machine.put(Self.directory, Self.table | 0x27, 8)
    for page in 0..<UInt64(512) { machine.put(Self.table + page * 8, page << 12 | 0x27, 8) }
    machine.state[.cr3] = Self.pointers
    machine.state[.cr4] = 0x20
    machine.state[.pdpte0] = Self.directory | 1
    machine.state[.cr0] = 0x8000_0011
    return machine
  }

  /// mov [address], eax
  private func store(_ address: UInt64) -> [UInt8] { [0xA3] + word(address) }
  /// mov eax, [address]
  private func load(_ address: UInt64) -> [UInt8] { [0xA1] + word(address) }
  /// mov dword [address], value
  private func set(_ address: UInt64, _ value: UInt64) -> [UInt8] {
    [0xC7, 0x05] + word(address) + word(value)
  }
  /// invlpg [address]
  private func invalidate(_ address: UInt64) -> [UInt8] { [0x0F, 0x01, 0x3D] + word(address) }
  /// mov eax, cr3; mov cr3, eax
  private let reload: [UInt8] = [0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8]
  private func word(_ value: UInt64) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  @Test func `A store sets accessed and dirty`() throws {
    var machine = narrow()
    machine.put(Self.table + 0x18 * 4, M.data | 3, 4)
    machine.put(Self.table + 0x19 * 4, M.data | 3, 4)
    machine.put(load(M.data) + store(M.data + 0x1000))
    let end = try machine.run(2)
    #expect(end.load(Self.table + 0x18 * 4, 4) == M.data | 0x23)
    #expect(end.load(Self.table + 0x19 * 4, 4) == M.data | 0x63)
    // The entry of the directory had its bit already, and gets no dirty bit.
    #expect(end.load(Self.directory, 4) == Self.table | 0x27)
  }

  /// Entry, ring, code of the fault: a store to a page.
  @Test(
    arguments: [
      (0, 0, 2), (0, 3, 6), (5, 3, 7), (3, 3, 7),
    ] as [(UInt64, UInt64, UInt64)]) func `A refused store tells why`(_ row: (UInt64, UInt64, UInt64)) throws
  {
    var machine = narrow(ring: row.1)
    machine.put(Self.table + 0x18 * 4, M.data | row.0, 4)
    machine.put(store(M.data + 0xFF8))
    let end = try machine.run()
    #expect(end.vector == 14)
    #expect(end[.cr2] == M.data + 0xFF8)
    #expect(end.frame(2) == [row.2, M.code])
    // A walk that faults sets nothing.
    #expect(end.load(Self.table + 0x18 * 4, 4) == M.data | row.0)
  }

  @Test func `Write protection holds for the supervisor under WP only`() throws {
    var machine = narrow()
    machine.put(Self.table + 0x18 * 4, M.data | 5, 4)
    machine.put(store(M.data))
    #expect(try machine.run(1).stop == .limit)
    machine.state[.cr0] = 0x8001_0011
    let end = try machine.run()
    #expect(end.vector == 14)
    #expect(end.frame(1) == [3])
  }

  @Test func `SMEP keeps the supervisor from code of ring 3`() throws {
    var machine = narrow()
    machine.put([0x90])
    // The handler's page is the supervisor's own.
    machine.put(Self.table + 9 * 4, 0x9000 | 3, 4)
    machine.state[.cr4] = 0x10_0000
    let end = try machine.run()
    #expect(end.vector == 14)
    #expect(end.frame(2) == [0x11, M.code])
  }

  @Test func `4 MiB pages need PSE, and have reserved bits`() throws {
    var machine = narrow()
    machine.put(Self.directory + 4, 0x83, 4)
    machine.put(load(0x40_0000 + M.data))
    machine.put(M.data, 0x1234_5678, 4)
    machine.state[.cr4] = 0x10
    let end = try machine.run(1)
    #expect(end[.rax] == 0x1234_5678)
    #expect(end.load(Self.directory + 4, 4) == 0xA3)
    machine.put(Self.directory + 4, 0x2083, 4)
    #expect(try machine.run().frame(1) == [9])
    // Without PSE the entry is that of a table, which is at 0 and has no entry for the page.
    machine.state[.cr4] = 0
    machine.put(Self.directory + 4, 0x83, 4)
    #expect(try machine.run().frame(1) == [0])
  }

  @Test func `PAE has execute-disable, and its code in fetches`() throws {
    var machine = wide()
    machine.put([0xE9] + word(M.data - M.code - 5))
    machine.put(Self.table + 0x18 * 8, M.data | 3 | 1 << 63, 8)
    machine.state[.efer] = 0x800
    let end = try machine.run()
    #expect(end.vector == 14)
    #expect(end.frame(2) == [0x11, M.data])
    // Without NXE the bit is reserved.
    machine.state[.efer] = 0
    let reserved = try machine.run()
    #expect(reserved.frame(2) == [9, M.data])
  }

  @Test func `PAE loads its pointers with CR3 and refuses reserved bits`() throws {
    var machine = wide()
    machine.put(reload)
    machine.state[.pdpte1] = 5
    let end = try machine.run(2)
    #expect(end[.pdpte0] == Self.directory | 1 && end[.pdpte1] == 0)
    machine.put(Self.pointers + 8, 3, 8)
    let refused = try machine.run()
    #expect(refused.vector == 13)
    #expect(refused[.pdpte1] == 5)
  }

  @Test func `PAE has 2 MiB pages`() throws {
    var machine = wide()
    machine.put(Self.directory + 8, 0x83, 8)
    machine.put(load(0x20_0000 + M.data))
    machine.put(M.data, 0x55AA, 4)
    #expect(try machine.run(1)[.rax] == 0x55AA)
  }

  // MARK: What is remembered

  @Test func `A changed entry counts after INVLPG, not before`() throws {
    var machine = narrow()
    machine.put(M.data, 1, 4)
    machine.put(M.data + 0x1000, 2, 4)
    let entry = Self.table + 0x18 * 4
    machine.put(
      load(M.data) + set(entry, (M.data + 0x1000) | 0x27) + load(M.data) + [0x89, 0xC3]
        + invalidate(M.data + 0x123) + load(M.data))
    let end = try machine.run(6)
    #expect(end[.rbx] == 1)
    #expect(end[.rax] == 2)
  }

  @Test func `Global pages stay through CR3, others do not`() throws {
    for global in [false, true] {
      var machine = narrow()
      machine.state[.cr4] = 0x80
      machine.put(M.data, 1, 4)
      machine.put(M.data + 0x1000, 2, 4)
      let entry = Self.table + 0x18 * 4
      if global { machine.put(entry, M.data | 0x127, 4) }
      machine.put(
        load(M.data) + set(entry, (M.data + 0x1000) | 0x27) + reload + load(M.data))
      #expect(try machine.run(5)[.rax] == (global ? 1 : 2))
      // Turning PGE off and on forgets them too.
      machine.put(
        load(M.data) + set(entry, (M.data + 0x1000) | 0x27) + [0x31, 0xC9, 0x0F, 0x22, 0xE1] + load(M.data))
      #expect(try machine.run(5)[.rax] == 2)
    }
  }

  @Test func `A right that was added counts at once, one that was taken does not`() throws {
    var machine = narrow(ring: 3)
    let entry = Self.table + 0x18 * 4
    machine.put(M.data, 7, 4)
    machine.put(entry, M.data | 5, 4)
    // The tables are open to ring 3 here: read, make writable, store; take everything away, read.
    machine.put(
      load(M.data) + set(entry, M.data | 7) + store(M.data) + set(entry, 0) + load(M.data) + store(M.data))
    let end = try machine.run(6)
    #expect(end.vector == nil && end.stop == .limit)
    #expect(end[.rax] == 7)
  }

  @Test func `A store to a page that is not remembered as dirty walks again`() throws {
    var machine = narrow()
    let entry = Self.table + 0x18 * 4
    machine.put(load(M.data) + set(entry, (M.data + 0x1000) | 0x27) + store(M.data))
    machine.put(M.data, 9, 4)
    let end = try machine.run(3)
    #expect(end.load(M.data + 0x1000, 4) == 9)
    #expect(end.load(entry, 4) == (M.data + 0x1000) | 0x67)
  }

  @Test func `INVLPG forgets a large page as a whole`() throws {
    var machine = narrow()
    machine.state[.cr4] = 0x10
    machine.put(Self.directory + 4, 0xE3, 4)
    machine.put(M.data, 1, 4)
    // Its new place is behind the storage, where everything reads as ones.
    machine.put(
      load(0x40_0000 + M.data) + set(Self.directory + 4, 0x40_00E3) + load(0x40_0000 + M.data) + [0x89, 0xC3]
        + invalidate(0x7F_F000) + load(0x40_0000 + M.data))
    let end = try machine.run(6)
    #expect(end[.rbx] == 1)
    #expect(end[.rax] == 0xFFFF_FFFF)
  }

  @Test func `The fast loop sees the same translations`() throws {
    var machine = narrow()
    let entry = Self.table + 0x18 * 4
    machine.put(M.data, 1, 4)
    machine.put(M.data + 0x1000, 100, 4)
    // mov ecx, 1000; again: add ebx, [data]; dec ecx; jnz again; set entry; the loop; invlpg; the loop; hlt
    let loop: [UInt8] = [0xB9] + word(1000) + [0x03, 0x1D] + word(M.data) + [0x49, 0x75, 0xF7]
    machine.put(
      loop + set(entry, (M.data + 0x1000) | 0x27) + loop + invalidate(M.data) + loop + [0xF4])
    let end = try machine.run(20_000)
    #expect(end[.rbx] == 1000 + 1000 + 100_000)
    #expect(end[.halted] == 1)
  }

  @Test func `A page fault that cannot be delivered becomes a double fault, and CR2 tells of the last one`()
    throws
  {
    var machine = narrow(ring: 3)
    machine.put(store(M.data))
    machine.put(Self.table + 0x18 * 4, 0, 4)
    // The stack of ring 0 is not there: #PF, then #PF again, then #DF, which fails too.
    machine.put(Self.table + 0x1F * 4, 0, 4)
    let end = try machine.run()
    #expect(end.stop == .checkStop(cause: 8, pc: M.code))
    #expect(end[.cr2] == M.stack0 - 4)
  }
}
