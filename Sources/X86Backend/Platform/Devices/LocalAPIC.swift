public import MachineCore

/// The local APIC of the one processor, its timer in virtual time, and the way of the 8259's request through it.
///
/// Registers as in the Intel SDM volume 3, chapter 11, each 32 bits wide at a multiple of 16. The timer's clock
/// is one tick an instruction, before its divider. There are no other processors: INIT and start-up messages
/// reach nobody. Input 0 lets the 8259's interrupts through after reset, as firmware leaves it.
public final class LocalAPIC: Device, InterruptController {
  public let name = "local APIC"
  private let pair: I8259Pair
  /// Takes the lines, too; told of ends of level-triggered interrupts.
  var io: IOAPIC?

  private var taskPriority: UInt32 = 0
  private var logicalDestination: UInt32 = 0
  private var destinationFormat: UInt32 = .max
  private var spurious: UInt32 = 0xFF
  private var command: (low: UInt32, high: UInt32) = (0, 0)
  /// Timer, thermal, performance, input 0, input 1, error.
  private var local: [UInt32] = [0x1_0000, 0x1_0000, 0x1_0000, 0x700, 0x1_0000, 0x1_0000]
  private var requests = VectorSet()
  private var inService = VectorSet()
  private var levelTriggered = VectorSet()
  private var initialCount: UInt32 = 0
  private var divide: UInt32 = 0
  /// Virtual time at which the timer was started; `nil` while it is stopped.
  private var timerStart: UInt64?
  private var due: UInt64?

  /// Bits of the registers.
  private enum Bit {
    static let enabled: UInt32 = 0x100
    static let masked: UInt32 = 0x1_0000
    static let periodic: UInt32 = 0x2_0000
    static let deliveryMode: UInt32 = 0x700
    static let external: UInt32 = 0x700
    static let level: UInt32 = 0x8000
  }

  /// An APIC through which the pair's request goes.
  public init(pair: I8259Pair) {
    self.pair = pair
    pair.requestObserver = { [weak self] platform in self?.update(platform) }
  }

  // MARK: Interrupts

  private var isEnabled: Bool { spurious & Bit.enabled != 0 }
  private var letsPairThrough: Bool { local[3] & (Bit.masked | Bit.deliveryMode) == Bit.external }

  /// Class of the priority that interrupts have to be above.
  private var processorPriority: UInt8 {
    let served = (inService.highest ?? 0) & 0xF0
    let task = UInt8(truncatingIfNeeded: taskPriority)
    return task & 0xF0 >= served ? task : served
  }

  private var deliverable: UInt8? {
    guard isEnabled, let vector = requests.highest, vector & 0xF0 > processorPriority & 0xF0 else {
      return nil
    }
    return vector
  }

  private func update(_ platform: Platform) {
    platform.setRequest(deliverable != nil || (pair.isRequesting && letsPairThrough))
  }

  /// Requests an interrupt by its vector.
  func request(_ vector: UInt8, level: Bool, on platform: Platform) {
    guard vector >= 16, isEnabled else { return }
    requests.insert(vector)
    if level { levelTriggered.insert(vector) } else { levelTriggered.remove(vector) }
    update(platform)
  }

  public func setLine(_ line: Int, _ level: Bool, on platform: Platform) {
    pair.setLine(line, level, on: platform)
    // The timer's line is input 2 of the I/O APIC, as on all PCs.
    io?.setLine(line == 0 ? 2 : line, level, on: platform)
  }

  public func acknowledge(on platform: Platform) -> Interrupt {
    defer { update(platform) }
    if let vector = deliverable {
      requests.remove(vector)
      inService.insert(vector)
      return Interrupt(cause: UInt64(vector), line: UInt64(vector))
    }
    if letsPairThrough { return pair.acknowledge(on: platform) }
    return Interrupt(cause: UInt64(spurious & 0xFF), line: UInt64(spurious & 0xFF))
  }

  private func endOfInterrupt(_ platform: Platform) {
    guard let vector = inService.highest else { return }
    inService.remove(vector)
    if levelTriggered.contains(vector) { io?.endOfInterrupt(vector, on: platform) }
    update(platform)
  }

  // MARK: Timer

  private var divider: UInt64 {
    let code = divide & 3 | divide >> 1 & 4
    return code == 7 ? 1 : 2 << UInt64(code)
  }

  private var period: UInt64 { UInt64(initialCount) * divider }

  private func currentCount(_ now: UInt64) -> UInt64 {
    guard let timerStart, initialCount > 0 else { return 0 }
    let passed = (now - min(timerStart, now)) / divider
    if local[0] & Bit.periodic != 0 { return UInt64(initialCount) - passed % UInt64(initialCount) }
    return passed >= UInt64(initialCount) ? 0 : UInt64(initialCount) - passed
  }

  private func startTimer(_ now: UInt64) {
    timerStart = initialCount == 0 ? nil : now
    due = initialCount == 0 ? nil : now &+ period
  }

  public var deadline: UInt64? { due }

  public func tick(on platform: Platform) {
    guard let passed = due, passed <= platform.now else { return }
    due = nil
    if local[0] & Bit.periodic != 0, period > 0 {
      // What was missed is one interrupt: the request is a single bit.
      due = passed &+ ((platform.now - passed) / period + 1) &* period
    }
    if local[0] & Bit.masked == 0 {
      request(UInt8(truncatingIfNeeded: local[0]), level: false, on: platform)
    }
  }

