public import MachineCore

/// ACPI power management of a PIIX4: the timer that firmware measures time with, sleep control, and the port by which
/// firmware hands power management over.
///
/// | offset | register |
/// |---|---|
/// | 0 | PM1 status: bit 0 the timer's top bit has changed |
/// | 2 | PM1 enable: kept; there is no system control interrupt |
/// | 4 | PM1 control: bit 0 ACPI is on; bit 13 sleeps, with type 0 (bits 10–12) the machine is off |
/// | 8 | timer: 24 bits at 3.579545 MHz, 28 instructions of virtual time a tick |
/// | 40h, 41h | APM control (F1h turns ACPI on, F0h off) and status |
///
/// Data sheet: Intel 290562 (PIIX4), 7.2; ACPI specification, 4.8.3.
public final class PowerManagement: Device {
  public let name = "power management"
  private var enable: UInt16 = 0
  private var control: UInt16 = 0
  private var apm: [UInt8] = [0, 0]
  /// The timer when its status bit was last cleared.
  private var cleared: UInt64 = 0

  /// As after reset.
  public init() {}

  private static func ticks(_ platform: Platform) -> UInt64 {
    platform.now / (X86Layout.instructionsPerTimerTick / 3)
  }

  private func register(_ offset: UInt64, _ platform: Platform) -> UInt64 {
    switch offset {
    case 0: (Self.ticks(platform) ^ cleared) >> 23 & 1
    case 2: UInt64(enable)
    case 4: UInt64(control)
    case 8: Self.ticks(platform) & 0xFF_FFFF
    default: 0
    }
  }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    if offset >= 0x40 {
      // A wider access takes both.
      return UInt64(apm[Int(offset & 1)]) | (offset & 1 == 0 ? UInt64(apm[1]) << 8 : 0)
    }
    if offset >= 8 { return register(8, platform) >> ((offset - 8) * 8) * (offset < 12 ? 1 : 0) }
    let low = register(offset & ~1, platform) | register((offset & ~1) + 2, platform) << 16
    return low >> ((offset & 1) * 8)
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    if offset >= 0x40 {
      apm[Int(offset & 1)] = UInt8(truncatingIfNeeded: value)
      if width > 1, offset & 1 == 0 { apm[1] = UInt8(truncatingIfNeeded: value >> 8) }
      if offset & 1 == 0 {
        if apm[0] == 0xF1 { control |= 1 }
        if apm[0] == 0xF0 { control &= ~1 }
      }
      return
    }
    // Registers of 16 bits; a byte changes its half.
    let word = UInt16(truncatingIfNeeded: width == 1 ? value << ((offset & 1) * 8) : value)
    let mask: UInt16 = width == 1 ? 0xFF << UInt16((offset & 1) * 8) : .max
    switch offset & ~1 {
    case 0:
      if word & mask & 1 != 0 { cleared = Self.ticks(platform) }
      if width == 4 { enable = UInt16(truncatingIfNeeded: value >> 16) }
    case 2: enable = enable & ~mask | word & mask
    case 4:
      control = (control & ~mask | word & mask) & 0x1C07
      let sleeps = word & mask & 0x2000 != 0
      if sleeps, control & 0x1C00 == 0, platform.powerOff == nil { platform.powerOff = 0 }
    default: break
    }
  }

  public func save() -> [UInt64] {
    [UInt64(enable), UInt64(control), UInt64(apm[0]), UInt64(apm[1]), cleared]
  }

  public func restore(_ state: [UInt64]) {
    guard state.count == 5 else { return }
    enable = UInt16(truncatingIfNeeded: state[0])
    control = UInt16(truncatingIfNeeded: state[1])
    apm = [UInt8(truncatingIfNeeded: state[2]), UInt8(truncatingIfNeeded: state[3])]
    cleared = state[4]
  }
}
