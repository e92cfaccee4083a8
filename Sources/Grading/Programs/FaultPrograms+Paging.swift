internal import MachineCore
internal import ToyISA
internal import X86Backend

/// Places of the page tables and frames in storage; user code is in the first page.
private enum Place {
  static let root: UInt32 = 0x8000
  static let otherRoot: UInt32 = 0xB000
  /// Tables that the first two entries of the root name.
  static let tables: [UInt32] = [0x9000, 0xA000]
  static let code: UInt32 = 0x2000
  static let kernel: UInt32 = 0x1000
  static let frames: [UInt32] = [0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0xC000]
}

/// Bits of a page-table entry.
private enum Bit {
  static let (valid, read, write, execute): (UInt32, UInt32, UInt32, UInt32) = (1, 2, 4, 8)
  static let (user, accessed, dirty): (UInt32, UInt32, UInt32) = (16, 32, 64)
  static let all: UInt32 = 0x1F
}

/// The three ways to use a page.
private enum Use: CaseIterable {
  case fetch, read, write

  var needs: UInt32 {
    switch self {
    case .fetch: Bit.execute
    case .read: Bit.read
    case .write: Bit.write
    }
  }
}

extension FaultPrograms {
  /// The instruction that uses the page that register 1 points into.
  private mutating func line(_ use: Use) -> String {
    switch use {
    case .fetch: "jalr    r4, 0(r1)"
    case .read: random.pick(["lw      ", "lh      ", "lhu     ", "lb      ", "lbu     "]) + "r4, 0(r1)"
    case .write: random.pick(["sw      ", "sh      ", "sb      "]) + "r2, 0(r1)"
    }
  }

  /// The tables as blocks, and a look at the entries at the end.
  private mutating func setTables(root: [UInt32], _ tables: [[UInt32]]) {
    func words(_ values: [UInt32]) -> [String] {
      [".word   " + values.map(hexadecimal).joined(separator: ", ")]
    }
    blocks[Place.root] = words(root)
    for (place, entries) in zip(Place.tables, tables) {
      blocks[place] = words(entries)
      ending.append("li      r5, \(hexadecimal(place))")
      ending += entries.indices.map { "lw      r4, \($0 * 4)(r5)" }
    }
  }

  private mutating func addUser(
    _ lines: [String], _ registers: [UInt32], flags: UInt32, base: UInt32 = Place.root,
    bound: UInt32 = 0x40_8000
  ) {
    let pc = UInt32(episodes.count) * 0x40
    blocks[Place.code + pc] = plain() + lines + ["svc     END"]
    episodes.append(
      Episode(flags: flags | Self.paged, pc: pc, base: base, bound: bound, registers: registers))
  }

  /// Lines for the supervisor, without relocation.
  private mutating func addKernel(_ lines: [String], _ registers: [UInt32] = [0, 0, 0]) {
    let pc = Place.kernel + UInt32(episodes.count) * 0x40
    blocks[pc] = lines + ["svc     END"]
    episodes.append(Episode(flags: 0, pc: pc, base: 0, bound: Self.all, registers: registers))
  }

  // MARK: Faults

  static let pagingCount = 16

