public import MachineCore

/// A serial line in the manner of the National 16550, without interrupts and with infinite speed.
///
/// What is written to the transmit register goes to the platform's console; received bytes come from
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

  /// A line that will receive `input`.
  public init(input: [UInt8] = []) {
    self.input = input
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
    return value
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    for index in 0..<UInt64(max(width, 1)) where index < 8 {
      writeRegister(offset &+ index, UInt8(truncatingIfNeeded: value >> (index * 8)), on: platform)
    }
  }

  private func readRegister(_ offset: UInt64) -> UInt8 {
    switch offset {
    case Offset.data:
      if divisorLatched { return UInt8(truncatingIfNeeded: divisor) }
      return receive()
    case Offset.interruptEnable:
      return divisorLatched ? UInt8(truncatingIfNeeded: divisor >> 8) : interruptEnable
    case Offset.identification:
      // Bit 0 set: no interrupt pending; bits 6–7: the queues are on.
      return fifoEnabled ? 0xC1 : 0x01
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
      } else if loopsBack {
        if loopback.count < 16 { loopback.append(value) }
      } else {
        platform.putConsole(value)
      }
    case Offset.interruptEnable:
      if divisorLatched {
        divisor = (divisor & 0x00FF) | UInt16(value) << 8
      } else {
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
      UInt64(divisor), fifoEnabled ? 1 : 0,
    ] + loopback.map(UInt64.init)
  }

  public func restore(_ state: [UInt64]) {
    guard state.count >= 7 else { return }
    next = min(Int(truncatingIfNeeded: state[0] & 0x7FFF_FFFF), input.count)
    interruptEnable = UInt8(truncatingIfNeeded: state[1])
    lineControl = UInt8(truncatingIfNeeded: state[2])
    modemControl = UInt8(truncatingIfNeeded: state[3])
    scratch = UInt8(truncatingIfNeeded: state[4])
    divisor = UInt16(truncatingIfNeeded: state[5])
    fifoEnabled = state[6] != 0
    loopback = state.dropFirst(7).prefix(16).map { UInt8(truncatingIfNeeded: $0) }
  }
}
