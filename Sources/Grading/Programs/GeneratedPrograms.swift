internal import MachineCore
public import ToyISA
internal import X86Backend

/// Small random programs that exercise one section of the toy instruction set, by seed.
///
/// Each sets the general registers, does some dozens of instructions of the section, and switches the
/// machine off. A trap ends it too: the new PSW leads to the instructions that switch off.
public struct GeneratedPrograms {
  /// Storage of the machine that they are made for, in bytes.
  public static let memorySize = 1 << 16

  private static let code = Int(TrapArea.programStart)
  private static let off = 0x80
  private static let data: UInt32 = 0x8000
  /// Registers that random instructions may change; 13 holds the data's address, 14 an address of code.
  private static let free = 1...12

  private var random: SplitMix
  private var words: [UInt32] = []

  private init(seed: UInt64) { random = SplitMix(state: seed) }

  /// The program of a section, seed and number; `nil` when the section has no instructions that can be mixed freely.
  public static func image(group: ToyGroup, seed: UInt64, number: Int) -> ToyImage? {
    guard group != .system else { return nil }
    var program = Self(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(number) &* 2 &+ 1)
    program.fillRegisters()
    let section = group.rawValue.hasPrefix("Control") ? ToyGroup.control : group
    for _ in 0..<(24 + program.random.below(16)) { program.add(section) }
    if number % 2 == 1 { program.addTrap(section) }
    program.words += powerOff
    return program.image
  }

  private static let powerOff: [UInt32] = [
    assemble("addi", [1, 0, 0]), assemble("out", [1, 0, Int64(ToyPort.power)]),
  ]

  private static func assemble(_ mnemonic: String, _ values: [Int64]) -> UInt32 {
    guard let row = toyTable.firstIndex(where: { $0.mnemonic == mnemonic }),
      let word = ToyCodec.encode(row: row, values)
    else { preconditionFailure("\(mnemonic) \(values) cannot be encoded") }
    return word
  }

  private var image: ToyImage {
    func bytes(_ words: [UInt32]) -> [UInt8] {
      words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
    }
    var random = random
    let new: [UInt32] = [0, UInt32(Self.off), 0, UInt32(Self.memorySize)]
    return ToyImage(
      entry: UInt32(Self.code),
      segments: [
        .init(name: "psw", address: UInt32(TrapArea.newPSW), bytes: bytes(new), size: 16),
        .init(name: "off", address: UInt32(Self.off), bytes: bytes(Self.powerOff), size: 8),
        .init(name: "code", address: UInt32(Self.code), bytes: bytes(words), size: words.count * 4),
        .init(
          name: "data", address: Self.data,
          bytes: (0..<1024).map { _ in UInt8(truncatingIfNeeded: random.next()) }, size: 1024),
      ])
  }

  /// Corner values and random ones, so that signs, carries and shifts matter.
  private mutating func fillRegisters() {
    let corners: [UInt32] = [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 31, 32, 0xFFFF_8000, 0x0001_0000]
    for register in Self.free {
      let value = random.oneIn(2) ? random.pick(corners) : UInt32(truncatingIfNeeded: random.next())
      load(register, value)
    }
    load(13, Self.data)
  }

  /// Two instructions that put a value into a register; `ori` has 16 bits and `lui` the upper 20.
  private mutating func load(_ register: Int, _ value: UInt32) {
    words.append(Self.assemble("lui", [Int64(register), Int64(value >> 12)]))
    words.append(Self.assemble("ori", [Int64(register), Int64(register), Int64(value & 0xFFF)]))
  }

  private mutating func register() -> Int64 { Int64(1 + random.below(12)) }

  private mutating func add(_ group: ToyGroup) {
    let rows = toyTable.filter { $0.group == group && !["svc", "brk"].contains($0.mnemonic) }
    let row = rows[random.below(rows.count)]
    switch row.format {
    case .rdRsRs:
      if ["div", "divu", "rem", "remu"].contains(row.mnemonic) {
        // A divisor that is not zero: division by zero ends a program.
        let divisor = register()
        words.append(Self.assemble("ori", [divisor, divisor, Int64(1 + random.below(0xFFFF))]))
        words.append(Self.assemble(row.mnemonic, [register(), register(), divisor]))
      } else {
        words.append(Self.assemble(row.mnemonic, [register(), register(), register()]))
      }
    case .rdRsSigned:
      words.append(
        Self.assemble(row.mnemonic, [register(), register(), Int64(random.below(0x10000)) - 0x8000]))
    case .rdRsUnsigned:
      words.append(Self.assemble(row.mnemonic, [register(), register(), Int64(random.below(0x10000))]))
    case .rdRsShift:
      words.append(Self.assemble(row.mnemonic, [register(), register(), Int64(random.below(32))]))
    case .rdUpper: words.append(Self.assemble(row.mnemonic, [register(), Int64(random.below(0x100000))]))
    case .rdMemory where row.group == .control:
      // To the instruction after next, or to the next: a jump over one instruction of plain work.
      let target = Self.code + 4 * (words.count + 4)
      words.append(Self.assemble("lui", [14, Int64(target >> 12)]))
      words.append(Self.assemble("ori", [14, 14, Int64(target & 0xFFF) - 16]))
      words.append(
        Self.assemble(row.mnemonic, [random.oneIn(3) ? 14 : register(), 14, random.oneIn(2) ? 16 : 12]))
      words.append(Self.assemble("addi", [register(), register(), 1]))
    case .rdMemory, .rsMemory:
      let size = ["lw", "sw"].contains(row.mnemonic) ? 4 : row.mnemonic.contains("h") ? 2 : 1
      let offset = Int64(random.below(1024 / size) * size)
      words.append(Self.assemble(row.mnemonic, [register(), 13, offset]))
    case .rdRsIndirect:
      // Half of the time the comparison holds.
      let (old, new) = (register(), register())
      if random.oneIn(2) { words.append(Self.assemble("lw", [old, 13, 0])) }
      words.append(Self.assemble(row.mnemonic, [old, new, 13]))
    case .branch:
      words.append(Self.assemble(row.mnemonic, [register(), register(), Int64(4 * (1 + random.below(2)))]))
      words.append(Self.assemble("addi", [register(), register(), 3]))
    case .rdTarget:
      words.append(Self.assemble(row.mnemonic, [register(), Int64(4 * (1 + random.below(2)))]))
      words.append(Self.assemble("addi", [register(), register(), 5]))
    case .none, .rd, .rs, .memory, .immediate, .rdPort, .rsPort: break
    }
  }

  /// An instruction of the section that traps.
  private mutating func addTrap(_ group: ToyGroup) {
    switch group {
    case .arithmetic:
      words.append(Self.assemble(random.pick(["div", "divu", "rem", "remu"]), [register(), register(), 0]))
    case .immediate:
      // A bit that no field uses.
      words.append(Self.assemble("slli", [register(), register(), 3]) | 1 << UInt32(5 + random.below(11)))
    case .memory:
      let name = random.pick(["lw", "lh", "lhu", "sw", "sh"])
      words.append(Self.assemble(name, [register(), 13, Int64(4 * random.below(255)) + 1]))
    case .control:
      words.append(
        random.oneIn(2) ? Self.assemble("brk", []) : Self.assemble("svc", [Int64(random.below(0x10000))]))
    case .system: break
    }
  }
}
