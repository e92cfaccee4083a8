import X86Backend

/// A random program of integer instructions with loops, calls, stores into its own code and, in 64-bit
/// mode, changes of its page tables; it ends with HLT.
struct RandomX86Program {
  static let code = 0x2_0F00
  static let data = 0x1_4000
  static let stack = 0x1_F000

  let is64: Bool
  var random: SplitMix
  private(set) var bytes: [UInt8] = []
  private var functions: [Int] = []
  /// Addresses of bytes that the program may change: immediates of its own instructions.
  private var patches: [Int] = []

  init(is64: Bool, seed: UInt64, pieces: Int = 40) {
    self.is64 = is64
    random = SplitMix(state: seed)
    // A few functions first, jumped over.
    bytes = [0xE9, 0, 0, 0, 0]
    for _ in 0..<3 {
      functions.append(bytes.count)
      for _ in 0..<(1 + random.below(8)) { plain() }
      bytes.append(0xC3)
    }
    patch32(at: 1, UInt32(bytes.count - 5))
    for _ in 0..<pieces { piece(depth: 0) }
    bytes.append(0xF4)
  }

  // MARK: Bytes

  private var here: Int { Self.code + bytes.count }

  private mutating func patch32(at place: Int, _ value: UInt32) {
    for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: value >> UInt32(byte * 8)) }
  }

  private mutating func word(_ value: Int) {
    let value = UInt32(truncatingIfNeeded: value)
    for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(byte * 8))) }
  }

  /// Registers that instructions may change: not the stack pointer, the data's base and the loops' counter.
  private mutating func register() -> UInt8 {
    let all: [UInt8] = is64 ? [0, 1, 2, 3, 6, 8, 9, 10, 11, 13, 14, 15] : [0, 1, 2, 3, 6]
    return all[random.below(all.count)]
  }

  private mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: random.next()) }

  /// Width prefixes, opcode and a ModRM byte with a random register or place in the data.
  private mutating func general(
    _ opcode: [UInt8], digit: UInt8? = nil, isByte: Bool = false, memory: Bool? = nil, narrow: Bool = true
  ) {
    let usesMemory = memory ?? random.chance(40)
    let field = digit ?? low(register(), isByte)
    let index = register() & 3
    let usesIndex = usesMemory && random.chance(40)
    if usesIndex {
      // and index, 0x3FF
      bytes += [0x81, 0xE0 | index]
      word(0x3FF)
    }
    let target = low(register(), isByte)
    let choice = random.below(10)
    if !isByte, narrow, choice == 0 { bytes.append(0x66) }
    if is64 {
      var rex: UInt8 = 0x40
      if choice > 5, !isByte { rex |= 8 }
      if digit == nil, field >= 8 { rex |= 4 }
      if !usesMemory, target >= 8 { rex |= 1 }
      if rex != 0x40 || isByte && random.chance(50) { bytes.append(rex) }
    }
    bytes += opcode
    if !usesMemory {
      bytes.append(0xC0 | (field & 7) << 3 | target & 7)
      return
    }
    let displacement = random.below(0x1800) - 0xC00
    if usesIndex {
      bytes += [0x84 | (field & 7) << 3, UInt8(random.below(4)) << 6 | index << 3 | 5]
    } else {
      bytes.append(0x85 | (field & 7) << 3)
    }
    word(displacement)
  }

  /// Without REX, numbers 4 to 7 mean high bytes, which are welcome.
  private mutating func low(_ register: UInt8, _ isByte: Bool) -> UInt8 {
    isByte && random.chance(15) ? 4 + UInt8(random.below(2)) * 3 & 3 : register
  }

  // MARK: Instructions

  private mutating func plain() {
    switch random.below(20) {
    case 0, 1, 2:
      let isByte = random.chance(25)
      general([UInt8(random.below(8)) << 3 | UInt8(random.below(2)) << 1 | (isByte ? 0 : 1)], isByte: isByte)
    case 3:
      general([0x83], digit: UInt8(random.below(8)))
      bytes.append(byte())
    case 4:
      general([0x81], digit: UInt8(random.below(8)), narrow: false)
      patches.append(here)
      word(Int(truncatingIfNeeded: random.next() >> 1))
    case 5:
      general([0x80], digit: UInt8(random.below(8)), isByte: true)
      bytes.append(byte())
    case 6, 7:
      let isByte = random.chance(30)
      general([0x88 | UInt8(random.below(2)) << 1 | (isByte ? 0 : 1)], isByte: isByte)
    case 8: general([0x8D], memory: true)
    case 9: general([0xFF], digit: UInt8(random.below(2)))
    case 10: general([0xF7], digit: 2 + UInt8(random.below(4)))
    case 11:
      general([0xC1], digit: UInt8(random.below(8)))
      bytes.append(byte())
    case 12: general([random.chance(50) ? 0xD1 : 0xD3], digit: UInt8(random.below(8)))
    case 13: general([0x0F, 0xAF])
    case 14: general([0x0F, [0xB6, 0xB7, 0xBE, 0xBF][random.below(4)]], narrow: false)
    case 15: general([0x0F, 0x40 | UInt8(random.below(16))])
    case 16: general([0x0F, 0x90 | UInt8(random.below(16))], digit: 0, isByte: true)
    case 17: general([[0x84, 0x85, 0x86, 0x87][random.below(4)]], isByte: false)
    case 18: rare()
    default:
      let register = register()
      if register >= 8 { bytes.append(0x41) }
      bytes.append(0xB8 | register & 7)
      patches.append(here)
      word(Int(truncatingIfNeeded: random.next() >> 1))
    }
  }

  private mutating func rare() {
    switch random.below(9) {
    case 0: general([0x0F, [0xC1, 0xA3, 0xBC, 0xBD][random.below(4)]], memory: false)
    case 1: bytes.append([0xF5, 0xF8, 0xF9, 0x98, 0x99, 0x9F, 0x9E, 0x90][random.below(8)])
    case 2: bytes += is64 ? [0x48, [0x98, 0x99][random.below(2)]] : [0x99]
    case 3: bytes += [0x50, 0x53, 0x8F, 0x85, 0x10, 0, 0, 0, 0x5A]
    case 4:
      // or ecx, 1; xor edx, edx or cdq; div or idiv ecx
      bytes += [0x83, 0xC9, 1]
      bytes += random.chance(50) ? [0x31, 0xD2, 0xF7, 0xF1] : [0x99, 0xF7, 0xF9]
    case 5: bytes += [0x0F, 0xC8 | UInt8(random.below(4))]
    case 6:
      general([0x69], narrow: false)
      word(Int(truncatingIfNeeded: random.next() >> 1))
    case 7: bytes += [0x9C, 0x58, 0x68, 0x11, 0x22, 0x33, 0x44, 0x5A]
    default:
      if is64 { general([0x63]) } else { bytes.append(0x40 | UInt8(random.below(4))) }
    }
  }

  // MARK: Pieces

  private mutating func piece(depth: Int) {
    switch random.below(12) {
    case 0 where depth < 2:
      // mov edi, n; body; dec edi or sub edi, 1; jnz — the counter is saved around inner loops.
      bytes.append(0x57)
      bytes.append(0xBF)
      word(1 + random.below(30))
      let top = bytes.count
      for _ in 0..<(1 + random.below(6)) { piece(depth: depth + 1) }
      bytes += random.chance(50) ? [0xFF, 0xCF] : [0x83, 0xEF, 1]
      bytes += [0x0F, 0x85]
      word(top - bytes.count - 4)
      bytes.append(0x5F)
    case 1, 2, 3:
      if random.chance(60) {
        let isByte = random.chance(30)
        general([[0x38, 0x84, 0x3A][random.below(3)] | (isByte ? 0 : 1)], isByte: isByte)
      }
      bytes += [0x70 | UInt8(random.below(16)), 0]
      let from = bytes.count
      for _ in 0..<(1 + random.below(3)) { plain() }
      bytes[from - 1] = UInt8(truncatingIfNeeded: min(127, bytes.count - from))
      while bytes.count - from > 127 { bytes.removeLast() }
    case 4:
      bytes.append(0xE8)
      word(functions[random.below(functions.count)] - bytes.count - 4)
    case 5:
      // mov eax, target; jmp or call eax; what is jumped over is garbage.
      bytes.append(0xB8)
      let isCall = random.chance(40)
      let garbage = isCall ? 0 : random.below(4)
      let target = isCall ? Self.code + functions[random.below(functions.count)] : here + 6 + garbage
      word(target)
      bytes += [0xFF, isCall ? 0xD0 : 0xE0]
      for _ in 0..<garbage { bytes.append(0x0F) }
    case 6: change()
    case 7 where is64: remap()
    default: for _ in 0..<(1 + random.below(6)) { plain() }
    }
  }

  /// Stores into the immediate of an instruction, often the very next one.
  private mutating func change() {
    bytes += [0xC6, 0x04, 0x25]
    if patches.isEmpty || random.chance(40) {
      word(here + 6 + random.below(4))
      bytes.append(byte())
      bytes.append(0xB8 | UInt8(random.below(4)))
      word(Int(truncatingIfNeeded: random.next() >> 1))
    } else {
      word(patches[random.below(patches.count)] + random.below(4))
      bytes.append(byte())
    }
  }

  /// Maps 2 MiB at 4 MiB to the start of storage or to nothing, and uses it: also for stores into the code.
  private mutating func remap() {
    if random.chance(60) {
      bytes += [0x48, 0xC7, 0x04, 0x25]
      word(0x3010)
      word(random.chance(70) ? 0xE3 : 0x40_00E3)
      // invlpg [0x400000]: until then the old translation may count.
      bytes += [0x0F, 0x01, 0x3C, 0x25]
      word(0x40_0000)
    } else if random.chance(50) {
      bytes += [0x0F, 0x20, 0xD8, 0x0F, 0x22, 0xD8]
    }
    for _ in 0..<(1 + random.below(3)) {
      bytes += [0x48, random.chance(50) ? 0x89 : 0x8B, 0x04 | UInt8(random.below(4)) << 3, 0x25]
      word(0x40_0000 + Self.data + random.below(0x1000))
    }
    if let patch = patches.randomElement(using: &random), random.chance(40) {
      bytes += [0xC6, 0x04, 0x25]
      word(0x40_0000 + patch)
      bytes.append(byte())
    }
  }
}
