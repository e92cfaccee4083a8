internal import MachineCore
public import ToyISA
internal import X86Backend

/// Small programs that make the toy processor trap, by kind of trap, seed and number.
///
/// Each is a list of episodes: a PSW, three registers and a few instructions. Any trap leads to a handler that
/// looks at the whole trap area and loads the next episode; after the last one the program looks at its page
/// tables and switches the machine off. So a trace shows cause, value and old PSW of every trap, and what it left.
public struct FaultPrograms {
  /// What the programs are about.
  public enum Subject: String, Sendable, CaseIterable {
    /// Supervisor calls, breakpoints, divisions, illegal and privileged instructions.
    case calls
    /// The edges of bound and storage, under relocation.
    case bounds
    /// Addresses that are not multiples of the size.
    case alignment
    /// Permissions, faults and marks of page-table entries.
    case paging
    /// What the TLB keeps, and what makes it forget.
    case tlb
    /// Interrupts at every boundary.
    case interrupts
  }

  /// Storage of the machine that they are made for, in bytes.
  public static let memorySize = 1 << 16

  /// Something to be run from a PSW on.
  struct Episode {
    var flags: UInt32
    var pc: UInt32
    var base: UInt32
    var bound: UInt32
    /// Registers 1 to 3.
    var registers: [UInt32]
  }

  /// What a PSW's flags are made of.
  static let (user, interrupts, paged): (UInt32, UInt32, UInt32) = (1, 2, 4)
  /// The supervisor's view: all storage, not relocated.
  static let all = UInt32(memorySize)

  var random: SplitMix
  var episodes: [Episode] = []
  /// Lines of assembly by the physical address that they begin at.
  var blocks: [UInt32: [String]] = [:]
  /// Lines in front of the handler's own.
  var handler: [String] = []
  /// Lines at the end.
  var ending: [String] = []

  private init(_ subject: Subject, seed: UInt64, number: Int) {
    random = SplitMix(
      state: seed &* 0xD134_2543_DE82_EF95 &+ UInt64(number) &* 0x9E37_79B9 &+ UInt64(subject.hashSeed))
    switch subject {
    case .calls: for part in 0..<2 { addCall(number * 2 + part, part) }
    case .bounds: for part in 0..<2 { addBounds(number * 2 + part, part) }
    case .alignment: for part in 0..<2 { addAlignment(number * 2 + part, part) }
    case .paging: addPaging([number * 2, number * 2 + 1])
    case .tlb: addBuffer(number)
    case .interrupts: addInterrupts(number)
    }
  }

  /// How many numbers it takes until every case of a subject has come.
  public static func cycle(of subject: Subject) -> Int {
    switch subject {
    case .calls: (callCount + 1) / 2
    case .bounds: (boundsCount + 1) / 2
    case .alignment: (alignmentCount + 1) / 2
    case .paging: (pagingCount + 1) / 2
    case .tlb: bufferCount
    case .interrupts: 16
    }
  }

  /// The program's assembly source.
  public static func source(_ subject: Subject, seed: UInt64, number: Int) -> String {
    Self(subject, seed: seed, number: number).text
  }

  /// The program, with its source.
  ///
  /// - Throws: ``AssemblyFailure`` only when the generator is wrong.
  public static func image(_ subject: Subject, seed: UInt64, number: Int) throws(AssemblyFailure) -> ToyImage
  {
    try ToyAssembler.assemble(
      source(subject, seed: seed, number: number), file: "\(subject.rawValue)-\(number + 1).asm")
  }

  // MARK: The frame