  // MARK: Registers

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    let value = UInt64(readRegister(offset & 0xFF0, platform))
    return offset & 15 < 4 ? value >> ((offset & 15) * 8) : 0
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    guard offset & 15 == 0 else { return }
    writeRegister(offset & 0xFF0, UInt32(truncatingIfNeeded: value), platform)
    update(platform)
  }

  private func readRegister(_ offset: UInt64, _ platform: Platform) -> UInt32 {
    switch offset {
    case 0x020: 0
    // Version 14h, six local entries.
    case 0x030: 0x0005_0014
    case 0x080: taskPriority
    case 0x0A0: UInt32(processorPriority)
    case 0x0D0: logicalDestination
    case 0x0E0: destinationFormat
    case 0x0F0: spurious
    case 0x100...0x170: inService.word(Int(offset - 0x100) / 16)
    case 0x180...0x1F0: levelTriggered.word(Int(offset - 0x180) / 16)
    case 0x200...0x270: requests.word(Int(offset - 0x200) / 16)
    case 0x300: command.low
    case 0x310: command.high
    case 0x320...0x370: local[Int(offset - 0x320) / 16]
    case 0x380: initialCount
    case 0x390: UInt32(truncatingIfNeeded: currentCount(platform.now))
    case 0x3E0: divide
    default: 0
    }
  }

  private func writeRegister(_ offset: UInt64, _ value: UInt32, _ platform: Platform) {
    switch offset {
    case 0x080: taskPriority = value & 0xFF
    case 0x0B0: endOfInterrupt(platform)
    case 0x0D0: logicalDestination = value & 0xFF00_0000
    case 0x0E0: destinationFormat = value | 0x0FFF_FFFF
    case 0x0F0:
      spurious = value & 0x3FF
      // Switched off, all local entries are masked, but what firmware set up for the 8259 stays.
      if !isEnabled { for index in [0, 1, 2, 4, 5] { local[index] |= Bit.masked } }
    case 0x300:
      command.low = value & 0xC_CFFF
      send(value, platform)
    case 0x310: command.high = value & 0xFF00_0000
    case 0x320...0x370:
      let index = Int(offset - 0x320) / 16
      local[index] = value & (index == 0 ? 0x3_00FF : 0x1_A7FF)
      if !isEnabled, index != 3 { local[index] |= Bit.masked }
    case 0x380:
      initialCount = value
      startTimer(platform.now)
    case 0x3E0:
      divide = value & 0xB
      if timerStart != nil { startTimer(platform.now) }
    default: break
    }
  }

  /// Carries out an interrupt command, as far as it reaches this processor.
  private func send(_ value: UInt32, _ platform: Platform) {
    guard value & Bit.deliveryMode == 0 else { return }
    let reaches: Bool
    switch value >> 18 & 3 {
    case 1, 2: reaches = true
    case 0:
      let destination = command.high >> 24
      reaches =
        value & 0x800 == 0
        ? destination == 0 || destination == 0xFF : destination & logicalDestination >> 24 != 0
    default: reaches = false
    }
    if reaches { request(UInt8(truncatingIfNeeded: value), level: false, on: platform) }
  }

  // MARK: State

  public func save() -> [UInt64] {
    let words = [
      taskPriority, logicalDestination, destinationFormat, spurious, command.low, command.high, initialCount,
      divide,
    ]
    return (words + local).map(UInt64.init) + requests.words + inService.words + levelTriggered.words
      + [timerStart ?? .max, due ?? .max]
  }

  public func restore(_ state: [UInt64]) {
    guard state.count == 28 else { return }
    let words = state.prefix(14).map { UInt32(truncatingIfNeeded: $0) }
    taskPriority = words[0]
    logicalDestination = words[1]
    destinationFormat = words[2]
    spurious = words[3]
    command = (words[4], words[5])
    initialCount = words[6]
    divide = words[7]
    local = Array(words[8...])
    requests.words = Array(state[14..<18])
    inService.words = Array(state[18..<22])
    levelTriggered.words = Array(state[22..<26])
    timerStart = state[26] == .max ? nil : state[26]
    due = state[27] == .max ? nil : state[27]
  }
}

/// A set of interrupt vectors.
struct VectorSet {
  /// Bit n of word k is vector 64 k + n.
  var words: [UInt64] = [0, 0, 0, 0]

  func contains(_ vector: UInt8) -> Bool { words[Int(vector) / 64] >> UInt64(vector % 64) & 1 != 0 }
  mutating func insert(_ vector: UInt8) { words[Int(vector) / 64] |= 1 << UInt64(vector % 64) }
  mutating func remove(_ vector: UInt8) { words[Int(vector) / 64] &= ~(1 << UInt64(vector % 64)) }

  /// The highest vector in the set.
  var highest: UInt8? {
    for index in stride(from: 3, through: 0, by: -1) where words[index] != 0 {
      return UInt8(index * 64 + 63 - words[index].leadingZeroBitCount)
    }
    return nil
  }

  /// 32 vectors from 32 `index` on.
  func word(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: words[index / 2] >> UInt64(index % 2 * 32)) }
}