  mutating func addPaging(_ indices: [Int]) {
    var root = [Place.tables[0] | 1, Place.tables[1] | 1, 0, 0x1_0001, 0xFFFF_F001, 0x1E]
    // Of a root entry only the valid bit and the frame count.
    if random.oneIn(2) { root[0] |= 0xFFE }
    var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 6), count: 2)
    tables[0][0] = Place.code | Bit.all & ~Bit.write
    for (part, index) in indices.enumerated() {
      let use = Use.allCases[(index / Self.pagingCount + random.below(3)) % 3]
      let (page, frame) = (part + 1, Place.frames[part])
      let offset = 4 * UInt32(random.below(1000))
      var address = UInt32(page) << 12 | offset
      var entry = frame | Bit.all
      var (base, bound) = (Place.root, UInt32(0x40_8000))
      var mode: Bool?
      var lines = [line(use)]
      var table = 0
      var third: UInt32 = 0
      switch index % Self.pagingCount {
      case 0: entry &= ~Bit.valid
      case 1, 2: entry &= ~use.needs
      case 3, 4:
        entry &= ~Bit.user
        mode = true
      case 5:
        entry &= ~Bit.user
        mode = false
      case 6: address = UInt32(random.pick([2, 5])) << 22 | offset
      case 7: address = UInt32(random.pick([3, 4])) << 22 | offset
      case 8: entry = random.pick([0x1_0000, 0xFFFF_F000]) | Bit.all
      case 9:
        mode = random.oneIn(2)
        entry = frame | Bit.valid | use.needs | (mode == true ? Bit.user : 0)
      case 10:
        bound = UInt32(page) << 12 | 4 * UInt32(random.below(100))
        address = bound
      case 11: base |= UInt32(4 * random.below(0x400))
      case 12:
        // The load is allowed, the store is not: what the first walk has set stays set.
        entry &= ~Bit.write
        third = 0
        lines = ["addi    r4, r0, 0", "cas     r4, r2, (r1)"]
        blocks[frame | offset] = [".word   0"]
      case 13, 15:
        table = 1
        address |= 1 << 22
        if index % Self.pagingCount == 15 { entry &= ~use.needs }
      default: base = UInt32(Self.memorySize) << UInt32(random.below(3))
      }
      if bound == 0x40_8000 && (index % Self.pagingCount == 6 || index % Self.pagingCount == 7) {
        bound = 0xFFFF_FFFC
      }
      tables[table][page] = entry
      if blocks[frame | offset] == nil { blocks[frame | offset] = ["svc     END"] }
      addUser(
        lines, [address, UInt32(truncatingIfNeeded: random.next()), third], flags: flags(user: mode),
        base: base, bound: bound)
    }
    setTables(root: root, tables)
  }

  // MARK: The translation lookaside buffer

  static let bufferCount = 12

  mutating func addBuffer(_ number: Int) {
    let (frame, other) = (Place.frames[0], Place.frames[1])
    let address = 0x1000 | 4 * UInt32(random.below(1000))
    let place = Place.tables[0] + 4
    let flush = ["tlbflush"]
    let store = ["sw      r2, 0(r1)"]
    var entry = frame | Bit.all
    let user = Self.user

    /// A use of the page; its writes store something else each time.
    func use(_ use: Use, _ flags: UInt32? = nil) {
      let value = UInt32(truncatingIfNeeded: random.next())
      addUser([line(use)], [address, value, 0], flags: flags ?? user)
    }
    /// The supervisor changes the page's entry.
    func set(_ value: UInt32, _ more: [String] = []) {
      addKernel(store + more, [place, value, 0])
    }
    let plainUse = random.pick([Use.read, .write])
    switch number % Self.bufferCount {
    case 0:
      // An entry stays when the table changes, until a flush.
      use(plainUse)
      set(frame | Bit.all & ~Bit.valid)
      use(plainUse)
      addKernel(flush)
      use(plainUse)
    case 1:
      // A fault leaves nothing in the buffer.
      entry = frame | Bit.all & ~plainUse.needs
      use(plainUse)
      set(frame | Bit.all)
      use(plainUse)
    case 2:
      // A write through a clean entry walks again, and finds that the page is read-only now.
      use(.read)
      set(frame | Bit.all & ~Bit.write)
      use(.write)
      use(.read)
    case 3:
      // A write through a clean entry walks again, to another frame.
      use(.read)
      set(other | Bit.all)
      use(.read)
      use(.write)
      use(.read)
    case 4:
      // The entry does not allow the write, though the table would by now.
      entry = frame | Bit.all & ~Bit.write
      use(.read)
      set(frame | Bit.all)
      use(.write)
      set(frame | Bit.all, flush)
      use(.write)
    case 5:
      // Another root, and the old entries are still there.
      blocks[Place.otherRoot] = [".word   \(hexadecimal(Place.tables[1] | 1))"]
      use(plainUse)
      addUser([line(plainUse)], [address, 7, 0], flags: user, base: Place.otherRoot)
      addKernel(flush)
      addUser([line(plainUse)], [address, 8, 0], flags: user, base: Place.otherRoot)
    case 6:
      // The supervisor fills the buffer with a page that is not the user's.
      entry &= ~Bit.user
      use(plainUse, 0)
      use(plainUse, user)
      use(plainUse, 0)
    case 7:
      // Marks that the supervisor has taken away do not come back by a hit.
      use(.write)
      set(frame | Bit.all)
      use(.write)
      use(.read)
      addKernel(flush)
      use(.read)
    case 8:
      // Dirty by a write, accessed by a read.
      use(.read)
      addKernel(["lw      r4, 0(r1)"], [place, 0, 0])
      use(.write)
      addKernel(["lw      r4, 0(r1)"], [place, 0, 0])
    case 9:
      // A store to the page's own table, through the page.
      entry = Place.tables[0] | Bit.all
      addUser(
        ["lw      r4, 4(r1)", "sw      r2, 4(r1)", "lw      r4, 4(r1)"], [0x1000, other | Bit.all, 0],
        flags: user)
      use(.read)
      addKernel(flush)
      use(.read)
    case 10:
      // Execution needs its own permission, also on a hit.
      entry = frame | Bit.all & ~Bit.execute
      use(.read)
      use(.fetch)
      set(frame | Bit.all)
      use(.fetch)
      set(frame | Bit.all, flush)
      use(.fetch)
    default:
      // Without a valid page in the table, and with a clean entry: a write must not go through.
      use(.read)
      set(0)
      use(.write)
      use(.read)
    }
    for frame in [frame, other] { blocks[frame | address & 0xFFF] = ["svc     END"] }
    setTables(
      root: [Place.tables[0] | 1],
      [
        [Place.code | Bit.all & ~Bit.write, entry],
        [Place.code | Bit.all & ~Bit.write, other | Bit.all],
      ])
  }

  // MARK: Interrupts

  /// The timer runs out at a boundary that the number decides, and again after it; among the instructions are traps.
  mutating func addInterrupts(_ number: Int) {
    handler = [
      "lw      k0, TRAP_CAUSE(zero)", "addi    k0, k0, -CAUSE_TIMER", "bnez    k0, 1f",
      "lw      k0, TRAP_OLD + 4(zero)",
      "li      k0, \(8 + random.below(12))", "out     k0, TIMER(zero)", "lw      k0, TRAP_OLD(zero)",
      "lw      k0, TRAP_VALUE(zero)", "lpsw    TRAP_OLD(zero)", "1:",
    ]
    let isPaged = number % 3 == 2
    addKernel(["out     r1, TIMER(zero)"], [UInt32(12 + number), 0, 0])
    for part in 0..<3 {
      let lines = (0..<5).map { _ in
        random.pick([
          "addi    r5, r5, \(random.below(100))", "xor     r6, r5, r2", "lw      r7, 0(r1)",
          "sw      r6, 0(r1)", "mul     r8, r6, r2",
        ])
      }
      // Interrupts are off in one of them: the request waits.
      let flags = Self.user | (part == number % 4 ? 0 : Self.interrupts)
      let trap = random.pick([["brk"], ["div     r4, r2, r0"], ["getpsw  r4"], []])
      let value = UInt32(truncatingIfNeeded: random.next())
      if isPaged {
        addUser(lines + trap, [0x1000, value, 0], flags: flags)
      } else {
        let base = Place.frames[part]
        blocks[base] = lines + trap + ["svc     END"]
        episodes.append(
          Episode(flags: flags, pc: 0, base: base, bound: 0x200, registers: [0x100, value, 0]))
      }
    }
    addKernel(["out     r0, TIMER(zero)"])
    if isPaged {
      setTables(
        root: [Place.tables[0] | 1],
        [[Place.code | Bit.all & ~Bit.write, Place.frames[0] | Bit.all]])
    }
  }
}
