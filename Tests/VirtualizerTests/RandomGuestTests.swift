import MachineCore
import Testing
import ToyISA
import Trace
import Virtualizer

/// Small, fast, seeded random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Random supervisors: any instruction anywhere, with page tables, traps, timer and disk.
@Suite struct RandomGuestTests {
  /// A random guest; about half of them have the kernel that survives traps.
  static func guest(seed: UInt64) -> Guest {
    var random = SeededGenerator(seed: seed)
    var guest = GuestBuilder()
    let pagesSupervisor = UInt64.random(in: 0..<4, using: &random) == 0
    let handler = PSW(
      paging: pagesSupervisor, pc: Kernel.handler, base: pagesSupervisor ? 0x8000 : 0,
      bound: pagesSupervisor ? 0x1_0000 : .max)
    // Code and data everywhere except where tables and the kernel lie.
    let pool = (0..<1024).map { _ in word(&random) }
    guest.at(0x400)
    while guest.here < 0x1_0000 { guest.word(pool[Int(random.next() & 1023)]) }
    for address in stride(from: 0x8000 as UInt32, to: 0xC000, by: 4) {
      guest.at(address)
      let isDirectory = address < 0x9000
      let frame = UInt32.random(in: isDirectory ? 9...11 : 0...16, using: &random) << 12
      let flags = isDirectory ? (UInt32.random(in: 0..<8, using: &random) == 0 ? 0 : 1) : permissions(&random)
      guest.word(frame | flags)
    }
    // The kernel's own pages are always there for the supervisor.
    guest.at(0x8000)
    guest.word(0x9001)
    guest.at(0x9000)
    guest.word(0x000F)
    guest.word(0x100F)
    Kernel.install(in: &guest, traps: 200, rearm: 61, newPSW: handler, reschedules: true)
    for start in stride(from: 0x300 as UInt32, to: 0x400, by: 16) {
      guest.at(start)
      guest.psw(psw(&random))
    }
    guest.at(0x100)
    guest.set(1, UInt32.random(in: 1...80, using: &random))
    guest.op("out", 1, 0, Int64(ToyPort.timer))
    guest.op("lpsw", 0, Int64(0x300 + 16 * UInt32.random(in: 0..<16, using: &random)))
    var subject = Guest(guest)
    subject.limits = RunLimits(instructions: 3000)
    for register in 1..<16 {
      subject.registers[register] = UInt32.random(in: 0..<0x1_1000, using: &random) & ~3
    }
    return subject
  }

  private static func permissions(_ random: inout SeededGenerator) -> UInt32 {
    // Mostly generous, so that programs get somewhere.
    var flags: UInt32 = 0x1F
    for bit in 0..<5 where UInt32.random(in: 0..<10, using: &random) == 0 { flags &= ~(1 << UInt32(bit)) }
    return flags | (UInt32.random(in: 0..<4, using: &random) << 5)
  }

  private static func psw(_ random: inout SeededGenerator) -> PSW {
    let paging = Bool.random(using: &random)
    let bases: [UInt32] = paging ? [0x8000, 0x8000, 0x9000] : [0, 0, 0x4000, 0xF000, 0x2_0000]
    return PSW(
      user: Bool.random(using: &random), interruptEnable: Bool.random(using: &random), paging: paging,
      pc: UInt32.random(in: 0x400..<0x8000, using: &random) & ~3,
      base: bases.randomElement(using: &random) ?? 0,
      bound: [.max, 0x1_0000, 0x9000, 0x40_0000].randomElement(using: &random) ?? .max)
  }

  /// A random word, nearly always an instruction.
  private static func word(_ random: inout SeededGenerator) -> UInt32 {
    if UInt32.random(in: 0..<64, using: &random) == 0 {
      return UInt32(truncatingIfNeeded: random.next())
    }
    let row = Int.random(in: 0..<toyTable.count, using: &random)
    let values = toyTable[row].format.fields.map { field -> Int64 in
      switch field {
      case .signed16 where toyTable[row].mnemonic == "lpsw":
        return Int64(0x300 + 16 * UInt32.random(in: 0..<16, using: &random))
      case .signed16 where Bool.random(using: &random):
        return Int64(UInt32.random(in: 0x400..<0x8000, using: &random) & ~3)
      case .b where toyTable[row].group == .memory && Bool.random(using: &random):
        return 0
      case .b where toyTable[row].mnemonic == "lpsw" && UInt32.random(in: 0..<4, using: &random) != 0:
        return 0
      case .unsigned16 where toyTable[row].mnemonic == "out" || toyTable[row].mnemonic == "in":
        return [0, 1, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22, 0x23, 0x24].randomElement(using: &random) ?? 0
      case .b where toyTable[row].mnemonic == "out" && UInt32.random(in: 0..<4, using: &random) != 0:
        return 0
      case .words16, .words20:
        return Int64.random(in: -16...32, using: &random) * 4
      default:
        let range = field.range
        return Int64.random(in: range, using: &random)
      }
    }
    return ToyCodec.encode(row: row, values) ?? 0
  }

  @Test func randomSupervisorsAgreeWithTheBareMachine() throws {
    var retired: UInt64 = 0
    var kinds: [String: Int] = [:]
    for seed in 1...40 as ClosedRange<UInt64> {
      let (bare, virtual) = try expectEquivalence(Self.guest(seed: seed), "seed \(seed)", depths: 1...2)
      retired += bare.retired
      for name in virtual.statistics.exits.keys { kinds[name, default: 0] += 1 }
    }
    #expect(retired > 15_000)
    for kind in ["page fill", "privileged", "bounds", "page-read", "page-write", "page-fetch", "timer"] {
      #expect(kinds[kind] ?? 0 > 0, "no guest had an exit `\(kind)`: \(kinds)")
    }
  }

  @Test func randomSupervisorsAgreeAtDepthThree() throws {
    for seed in 1000...1025 as ClosedRange<UInt64> {
      try expectEquivalence(Self.guest(seed: seed), "seed \(seed)", depths: 3...3)
    }
  }

  @Test func theHardwareBelowMayBeAnother() throws {
    for seed in 2000...2004 as ClosedRange<UInt64> {
      var guest = Self.guest(seed: seed)
      guest.hardware = Guest.evaluatedProcessor
      try expectEquivalence(guest, "seed \(seed)", depths: 1...2)
    }
  }
}
