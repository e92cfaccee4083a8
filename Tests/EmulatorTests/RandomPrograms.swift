import MachineCore
import ToyISA

/// Random machines: mostly legal words, odd PSWs, page tables with holes.
struct RandomMachine {
  var image = [UInt8](repeating: 0, count: Lab.memorySize)
  var state = ToyInstructionSet.resetState(entry: 0x1000, storage: Lab.memorySize)
  var variant: ToyVariant
  var slices: [UInt64] = []
  private var random: SeededRandom

  /// Words of code from 0x1000.
  static let codeWords = 2048

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
    variant = random.choice(ToyVariant.allCases)
    for index in 0..<Self.codeWords { put(0x1000 + index * 4, randomWord()) }
    for index in 0..<64 { put(0x100 + index * 4, randomWord()) }
    makeTrapVector()
    makePageTables()
    makeRegisters()
    slices = (0..<20).map { _ in UInt64(1 + random.below(900)) }
  }

  mutating func put(_ address: Int, _ word: UInt32) {
    for byte in 0..<4 { image[address + byte] = UInt8(truncatingIfNeeded: word >> UInt32(byte * 8)) }
  }

  private mutating func makeTrapVector() {
    put(0x20, random.below(2) == 0 ? 0 : UInt32(random.below(8)))
    put(0x24, random.below(3) == 0 ? 0x100 : 0x1000 + UInt32(random.below(Self.codeWords)) * 4)
    put(0x28, random.below(2) == 0 ? 0 : UInt32(random.below(0x4000)))
    put(0x2C, random.below(2) == 0 ? UInt32(Lab.memorySize) : UInt32(random.below(Lab.memorySize)))
  }

  /// A directory at 0x8000 and a table at 0x9000: mostly identity, some pages elsewhere or forbidden.
  private mutating func makePageTables() {
    put(0x8000, 0x9001)
    for page in 0..<24 {
      let usual = page < 16 ? page : random.below(18)
      let frame = random.below(4) == 0 ? random.below(16) : usual
      let bits = random.below(4) == 0 ? random.below(128) : 0x1F
      put(0x9000 + page * 4, UInt32(frame << 12 | bits))
    }
  }

  private mutating func makeRegisters() {
    for number in 1..<16 {
      state.registers[number] = random.choice([
        UInt64(random.below(0x10000)), UInt64(random.below(0x4000) * 4), UInt64(random.word()),
      ])
    }
    state.registers[Int(ToyRegister.interruptEnable)] = UInt64(random.below(2))
    switch random.below(4) {
    case 0:
      state.registers[Int(ToyRegister.paging)] = 1
      state.registers[Int(ToyRegister.base)] = 0x8000
      state.registers[Int(ToyRegister.mode)] = UInt64(random.below(2))
      put(0x20, 4)
      put(0x24, 0x1000)
      put(0x28, 0x8000)
    case 1:
      state.registers[Int(ToyRegister.mode)] = 1
      state.registers[Int(ToyRegister.base)] = UInt64(random.below(64) * 4)
      state.registers[Int(ToyRegister.bound)] = UInt64((0x1000 + random.below(0x2000)) & ~3)
    default: break
    }
  }

  private mutating func randomWord() -> UInt32 {
    if random.below(60) == 0 { return random.word() }
    var row = random.choice(toyTable)
    // System instructions would end most runs early if they were as frequent as others.
    if row.group == .system, random.below(4) != 0 { row = toyTable[16 + random.below(11)] }
    let word = UInt32(row.opcode) << 24 | random.word() & row.format.mask
    switch row.format {
    case .branch: return word & ~0xFFFF | UInt32(bitPattern: Int32(random.below(40) - 12)) & 0xFFFF
    case .rdTarget: return word & ~0xFFFFF | UInt32(bitPattern: Int32(random.below(80) - 30)) & 0xFFFFF
    case .rdMemory, .rsMemory:
      return random.below(3) == 0 ? word : word & ~0xFFFF | UInt32(random.below(512) * 4)
    case .rdPort, .rsPort:
      let ports: [UInt32] = [0, 0, 1, 0x10, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22, 0x23, 0x24]
      return word & ~0xFFFF | random.choice(ports)
    default: return word
    }
  }
}
