/// Cuts the bytes of a gdb remote connection into packets; any bytes at all may come.
///
/// A packet is `$`, data, `#`, and the sum of the data's bytes in two hexadecimal digits; in data `}` stands before a
/// byte that is XORed with 0x20. Outside of packets 0x03 asks to stop (GDB manual, appendix E.1).
public struct PacketReader: Sendable {
  /// What the bytes were.
  public enum Event: Sendable, Equatable {
    /// A whole packet's data.
    case packet([UInt8])
    /// A packet whose sum is wrong, or that is too long.
    case damaged
    /// Ctrl-C.
    case interrupt
    /// `+` or `-`.
    case acknowledgement(Bool)
  }

  /// The most bytes of data in a packet.
  public static let limit = 0x4000

  private enum Place { case outside, data, escape, firstDigit, secondDigit }
  private var place = Place.outside
  private var data: [UInt8] = []
  private var sum: UInt8 = 0
  private var digit: UInt8?
  private var isTooLong = false

  /// A reader at the beginning of a connection.
  public init() {}

  /// Takes a byte; an event, if it completes one.
  public mutating func take(_ byte: UInt8) -> Event? {
    switch place {
    case .outside:
      switch byte {
      case UInt8(ascii: "$"): begin()
      case 0x03: return .interrupt
      case UInt8(ascii: "+"): return .acknowledgement(true)
      case UInt8(ascii: "-"): return .acknowledgement(false)
      default: break
      }
    case .data:
      switch byte {
      case UInt8(ascii: "#"): place = .firstDigit
      // A packet that was cut off: a new one begins.
      case UInt8(ascii: "$"): begin()
      case UInt8(ascii: "}"):
        sum &+= byte
        place = .escape
      default:
        sum &+= byte
        add(byte)
      }
    case .escape:
      sum &+= byte
      add(byte ^ 0x20)
      place = .data
    case .firstDigit:
      digit = Hexadecimal.value(byte)
      place = .secondDigit
    case .secondDigit:
      place = .outside
      guard let digit, let low = Hexadecimal.value(byte), digit << 4 | low == sum, !isTooLong else {
        return .damaged
      }
      return .packet(data)
    }
    return nil
  }

  private mutating func begin() {
    place = .data
    data.removeAll(keepingCapacity: true)
    sum = 0
    isTooLong = false
  }

  private mutating func add(_ byte: UInt8) {
    guard data.count < Self.limit else {
      isTooLong = true
      return
    }
    data.append(byte)
  }

  /// A packet with this data, escaped.
  public static func packet(_ data: some Sequence<UInt8>) -> [UInt8] {
    var bytes = [UInt8(ascii: "$")]
    var sum: UInt8 = 0
    for byte in data {
      let needsEscape = [0x23, 0x24, 0x7D, 0x2A].contains(byte)
      for part in needsEscape ? [0x7D, byte ^ 0x20] : [byte] {
        sum &+= part
        bytes.append(part)
      }
    }
    return bytes + [UInt8(ascii: "#")] + Hexadecimal.text([sum])
  }
}

/// Hexadecimal digits as the protocol has them.
enum Hexadecimal {
  private static let digits = Array("0123456789abcdef".utf8)

  static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x61 + 10
    case 0x41...0x46: digit - 0x41 + 10
    default: nil
    }
  }

  /// Two digits for each byte.
  static func text(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  /// The bytes of pairs of digits; `nil` for anything else.
  static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in text {
      guard let value = value(digit) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }

  /// A number of up to sixteen digits.
  static func number(_ text: some Collection<UInt8>) -> UInt64? {
    guard !text.isEmpty, text.count <= 16 else { return nil }
    var number: UInt64 = 0
    for digit in text {
      guard let value = value(digit) else { return nil }
      number = number << 4 | UInt64(value)
    }
    return number
  }
}
