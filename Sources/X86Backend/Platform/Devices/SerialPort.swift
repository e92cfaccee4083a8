public import MachineCore

/// A serial line in the manner of the National 16550, with infinite speed.
///
/// Interrupts go out on a line, if it has one, while OUT2 is set, as on PCs. What is written to the transmit register goes to the platform's console; received bytes come from
/// the input that the device was made with.
public final class SerialPort: Device {
  public let name = "serial"
  private let input: [UInt8]
  private var next = 0
  private var interruptEnable: UInt8 = 0
  private var lineControl: UInt8 = 0
  private var modemControl: UInt8 = 0
  private var scratch: UInt8 = 0
  private var divisor: UInt16 = 1
  private var fifoEnabled = false
  private var loopback: [UInt8] = []
  private let line: Int?
  /// The transmitter has become empty since that was last told.
  private var isEmptied = false
  private var level = false

  /// A serial line that will receive `input`.
  ///
  /// - Parameter line: the interrupt line; `nil` for none.
  public init(input: [UInt8] = [], line: Int? = nil) {
    self.input = input
    self.line = line
  }

  /// The reason for an interrupt, as the identification register tells it; 1 for none.
  private var interruptReason: UInt8 {
    if interruptEnable & 1 != 0, hasInput { return 0x04 }
    if interruptEnable & 2 != 0, isEmptied { return 0x02 }
    return 0x01
  }

  private func drive(_ platform: Platform) {
    guard let line else { return }
    let isRequested = interruptReason != 1 && modemControl & 0x18 == 0x08
    guard isRequested != level else { return }
    level = isRequested
    platform.setLine(line, level)
  }

  /// Register offsets from the first port.
  private enum Offset {
    static let data: UInt64 = 0
    static let interruptEnable: UInt64 = 1
    static let identification: UInt64 = 2
    static let lineControl: UInt64 = 3
    static let modemControl: UInt64 = 4
    static let lineStatus: UInt64 = 5
    static let modemStatus: UInt64 = 6
    static let scratch: UInt64 = 7
  }

  private var divisorLatched: Bool { lineControl & 0x80 != 0 }
  private var loopsBack: Bool { modemControl & 0x10 != 0 }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    // A wider access reads neighbouring registers, lowest port first, as an ISA bus splits it.
    var value: UInt64 = 0
    for index in 0..<UInt64(max(width, 1)) where index < 8 {
      value |= UInt64(readRegister(offset &+ index)) << (index * 8)
    }
    drive(platform)
    return value
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    for index in 0..<UInt64(max(width, 1)) where index < 8 {
      writeRegister(offset &+ index, UInt8(truncatingIfNeeded: value >> (index * 8)), on: platform)
    }
    drive(platform)
  }

  private func readRegister(_ offset: UInt64) -> UInt8 {
    switch offset {
    case Offset.data:
      if divisorLatched { return UInt8(truncatingIfNeeded: divisor) }
      return receive()
    case Offset.interruptEnable:
      return divisorLatched ? UInt8(truncatingIfNeeded: divisor >> 8) : interruptEnable
    case Offset.identification:
      // Bit 0 set: no interrupt pending; bits 6–7: the queues are on. Telling of the empty transmitter is all
      // that this reason needs.
      let reason = line == nil ? 1 : interruptReason
      if reason == 0x02 { isEmptied = false }
      return (fifoEnabled ? 0xC0 : 0) | reason
    case Offset.lineControl: return lineControl
    case Offset.modemControl: return modemControl
    case Offset.lineStatus:
      // Transmitter empty and holding register empty always; bit 0 when a byte waits.
      return 0x60 | (hasInput ? 0x01 : 0)
    case Offset.modemStatus:
      // In loopback the four outputs come back as inputs; else carrier, ready and clear to send.
      guard loopsBack else { return 0xB0 }
      let out = modemControl
      return (out & 0x02) << 3 | (out & 0x01) << 5 | (out & 0x04) << 4 | (out & 0x08) << 4
    case Offset.scratch: return scratch
    default: return 0xFF
    }
  }

  private func writeRegister(_ offset: UInt64, _ value: UInt8, on platform: Platform) {
    switch offset {
    case Offset.data:
      if divisorLatched {
        divisor = (divisor & 0xFF00) | UInt16(value)
      } else {
        if !loopsBack {
          platform.putConsole(value)
        } else if loopback.count < 16 {
          loopback.append(value)
        }
        // The byte is gone at once: the line falls, if this held it, and rises again.
        isEmptied = false
        drive(platform)
        isEmptied = true
      }
    case Offset.interruptEnable:
      if divisorLatched {
        divisor = (divisor & 0x00FF) | UInt16(value) << 8
      } else {
        // Switching the interrupt on tells of a transmitter that is empty already.
        if value & ~interruptEnable & 2 != 0 { isEmptied = true }
        interruptEnable = value & 0x0F
      }
    case Offset.identification:
      fifoEnabled = value & 1 != 0
      if value & 2 != 0 { loopback.removeAll() }
    case Offset.lineControl: lineControl = value
    case Offset.modemControl: modemControl = value & 0x1F
    case Offset.scratch: scratch = value
    default: break
    }
  }

  private var hasInput: Bool { loopsBack ? !loopback.isEmpty : next < input.count }

  private func receive() -> UInt8 {
    guard hasInput else { return 0 }
    if loopsBack { return loopback.removeFirst() }
    next += 1
    return input[next - 1]
  }

  public func save() -> [UInt64] {
    [
      UInt64(next), UInt64(interruptEnable), UInt64(lineControl), UInt64(modemControl), UInt64(scratch),
      UInt64(divisor), fifoEnabled ? 1 : 0, isEmptied ? 1 : 0, level ? 1 : 0,
    ] + loopback.map(UInt64.init)
  }

  public func restore(_ state: [UInt64]) {
    guard state.count >= 9 else { return }
    next = min(Int(truncatingIfNeeded: state[0] & 0x7FFF_FFFF), input.count)
    interruptEnable = UInt8(truncatingIfNeeded: state[1])
    lineControl = UInt8(truncatingIfNeeded: state[2])
    modemControl = UInt8(truncatingIfNeeded: state[3])
    scratch = UInt8(truncatingIfNeeded: state[4])
    divisor = UInt16(truncatingIfNeeded: state[5])
    fifoEnabled = state[6] != 0
    isEmptied = state[7] != 0
    level = state[8] != 0
    loopback = state.dropFirst(9).prefix(16).map { UInt8(truncatingIfNeeded: $0) }
  }
}
