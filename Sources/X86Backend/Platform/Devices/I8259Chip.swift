/// One Intel 8259A programmable interrupt controller; two of them make ``I8259Pair``.
///
/// Data sheet: Intel 8259A, order number 231468.
struct I8259Chip: Equatable {
  /// Interrupt request register: edges that were seen or levels that are there.
  private(set) var requests: UInt8 = 0
  /// In-service register.
  private(set) var inService: UInt8 = 0
  /// Interrupt mask register.
  private(set) var mask: UInt8 = 0
  /// Levels of the inputs.
  private(set) var lines: UInt8 = 0
  /// Inputs that are level-triggered (ELCR).
  var levelTriggered: UInt8 = 0
  /// Upper five bits of the vectors.
  private(set) var vectorBase: UInt8 = 0
  /// The input with the lowest priority; the one behind it has the highest.
  private var lowest: UInt8 = 7
  /// The initialization command word that is expected next, 2 to 4; 0 after initialization.
  private var expected: UInt8 = 0
  private var needsICW4 = false
  private var isSingle = false
  private var isAllLevel = false
  private var hasAutoEOI = false
  private var rotatesOnAutoEOI = false
  private var isSpecialMask = false
  private var isFullyNested = false
  private var readsInService = false
  private var isPolled = false

  /// Inputs on which another 8259 hangs.
  let slaves: UInt8

  init(slaves: UInt8) { self.slaves = slaves }

  // MARK: Inputs

  private func isLevel(_ bit: UInt8) -> Bool { isAllLevel || levelTriggered & bit != 0 }

  /// Drives an input. An edge is forgotten when the input falls before it was acknowledged, as on the chip.
  mutating func setLine(_ line: Int, _ level: Bool) {
    let bit: UInt8 = 1 << UInt8(line & 7)
    if level {
      if isLevel(bit) || lines & bit == 0 { requests |= bit }
      lines |= bit
    } else {
      requests &= ~bit
      lines &= ~bit
    }
  }

  // MARK: Priority

  /// The input among `bits` with the highest priority, and its rank, 0 being the highest.
  private func highest(_ bits: UInt8) -> (line: Int, rank: Int)? {
    guard bits != 0 else { return nil }
    for rank in 0..<8 {
      let line = (Int(lowest) + 1 + rank) & 7
      if bits >> UInt8(line) & 1 != 0 { return (line, rank) }
    }
    return nil
  }

  /// The input whose interrupt the chip asks the processor to take.
  var pendingLine: Int? {
    guard expected == 0, let request = highest(requests & ~mask) else { return nil }
    var service = inService
    // In special mask mode, what is masked does not hold others off.
    if isSpecialMask { service &= ~mask }
    // In special fully nested mode, a slave's request does not hold off the slave's other requests.
    if isFullyNested { service &= ~slaves }
    if let current = highest(service), current.rank <= request.rank { return nil }
    return request.line
  }

  /// The acknowledge cycle: the input that is served, or `nil` for a spurious interrupt, which is 7.
  mutating func acknowledge() -> Int? {
    guard let line = pendingLine else { return nil }
    let bit: UInt8 = 1 << UInt8(line)
    if !isLevel(bit) { requests &= ~bit }
    if hasAutoEOI {
      if rotatesOnAutoEOI { lowest = UInt8(line) }
    } else {
      inService |= bit
    }
    return line
  }

  // MARK: Registers

  /// Reads the port with A0 = `address`.
  mutating func read(_ address: Int) -> UInt8 {
    if isPolled {
      isPolled = false
      return acknowledge().map { 0x80 | UInt8($0) } ?? 0
    }
    if address == 1 { return mask }
    return readsInService ? inService : requests
  }

  /// Writes the port with A0 = `address`.
  mutating func write(_ address: Int, _ value: UInt8) {
    if address == 1 {
      writeOdd(value)
    } else if value & 0x10 != 0 {
      initialize(value)
    } else if value & 0x08 != 0 {
      operationControl3(value)
    } else {
      operationControl2(value)
    }
  }

  private mutating func initialize(_ value: UInt8) {
    mask = 0
    inService = 0
    lowest = 7
    isSpecialMask = false
    isFullyNested = false
    readsInService = false
    isPolled = false
    hasAutoEOI = false
    rotatesOnAutoEOI = false
    needsICW4 = value & 1 != 0
    isSingle = value & 2 != 0
    isAllLevel = value & 8 != 0
    // The edge detectors are cleared: an input must fall and rise again.
    requests = isAllLevel ? lines : lines & levelTriggered
    expected = 2
  }

  private mutating func writeOdd(_ value: UInt8) {
    switch expected {
    case 2:
      vectorBase = value & 0xF8
      expected = !isSingle ? 3 : needsICW4 ? 4 : 0
    case 3:
      // Which input a slave hangs on is wired here.
      expected = needsICW4 ? 4 : 0
    case 4:
      hasAutoEOI = value & 2 != 0
      isFullyNested = value & 0x10 != 0
      expected = 0
    default:
      mask = value
    }
  }

  private mutating func operationControl2(_ value: UInt8) {
    let line = value & 7
    switch value >> 5 {
    case 0b001, 0b101:
      // A non-specific end of interrupt takes the one with the highest priority; a masked one stays in
      // special mask mode.
      guard let served = highest(isSpecialMask ? inService & ~mask : inService) else { return }
      inService &= ~(1 << UInt8(served.line))
      if value >> 5 == 0b101 { lowest = UInt8(served.line) }
    case 0b011: inService &= ~(1 << line)
    case 0b111:
      inService &= ~(1 << line)
      lowest = line
    case 0b100: rotatesOnAutoEOI = true
    case 0b000: rotatesOnAutoEOI = false
    case 0b110: lowest = line
    default: break
    }
  }

  private mutating func operationControl3(_ value: UInt8) {
    if value & 0x40 != 0 { isSpecialMask = value & 0x20 != 0 }
    if value & 0x04 != 0 {
      isPolled = true
    } else if value & 0x02 != 0 {
      readsInService = value & 0x01 != 0
    }
  }

  // MARK: State

  var words: [UInt64] {
    let bytes = [requests, inService, mask, lines, levelTriggered, vectorBase, lowest, expected]
    let flags = [
      needsICW4, isSingle, isAllLevel, hasAutoEOI, rotatesOnAutoEOI, isSpecialMask, isFullyNested,
      readsInService, isPolled,
    ]
    return bytes.map(UInt64.init) + [flags.reduce(0) { $0 << 1 | ($1 ? 1 : 0) }]
  }

  static let wordCount = 9

  mutating func restore(_ words: ArraySlice<UInt64>) {
    guard words.count == Self.wordCount else { return }
    let bytes = words.prefix(8).map { UInt8(truncatingIfNeeded: $0) }
    requests = bytes[0]
    inService = bytes[1]
    mask = bytes[2]
    lines = bytes[3]
    levelTriggered = bytes[4]
    vectorBase = bytes[5]
    lowest = bytes[6] & 7
    expected = bytes[7]
    let flags = words[words.startIndex + 8]
    func flag(_ number: Int) -> Bool { flags >> UInt64(8 - number) & 1 != 0 }
    needsICW4 = flag(0)
    isSingle = flag(1)
    isAllLevel = flag(2)
    hasAutoEOI = flag(3)
    rotatesOnAutoEOI = flag(4)
    isSpecialMask = flag(5)
    isFullyNested = flag(6)
    readsInService = flag(7)
    isPolled = flag(8)
  }
}
