public import MachineCore

/// The I/O APIC of a PC with its 24 inputs (Intel 82093AA).
///
/// | offset | register |
/// |---|---|
/// | 0 | index |
/// | 16 | the register that the index selects |
public final class IOAPIC: Device {
  public let name = "I/O APIC"
  private unowned let target: LocalAPIC
  private var index: UInt8 = 0
  private var identity: UInt32 = 0
  private var entries = [UInt64](repeating: IOAPIC.masked, count: 24)
  private var levels: UInt32 = 0

  private static let masked: UInt64 = 0x1_0000
  private static let level: UInt64 = 0x8000
  private static let remote: UInt64 = 0x4000
  /// Delivery status and remote IRR cannot be written.
  private static let readOnly: UInt64 = 0x5000

  /// An I/O APIC that sends to this local one.
  public init(target: LocalAPIC) {
    self.target = target
    target.io = self
  }

  func setLine(_ line: Int, _ level: Bool, on platform: Platform) {
    guard entries.indices.contains(line) else { return }
    let bit: UInt32 = 1 << UInt32(line)
    let rises = level && levels & bit == 0
    if level { levels |= bit } else { levels &= ~bit }
    if rises || (level && entries[line] & Self.level != 0) { deliver(line, platform) }
  }

  private func deliver(_ line: Int, _ platform: Platform) {
    let entry = entries[line]
    // Fixed and lowest priority; everything else has no one to go to.
    guard entry & Self.masked == 0, entry >> 8 & 7 <= 1 else { return }
    let isLevel = entry & Self.level != 0
    if isLevel {
      guard entry & Self.remote == 0 else { return }
      entries[line] |= Self.remote
    }
    target.request(UInt8(truncatingIfNeeded: entry), level: isLevel, on: platform)
  }

  func endOfInterrupt(_ vector: UInt8, on platform: Platform) {
    for line in entries.indices
    where entries[line] & Self.level != 0 && UInt8(truncatingIfNeeded: entries[line]) == vector {
      entries[line] &= ~Self.remote
      if levels >> UInt32(line) & 1 != 0 { deliver(line, platform) }
    }
  }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    guard offset == 0x10 else { return offset == 0 ? UInt64(index) : 0 }
    switch index {
    case 0, 2: return UInt64(identity)
    // Version 11h, highest entry 23.
    case 1: return 0x0017_0011
    case 0x10..<0x40:
      return entries[Int(index - 0x10) / 2] >> (index & 1 == 0 ? 0 : 32) & 0xFFFF_FFFF
    default: return 0
    }
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    guard offset == 0x10 else {
      if offset == 0 { index = UInt8(truncatingIfNeeded: value) }
      return
    }
    if index == 0 { identity = UInt32(truncatingIfNeeded: value) & 0x0F00_0000 }
    guard (0x10..<0x40).contains(index) else { return }
    let line = Int(index - 0x10) / 2
    if index & 1 == 0 {
      let kept = entries[line] & (Self.readOnly | 0xFFFF_FFFF_0000_0000)
      entries[line] = kept | value & 0x1_FFFF & ~Self.readOnly
      if entries[line] & Self.level == 0 { entries[line] &= ~Self.remote }
      // A level that is there is delivered when it is let through.
      if entries[line] & Self.level != 0, levels >> UInt32(line) & 1 != 0 { deliver(line, platform) }
    } else {
      entries[line] = entries[line] & 0xFFFF_FFFF | (value & 0xFF00_0000) << 32
    }
  }

  public func save() -> [UInt64] { [UInt64(index), UInt64(identity), UInt64(levels)] + entries }

  public func restore(_ state: [UInt64]) {
    guard state.count == 27 else { return }
    index = UInt8(truncatingIfNeeded: state[0])
    identity = UInt32(truncatingIfNeeded: state[1])
    levels = UInt32(truncatingIfNeeded: state[2])
    entries = Array(state[3...])
  }
}
