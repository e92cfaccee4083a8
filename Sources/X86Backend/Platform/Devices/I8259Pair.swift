public import MachineCore

/// The two cascaded 8259A interrupt controllers of a PC/AT, with the edge/level registers of later chip sets.
///
/// | offset | register |
/// |---|---|
/// | 0, 1 | master |
/// | 2, 3 | slave, on the master's input 2 |
/// | 4, 5 | edge/level control, master and slave |
public final class I8259Pair: Device, InterruptController {
  public let name = "8259"
  private(set) var master = I8259Chip(slaves: 1 << 2)
  private(set) var slave = I8259Chip(slaves: 0)
  /// Called when the request to the processor may have changed, instead of telling the platform.
  var requestObserver: ((Platform) -> Void)?

  /// Two controllers after reset.
  public init() {}

  /// Whether the pair asks the processor to take an interrupt.
  public var isRequesting: Bool { master.pendingLine != nil }

  public func setLine(_ line: Int, _ level: Bool, on platform: Platform) {
    guard (0..<16).contains(line), line != 2 else { return }
    if line < 8 { master.setLine(line, level) } else { slave.setLine(line - 8, level) }
    update(platform)
  }

  private func update(_ platform: Platform) {
    master.setLine(2, slave.pendingLine != nil)
    if let requestObserver { requestObserver(platform) } else { platform.setRequest(isRequesting) }
  }

  public func acknowledge(on platform: Platform) -> Interrupt {
    defer { update(platform) }
    // When the request is gone there is a spurious interrupt, which is not in service afterwards.
    guard let line = master.acknowledge() else {
      return Interrupt(cause: UInt64(master.vectorBase | 7), line: 7)
    }
    guard line == 2 else {
      return Interrupt(cause: UInt64(master.vectorBase | UInt8(line)), line: UInt64(line))
    }
    let inner = slave.acknowledge() ?? 7
    return Interrupt(cause: UInt64(slave.vectorBase | UInt8(inner)), line: UInt64(8 + inner))
  }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<UInt64(max(width, 1)) where index < 8 {
      value |= UInt64(readByte(offset &+ index)) << (index * 8)
    }
    update(platform)
    return value
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    for index in 0..<UInt64(max(width, 1)) where index < 8 {
      writeByte(offset &+ index, UInt8(truncatingIfNeeded: value >> (index * 8)))
    }
    update(platform)
  }

  private func readByte(_ offset: UInt64) -> UInt8 {
    switch offset {
    case 0, 1: master.read(Int(offset))
    case 2, 3: slave.read(Int(offset) - 2)
    case 4: master.levelTriggered
    case 5: slave.levelTriggered
    default: 0xFF
    }
  }

  private func writeByte(_ offset: UInt64, _ value: UInt8) {
    switch offset {
    case 0, 1: master.write(Int(offset), value)
    case 2, 3: slave.write(Int(offset) - 2, value)
    // Timer, keyboard, cascade, clock and coprocessor are always edge-triggered.
    case 4: master.levelTriggered = value & 0xF8
    case 5: slave.levelTriggered = value & 0xDE
    default: break
    }
  }

  public func save() -> [UInt64] { master.words + slave.words }

  public func restore(_ state: [UInt64]) {
    guard state.count == 2 * I8259Chip.wordCount else { return }
    master.restore(state[..<I8259Chip.wordCount])
    slave.restore(state[I8259Chip.wordCount...])
  }
}