  private var text: String {
    var random = random
    // Bits that do not count are there: a processor ignores them.
    let noise = UInt32(truncatingIfNeeded: random.next()) & ~7
    let last = Episode(flags: 0, pc: 0, base: 0, bound: Self.all, registers: [0, 0, 0])
    var lines = [
      "        .include \"toy.inc\"", "        .equ    END, 0x99", "        .org    TRAP_NEW",
      "        .word   \(hexadecimal(noise)), handler, \(random.below(4)), \(hexadecimal(Self.all | UInt32(random.below(4))))",
      "", "        .org    0x100", "_start: la      k0, episodes", "        j       go", "handler:",
    ]
    // The call that ends an episode is not looked at, so that a mistake costs only where it belongs. What is most
    // often wrong is looked at first, so that a difference is shown together with the trap.
    lines += (handler + ["lw      k0, TRAP_VALUE(zero)", "addi    k0, k0, -END", "beqz    k0, next"])
      .map(Self.indented)
    let reads = ["TRAP_OLD + 4", "TRAP_OLD", "TRAP_CAUSE", "TRAP_OLD + 8", "TRAP_OLD + 12"]
    lines += reads.map { Self.indented("lw      k0, \($0)(zero)") }
    lines += ["next:   lw      k0, cursor(zero)", "        addi    k0, k0, 32"]
    lines += [
      "go:     sw      k0, cursor(zero)", "        lw      r1, 16(k0)", "        lw      r2, 20(k0)",
      "        lw      r3, 24(k0)", "        lpsw    0(k0)", "finish:",
    ]
    lines += (ending + ["sw      zero, TRAP_OLD + 4(zero)", "out     zero, POWER(zero)"]).map(Self.indented)
    lines += ["", "        .org    0x800", "cursor: .word   0", "        .align  4", "episodes:"]
    for (number, episode) in (episodes + [last]).enumerated() {
      let pc = number == episodes.count ? "finish" : hexadecimal(episode.pc)
      let words =
        [hexadecimal(episode.flags), pc, hexadecimal(episode.base), hexadecimal(episode.bound)]
        + episode.registers.map(hexadecimal) + ["0"]
      lines.append("        .word   " + words.joined(separator: ", "))
    }
    for (address, block) in blocks.sorted(by: { $0.key < $1.key }) {
      lines += ["", "        .org    \(hexadecimal(address))"] + block.map(Self.indented)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func indented(_ line: String) -> String { "        " + line }

  // MARK: Episodes with base and bound

  /// A window of storage for the episode with this number in the program, with its code's address in it.
  private mutating func window(_ part: Int) -> (base: UInt32, bound: UInt32, pc: UInt32) {
    let base = 0x2000 + UInt32(part) * 0x1000 + 4 * UInt32(random.below(64))
    return (base, 0x200 + 4 * UInt32(random.below(64)), 4 * UInt32(random.below(32)))
  }

  /// Either mode, with or without interrupts (no device asks for any).
  mutating func flags(user: Bool? = nil) -> UInt32 {
    ((user ?? random.oneIn(2)) ? Self.user : 0) | (random.oneIn(2) ? Self.interrupts : 0)
  }

  /// Some instructions that cannot trap, so that the trap does not always come first.
  mutating func plain() -> [String] {
    (0..<random.below(4)).map { _ in
      let (target, source) = (5 + random.below(4), 1 + random.below(8))
      return random.pick(["addi    ", "xori    ", "ori     "])
        + "r\(target), r\(source), \(random.below(0x8000))"
    }
  }

  private mutating func add(
    _ lines: [String], _ window: (base: UInt32, bound: UInt32, pc: UInt32), flags: UInt32,
    _ registers: [UInt32]
  ) {
    blocks[window.base &+ window.pc] = plain() + lines + ["svc     END"]
    episodes.append(
      Episode(
        flags: flags, pc: window.pc, base: window.base, bound: window.bound, registers: registers))
  }

  private mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }

  private static let privileged = [
    "lpsw    0(r1)", "lpsw    2(r1)", "jrst    r1", "setie   r1", "getpsw  r4", "getbase r4", "getbound r4",
    "getclk  r4", "tlbflush", "wait", "in      r4, CONSOLE_STATUS(zero)", "out     r1, TIMER(zero)",
  ]
  private static let callCount = 6 + privileged.count

  private mutating func addCall(_ index: Int, _ part: Int) {
    let place = window(part)
    var mode: Bool?
    let lines: [String]
    switch index % Self.callCount {
    case 0, 5: lines = ["svc     \(hexadecimal(UInt32(random.below(0x10000))))"]
    case 1: lines = ["brk"]
    case 2: lines = [random.pick(["div     ", "divu    ", "rem     ", "remu    "]) + "r4, r1, r2"]
    case 3:
      let opcode = random.pick([0x00, 0x0F, 0x21, 0x3D, 0x4E, 0x59, 0x60, 0xFF])
      lines = [".word   " + hexadecimal(UInt32(opcode) << 24 | word() & 0xFF_FFFF)]
    case 4: lines = [".word   " + hexadecimal(0x1012_3000 | 1 << UInt32(random.below(12)))]
    case let number:
      lines = [Self.privileged[number - 6]]
      mode = true
    }
    add(lines, place, flags: flags(user: mode), [4 * UInt32(random.below(64)), 0, word()])
  }

  /// A load or store of register 4, its size, and whether it stores.
  private mutating func access(sizes: [UInt32] = [1, 2, 4]) -> (mnemonic: String, size: UInt32) {
    let size = random.pick(sizes)
    let names: [UInt32: [String]] = [
      1: ["lb      ", "lbu     ", "sb      "], 2: ["lh      ", "lhu     ", "sh      "],
      4: ["lw      ", "sw      "],
    ]
    return (random.pick(names[size] ?? []), size)
  }

  private static let boundsCount = 14

  private mutating func addBounds(_ index: Int, _ part: Int) {
    var place = window(part)
    let (name, size) = access()
    let through1 = "\(name)r4, 0(r1)"
    var address: UInt32
    var lines = [through1]
    var mode: Bool?
    let edge = UInt32(Self.memorySize)
    switch index % Self.boundsCount {
    case 0: address = place.bound - size
    case 1: address = place.bound
    case 2: address = place.bound &+ size &* UInt32(1 + random.below(1000))
    case 3: address = 0 &- size
    case 4: address = 0x8000_0000 &+ size &* UInt32(random.below(100))
    case 5, 6, 7:
      // A window that ends behind storage.
      place.base = edge - 0x1000 + UInt32(part) * 0x400 + 4 * UInt32(random.below(64))
      place.bound = 0x4000
      address = edge - place.base
      if index % Self.boundsCount == 6 { address -= size }
      if index % Self.boundsCount == 7 { lines = ["jalr    r4, 0(r1)"] }
    case 8:
      // Base and address together pass 2³².
      place.bound = 0xFFFF_FFFC
      address = 0 &- place.base &+ 0x1000 &+ size &* UInt32(random.below(16))
    case 9:
      address = place.bound
      lines = ["jalr    r4, 0(r1)"]
    case 10:
      // The last word can be executed.
      address = place.bound - 4
      blocks[place.base + address] = ["svc     END"]
      lines = ["jalr    r4, 0(r1)"]
    case 11:
      // Runs off the end.
      address = place.bound - 4
      blocks[place.base + address] = ["addi    r5, r5, 1"]
      lines = ["jalr    r4, 0(r1)"]
    case 12:
      // The third word of the PSW is out of reach: nothing of it may be loaded.
      address = place.bound - 8
      lines = ["lpsw    0(r1)"]
      mode = false
    default:
      address = place.bound
      lines = ["cas     r4, r2, (r1)"]
    }
    add(lines, place, flags: flags(user: mode), [address, word(), word()])
  }

  private static let alignmentCount = 12

  private mutating func addAlignment(_ index: Int, _ part: Int) {
    var place = window(part)
    let odd = UInt32(1 + random.below(3))
    let inside = 0x180 + 4 * UInt32(random.below(16))
    var (address, lines) = (inside + odd, ["jalr    r4, 0(r1)"])
    var mode: Bool?
    switch index % Self.alignmentCount {
    case 0, 7: break
    case 1: address = place.bound + odd
    case 2: lines = [random.pick(["lw      r4, 0(r1)", "sw      r2, 0(r1)", "cas     r4, r2, (r1)"])]
    case 3:
      address = inside + (odd | 1)
      lines = [random.pick(["lh      r4, 0(r1)", "lhu     r4, 0(r1)", "sh      r2, 0(r1)"])]
    case 4:
      address = place.bound + odd
      lines = [random.pick(["lw      r4, 0(r1)", "sw      r2, 0(r1)"])]
    case 5:
      lines = ["lpsw    0(r1)"]
      mode = false
    case 6: lines = [random.pick(["lb      r4, 0(r1)", "sb      r2, 0(r1)"])]
    case 8:
      // A PSW whose pc is odd: it is loaded, and the fetch there traps.
      address = inside
      blocks[place.base + inside] = [
        ".word   \(random.below(8)), \(hexadecimal(0x80 + odd)), \(hexadecimal(place.base)), \(hexadecimal(place.bound))"
      ]
      lines = ["lpsw    0(r1)"]
      mode = false
    case 9:
      address = 0 &- odd
    case 10:
      // Neither a multiple of 4 nor in storage.
      place.base = UInt32(Self.memorySize) - 0x1000 + UInt32(part) * 0x400
      place.bound = 0x4000
      address = UInt32(Self.memorySize) - place.base + odd
    default: address = place.pc + 2
    }
    add(lines, place, flags: flags(user: mode), [address, word(), word()])
  }
}

extension FaultPrograms.Subject {
  /// A number of its own for each subject.
  fileprivate var hashSeed: Int { (Self.allCases.firstIndex(of: self) ?? 0) << 40 }
}

/// A number as assembly has it.
func hexadecimal(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
