internal import MachineCore
package import ToyISA
internal import X86Backend

/// A random toy program that goes on for long.
///
/// A small kernel below 0x400 survives every trap and, at timer interrupts and every fourth trap, goes on
/// with the next of sixteen random PSWs: user or supervisor, base and bound or paging. The code they
/// run is random words from 0x1000 on, which change themselves, each other and the page tables, and
/// give orders to the devices. Nothing but paging and the disk can reach the kernel.
package struct ToyRandomProgram {
  private var random: SplitMix
  private var storage = [UInt8](repeating: 0, count: memorySize)

  static let memorySize = 0x1_0000
  private static let handler = 0x200
  private static let schedule = 0x300
  private static let counter = 0x1F0
  private static let directory = 0x8000
  private static let table = 0x9000
  /// Virtual place of a copy of the PSWs for random code to load.
  private static let copies = 0x3000
  private static let bases: [UInt32] = [0x1000, 0x2000]

  private init(seed: UInt64) {
    random = SplitMix(state: seed)
    for place in stride(from: 0x1000, to: 0x8000, by: 4) { put(place, word()) }
    for place in stride(from: 0xC000, to: Self.memorySize, by: 4) { put(place, word()) }
    putPageTables()
    putSchedule()
    putKernel()
  }

  /// The program as a workload on a machine with some input and a disk full of code.
  package static func workload(seed: UInt64, variant: ToyVariant = .classic, limit: UInt64) -> Workload {
    var program = ToyRandomProgram(seed: seed)
    var disk: [UInt8] = []
    for _ in 0..<(4 * ToyDisk.sectorSize / 4) { disk += bytes(program.word()) }
    let image = ToyImage(
      entry: 0x100,
      segments: [.init(name: "storage", address: 0, bytes: program.storage, size: memorySize)])
    let machine = ToyMachine(memorySize: memorySize, input: Array("random input".utf8), disk: disk)
    return Workload(
      name: "random seed \(seed)", machine: .toy(image, machine, variant), instructionLimit: limit)
  }

  private static func bytes(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
  }

  private mutating func put(_ place: Int, _ word: UInt32) {
    storage.replaceSubrange(place..<(place + 4), with: Self.bytes(word))
  }

  /// Pages map to themselves, mostly, and mostly allow everything; the kernel's cannot be written.
  private mutating func putPageTables() {
    for entry in 0..<1024 { put(Self.directory + 4 * entry, entry == 0 || random.oneIn(8) ? 0x9001 : 0) }
    for page in 0..<1024 {
      let frame = page < 16 && !random.oneIn(6) ? page : 1 + random.below(15)
      let flags = random.oneIn(5) ? random.below(128) : 0x1F
      put(Self.table + 4 * page, UInt32(frame << 12 | flags))
    }
    put(Self.table, 0x0B)
  }

  private mutating func putSchedule() {
    for index in 0..<16 {
      let paging = random.oneIn(2)
      let flags = UInt32(random.below(2)) | (random.oneIn(5) ? 0 : 2) | (paging ? 4 : 0)
      let base = paging ? UInt32(Self.directory) : random.pick(Self.bases)
      let bound: UInt32 = random.pick([0xE000, 0xC000, 0x7000, paging ? 0x40_0000 : 0xD000])
      let pc = UInt32(random.below(0x2000)) & ~3 + (paging ? 0x1000 : 0)
      let words = [flags, pc, base, bound]
      let places = [Self.schedule, Self.copies] + Self.bases.map { Self.copies + Int($0) }
      for place in places {
        for (number, word) in words.enumerated() { put(place + 16 * index + 4 * number, word) }
      }
    }
  }

  private mutating func putKernel() {
    for (number, word) in [0, UInt32(Self.handler), 0, UInt32(Self.memorySize)].enumerated() {
      put(Int(TrapArea.newPSW) + 4 * number, word)
    }
    let old = Int64(TrapArea.oldPSW)
    let interval = Int64(20 + random.below(200))
    let boot: [UInt32] = [
      Self.op("addi", 11, 0, interval), Self.op("out", 11, 0, Int64(ToyPort.timer)),
      Self.op("addi", 11, 0, 1), Self.op("out", 11, 0, Int64(ToyPort.diskStatus)),
      Self.op("out", 11, 0, Int64(ToyPort.consoleStatus)), Self.op("lpsw", 0, Int64(Self.schedule)),
    ]
    let handler: [UInt32] = [
      Self.op("lw", 12, 0, Int64(Self.counter)), Self.op("addi", 12, 12, 1),
      Self.op("sw", 12, 0, Int64(Self.counter)),
      Self.op("lw", 13, 0, Int64(TrapArea.cause)), Self.op("sltiu", 13, 13, 16),
      Self.op("beq", 13, 0, 9 * 4),  // an interrupt
      Self.op("andi", 13, 12, 3), Self.op("beq", 13, 0, 17 * 4),  // the next PSW
      Self.op("lw", 13, 0, old + 4), Self.op("addi", 13, 13, 4), Self.op("sw", 13, 0, old + 4),
      Self.op("andi", 13, 12, 31), Self.op("beq", 13, 0, 2 * 4),  // now and then the devices too
      Self.op("lpsw", 0, old),
      // An interrupt: the devices again.
      Self.op("addi", 13, 0, interval), Self.op("out", 13, 0, Int64(ToyPort.timer)),
      // The disk writes one of four sectors over code.
      Self.op("andi", 13, 12, 3), Self.op("out", 13, 0, Int64(ToyPort.diskSector)),
      Self.op("slli", 13, 13, 9), Self.op("addi", 13, 13, 0x2000),
      Self.op("out", 13, 0, Int64(ToyPort.diskAddress)),
      Self.op("addi", 13, 0, 1), Self.op("out", 13, 0, Int64(ToyPort.diskStatus)),
      Self.op("out", 13, 0, Int64(ToyPort.diskCommand)),
      // The next PSW.
      Self.op("andi", 13, 12, 15), Self.op("slli", 13, 13, 4),
      Self.op("lpsw", 13, Int64(Self.schedule)),
    ]
    for (index, word) in boot.enumerated() { put(0x100 + 4 * index, word) }
    for (index, word) in handler.enumerated() { put(Self.handler + 4 * index, word) }
    put(Self.counter, 0)
  }

  private static func op(_ mnemonic: String, _ values: Int64...) -> UInt32 {
    guard let row = toyTable.firstIndex(where: { $0.mnemonic == mnemonic }),
      let word = ToyCodec.encode(row: row, values)
    else { preconditionFailure("\(mnemonic) \(values) cannot be encoded") }
    return word
  }

  /// A random word, nearly always an instruction.
  private mutating func word() -> UInt32 {
    if random.oneIn(100) { return UInt32(truncatingIfNeeded: random.next()) }
    var row = random.below(toyTable.count)
    // System instructions trap or change much: less of them, and few that can switch interrupts off.
    if toyTable[row].group == .system, !random.oneIn(3) { row = random.below(27) }
    if ["setie", "wait"].contains(toyTable[row].mnemonic), !random.oneIn(4) { row = random.below(27) }
    let instruction = toyTable[row]
    let isDirect = instruction.group == .memory && !random.oneIn(4)
    let values = instruction.format.fields.map { field -> Int64 in
      switch (instruction.mnemonic, field) {
      case ("lpsw", .b), ("in", .b), ("out", .b): return random.oneIn(16) ? Int64(random.below(16)) : 0
      case ("lpsw", .signed16): return Int64(Self.copies + 16 * random.below(16))
      case ("in", .unsigned16), ("out", .unsigned16):
        return random.pick([0, 1, 0x10, 0x11, 0x12, 0x20, 0x20, 0x21, 0x22, 0x22, 0x23, 0x24])
      case (_, .b) where isDirect && instruction.format != .rdRsIndirect: return 0
      case (_, .signed16) where isDirect: return place()
      case (_, .words16): return Int64(random.below(48) - 16) * 4
      case (_, .words20): return Int64(random.below(200) - 90) * 4
      default: return Int64.random(in: field.range, using: &random)
      }
    }
    return ToyCodec.encode(row: row, values) ?? 0
  }

  /// An offset from address zero: mostly data, sometimes code, sometimes page tables.
  private mutating func place() -> Int64 {
    let place =
      switch random.below(12) {
      case 0: random.below(0x3000)
      case 1: 0x7000 + random.below(0x1000)
      default: 0x4000 + random.below(0x3000)
      }
    return Int64(random.oneIn(10) ? place : place & ~3)
  }
}
