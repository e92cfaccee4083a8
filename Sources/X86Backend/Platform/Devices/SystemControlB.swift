public import MachineCore

/// Port 61h of a PC/AT: the gate of timer 2 and the speaker, and what they do.
///
/// Bit 0 gate of counter 2, bit 1 speaker on, bits 2–3 parity and channel check off; read only: bit 4
/// toggles with memory refresh (every 15 µs, 18 timer ticks), bit 5 the output of counter 2.
public final class SystemControlB: Device {
  public let name = "system control"
  private let timer: I8254Timer
  private var control: UInt8 = 0

  /// The port, on the timer whose counter 2 it gates.
  public init(timer: I8254Timer) { self.timer = timer }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    let refresh = platform.now / X86Layout.instructionsPerTimerTick / 18 & 1
    return UInt64(control) | refresh << 4 | (timer.speakerOutput(platform) ? 0x20 : 0)
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    control = UInt8(truncatingIfNeeded: value) & 0x0F
    timer.setSpeakerGate(control & 1 != 0, platform)
  }

  public func save() -> [UInt64] { [UInt64(control)] }
  public func restore(_ state: [UInt64]) {
    if state.count == 1 { control = UInt8(truncatingIfNeeded: state[0]) & 0x0F }
  }
}
