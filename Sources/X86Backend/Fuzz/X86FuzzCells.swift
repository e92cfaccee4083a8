internal import MachineCore

/// Parts of the data that memory operands and stack pointers are aimed at, and stacks of other tasks.
enum X86FuzzCells {
  /// Offsets in the data: frames for returns, far pointers and pairs, selectors.
  static let frames: UInt64 = 0xA000
  static let frameSize: UInt64 = 64
  static let frameCount = 128
  static let pointers: UInt64 = 0xC000
  static let pointerSize: UInt64 = 16
  static let pointerCount = 512
  static let selectors: UInt64 = 0xE000
  static let selectorCount = 2048
  /// Task-state segments with other stacks.
  static let tasks: UInt64 = 0x800
  static let taskSize: UInt64 = 0x70
  static let taskCount = 16

  /// Fills all of it; `target` is an address in the code, as far pointers of the mode have it.
  static func store(_ mode: X86Mode, _ memory: GuestMemory, seed: UInt64) {
    var random = SplitMix(state: seed ^ 0xCE11)
    let data = X86FuzzMachine.storage
    for number in 0..<UInt64(selectorCount) {
      memory.store(data + selectors + number * 2, selector(mode, &random), width: 2)
    }
    for number in 0..<UInt64(pointerCount) {
      storePointer(mode, memory, at: data + pointers + number * pointerSize, Int(number & 7), &random)
    }
    for number in 0..<UInt64(frameCount) {
      storeFrame(mode, memory, at: data + frames + number * frameSize, Int(number), &random)
    }
    storeTasks(mode, memory)
  }

  /// A selector of those that the tables have; in real mode often that of the code.
  private static func selector(_ mode: X86Mode, _ random: inout SplitMix) -> UInt64 {
    if mode == .real16, random.chance(25) { return (data + 0x1_0000) >> 4 }
    return X86FuzzTables.selector(&random)
  }
  private static var data: UInt64 { X86FuzzMachine.storage }

  /// Selectors of code to which most branches may go.
  private static func codeSelector(_ mode: X86Mode, _ random: inout SplitMix) -> UInt64 {
    if mode == .real16, random.chance(30) { return (data + 0x1_0000) >> 4 }
    let level = UInt64(random.below(4))
    let kind = UInt64([3, 3, 4, 6, 8, 10, 11][random.below(7)])
    return (X86FuzzTables.firstOfLevel(level) + kind) << 3
      | (random.chance(80) ? level : UInt64(random.below(4)))
  }

  private static func target(_ random: inout SplitMix) -> UInt64 {
    switch random.below(8) {
    case 0: 0x1_0000 + UInt64(random.below(0x100))
    case 1: random.next()
    case 2: 0x8000_0000_0000 + UInt64(random.below(0x100))
    default: UInt64(random.below(0x1000))
    }
  }

  private static func storePointer(
    _ mode: X86Mode, _ memory: GuestMemory, at place: UInt64, _ kind: Int, _ random: inout SplitMix
  ) {
    switch kind {
    case 0, 1, 2, 3:
      // Far pointers in every width; the bytes behind are a descriptor table's base at times.
      let width = [2, 4, 8, 4][kind]
      memory.store(place, target(&random), width: width)
      memory.store(place + UInt64(width), selector(mode, &random), width: 2)
      if random.chance(50) { memory.store(place + 4, random.chance(50) ? 0 : random.next(), width: 8) }
    case 4:
      memory.store(place, 0x7FFF_0000, width: 4)
    case 5:
      memory.store(place, 0x7FFF_FFFF_0000_0000, width: 8)
    case 6:
      memory.store(place, 0x7000, width: 2)
      memory.store(place + 2, X86FuzzTables.gdt, width: 8)
    default:
      memory.store(place, target(&random), width: 8)
      memory.store(place + 8, 0, width: 8)
    }
  }

  /// A frame as IRET and far RET want it, in three widths: to every level, with every kind of segment.
  private static func storeFrame(
    _ mode: X86Mode, _ memory: GuestMemory, at place: UInt64, _ number: Int, _ random: inout SplitMix
  ) {
    let width = [2, 4, mode == .long64 ? 8 : 4][number % 3]
    let code = random.chance(85) ? codeSelector(mode, &random) : selector(mode, &random)
    let level = code & 3
    var stack =
      (X86FuzzTables.firstOfLevel(level) + UInt64([0, 0, 0, 2, 7, 9][random.below(6)])) << 3 | level
    if random.chance(25) { stack = selector(mode, &random) }
    if random.chance(10) { stack = UInt64(random.below(4)) }
    var flags = random.next() & 0x24_7FD5 | 2
    if random.chance(20) { flags |= 0x2_0000 }
    let base = mode == .long64 ? UInt64(0x20_0000) : data
    let entry = random.chance(50) ? base + 0x1_0840 : target(&random)
    let words = [entry, code, flags, base + 0x8000, stack]
    for (slot, word) in words.enumerated() {
      memory.store(place + UInt64(slot * width), word, width: width)
    }
    guard width == 4 else { return }
    // IRET to virtual-8086 mode takes four selectors more.
    for slot in 5..<UInt64(9) { memory.store(place + slot * 4, 0x1000 + slot, width: 4) }
  }

  /// Task-state segments whose inner stacks are missing, too small, of the wrong kind or out of reach.
  private static func storeTasks(_ mode: X86Mode, _ memory: GuestMemory) {
    let top = X86FuzzMachine.storage
    for number in 0..<UInt64(taskCount) {
      let place = tasks + number * taskSize
      guard mode != .long64 else {
        let pointers: [UInt64] = [
          0, 8, 16, 0x8000_0000_0000, 0x8000_0000_0010, 0x7000_0000_0000, 0x22_0000, 0x22_1000, 0x22_3000,
          0x22_4000, top + 8, top - 5, 0xFFFF_8000_0000_0010, 0x40_0000, 0x20_1008, 0x22_4010,
        ]
        for slot in 0..<UInt64(11) where slot != 3 {
          memory.store(place + 4 + slot * 8, pointers[Int((number + slot) % 16)], width: 8)
        }
        continue
      }
      for level in 0..<UInt64(3) {
        let first = X86FuzzTables.firstOfLevel(level)
        // Null, outside, wrong level, code, read-only, expand-down, absent, small, and good ones.
        let selectors: [UInt64] = [
          0, 3, 0xFFF8, first << 3 | 3, 0x20 | level, (first + 3) << 3 | level, (first + 1) << 3 | level,
          (first + 2) << 3 | level, (first + 7) << 3 | level, (first + 9) << 3 | level,
          (first + 9) << 3 | level, first << 3 | level, first << 3 | level, (first + 5) << 3 | level,
          (first + 2) << 3 | level, 0x07F4 | level,
        ]
        let pointers: [UInt64] = [
          top, top, top, top, top, top, top, 0x100, top, 0x8FF0, 6, 8, 0x40_0010, top - 3, top, top,
        ]
        memory.store(place + 4 + level * 8, pointers[Int(number)], width: 4)
        memory.store(place + 8 + level * 8, selectors[Int(number)], width: 2)
      }
    }
    guard mode != .long64 else { return }
    // The last one is read as a 16-bit task-state segment too: SP and SS are words.
    for level in 0..<UInt64(3) {
      memory.store(tasks + 15 * taskSize + 2 + level * 4, 0xFF00, width: 2)
      let selector = X86FuzzTables.firstOfLevel(level) << 3 | level
      memory.store(tasks + 15 * taskSize + 4 + level * 4, selector, width: 2)
    }
  }
}
