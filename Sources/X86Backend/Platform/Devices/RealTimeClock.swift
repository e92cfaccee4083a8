public import MachineCore

/// The MC146818 clock of a PC/AT with 128 bytes of battery-backed memory, in virtual time.
///
/// | offset | register |
/// |---|---|
/// | 0 | index, write only (bit 7, the NMI mask, has no effect) |
/// | 1 | data |
///
/// Data sheet: Motorola MC146818. It drives interrupt line 8. A second is
/// ``X86Layout/instructionsPerSecond`` instructions of virtual time.
public final class RealTimeClock: Device {
  public let name = "clock"
  private let line: Int
  /// Registers and memory; the time in them is only true while it stands still.
  private var bytes = [UInt8](repeating: 0, count: 128)
  private var index: UInt8 = 0
  /// Seconds of the calendar at the virtual time `since`.
  private var seconds: Int
  private var since: UInt64 = 0
  /// Virtual time of the last look for periodic and update events.
  private var lookedAt: UInt64 = 0
  private var level = false

  private enum Register {
    static let a = 0x0A, b = 0x0B, c = 0x0C, d = 0x0D, century = 0x32
  }
  private static let second = X86Layout.instructionsPerSecond

  /// A clock that shows `date` when the machine is switched on.
  ///
  /// - Parameter contents: the rest of the memory, by address (0x0E…0x7F).
  public init(date: CivilDate, contents: [UInt8: UInt8] = [:], line: Int = 8) {
    self.line = line
    seconds = date.seconds
    // 32,768 Hz time base, 1024 Hz periodic rate; 24 hours, BCD; battery good.
    bytes[Register.a] = 0x26
    bytes[Register.b] = 0x02
    bytes[Register.d] = 0x80
    for (address, value) in contents where address >= 0x0E && address < 0x80 { bytes[Int(address)] = value }
    let sum = bytes[0x10...0x2D].reduce(UInt16(0)) { $0 &+ UInt16($1) }
    bytes[0x2E] = UInt8(sum >> 8)
    bytes[0x2F] = UInt8(sum & 0xFF)
  }

  // MARK: Time

  private var isSet: Bool { bytes[Register.b] & 0x80 != 0 }
  private var isRunning: Bool { bytes[Register.a] & 0x70 == 0x20 && !isSet }
  private func secondsPassed(_ now: UInt64) -> UInt64 {
    isRunning ? (now - min(since, now)) / Self.second : 0
  }

  private func encode(_ value: Int) -> UInt8 {
    bytes[Register.b] & 4 != 0 ? UInt8(value) : UInt8((value / 10) << 4 | value % 10)
  }

  private func decode(_ value: UInt8) -> Int {
    bytes[Register.b] & 4 != 0 ? Int(value) : Int(value >> 4) * 10 + Int(value & 15)
  }

  private func encodeHour(_ hour: Int) -> UInt8 {
    if bytes[Register.b] & 2 != 0 { return encode(hour) }
    return encode((hour + 11) % 12 + 1) | (hour >= 12 ? 0x80 : 0)
  }

  private func decodeHour(_ value: UInt8) -> Int {
    if bytes[Register.b] & 2 != 0 { return decode(value) }
    return decode(value & 0x7F) % 12 + (value & 0x80 != 0 ? 12 : 0)
  }

  private func fill(_ date: CivilDate) {
    bytes[0] = encode(date.second)
    bytes[2] = encode(date.minute)
    bytes[4] = encodeHour(date.hour)
    bytes[6] = encode(date.weekday)
    bytes[7] = encode(date.day)
    bytes[8] = encode(date.month)
    bytes[9] = encode(date.year % 100)
    bytes[Register.century] = UInt8((date.year / 1000) << 4 | date.year / 100 % 10)
  }

  private var shownDate: CivilDate {
    let century = Int(bytes[Register.century] >> 4) * 10 + Int(bytes[Register.century] & 15)
    return CivilDate(
      year: century * 100 + decode(bytes[9]), month: min(max(decode(bytes[8]), 1), 12),
      day: min(max(decode(bytes[7]), 1), 31), hour: decodeHour(bytes[4]), minute: decode(bytes[2]),
      second: decode(bytes[0]))
  }

  /// Moves the calendar up to now and shows it.
  private func update(_ now: UInt64) {
    guard isRunning else {
      since = now
      return
    }
    let passed = secondsPassed(now)
    seconds += Int(clamping: passed)
    since &+= passed &* Self.second
    fill(CivilDate(seconds: seconds))
  }

  // MARK: Events

  /// Periodic events a second; 0 for none.
  private var frequency: UInt64 {
    let rate = bytes[Register.a] & 15
    guard rate > 0, bytes[Register.a] & 0x70 == 0x20 else { return 0 }
    return 32768 >> UInt64(rate <= 2 ? rate + 6 : rate - 1)
  }

  private func periods(_ time: UInt64) -> UInt64 {
    let (high, low) = time.multipliedFullWidth(by: frequency)
    return high < Self.second ? Self.second.dividingFullWidth((high, low)).quotient : .max
  }

  private func matchesAlarm(_ date: CivilDate) -> Bool {
    func matches(_ alarm: UInt8, _ value: UInt8) -> Bool { alarm & 0xC0 == 0xC0 || alarm == value }
    return matches(bytes[1], encode(date.second)) && matches(bytes[3], encode(date.minute))
      && matches(bytes[5], encodeHour(date.hour))
  }

  /// Sets the flags of what has happened since the last look, and drives the line.
  private func look(_ platform: Platform) {
    let now = platform.now
    if now > lookedAt {
      if frequency > 0, periods(now) > periods(lookedAt) { bytes[Register.c] |= 0x40 }
      if isRunning {
        let before = lookedAt > since ? (lookedAt - since) / Self.second : 0
        let after = secondsPassed(now)
        if after > before {
          bytes[Register.c] |= 0x10
          // An alarm recurs at least daily; nothing is gained by looking further back.
          for step in (before + 1)...max(min(after, before + 86400), before + 1)
          where matchesAlarm(CivilDate(seconds: seconds + Int(clamping: step))) {
            bytes[Register.c] |= 0x20
            break
          }
        }
      }
      lookedAt = now
    }
    drive(platform)
  }

  private func drive(_ platform: Platform) {
    let isRequested = bytes[Register.c] & bytes[Register.b] & 0x70 != 0
    if isRequested { bytes[Register.c] |= 0x80 } else { bytes[Register.c] &= 0x7F }
    guard isRequested != level else { return }
    level = isRequested
    platform.setLine(line, level)
  }

  public var deadline: UInt64? {
    guard !level else { return nil }
    var due: UInt64?
    if bytes[Register.b] & 0x40 != 0, frequency > 0 {
      // The first time at which one more period is complete.
      let next = periods(lookedAt) &+ 1
      let (high, low) = next.multipliedFullWidth(by: Self.second)
      due = high < frequency ? frequency.dividingFullWidth((high, low &+ 0)).quotient : .max
      if let time = due, periods(time) < next { due = time &+ 1 }
    }
    if bytes[Register.b] & 0x30 != 0, isRunning {
      let passed = lookedAt > since ? (lookedAt - since) / Self.second : 0
      let next = since &+ (passed &+ 1) &* Self.second
      due = min(due ?? .max, next)
    }
    return due
  }

  public func tick(on platform: Platform) { look(platform) }

  // MARK: Access

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    guard offset & 1 == 1 else { return 0xFF }
    look(platform)
    update(platform.now)
    let address = Int(index & 0x7F)
    switch address {
    case Register.a:
      // Update in progress for the last two milliseconds of each second.
      let phase = isRunning ? platform.now - min(since, platform.now) : 0
      return UInt64(bytes[address] & 0x7F) | (phase > Self.second - Self.second / 500 ? 0x80 : 0)
    case Register.c:
      let flags = bytes[address]
      bytes[address] = 0
      drive(platform)
      return UInt64(flags)
    default: return UInt64(bytes[address])
    }
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    let byte = UInt8(truncatingIfNeeded: value)
    guard offset & 1 == 1 else {
      index = byte
      return
    }
    look(platform)
    update(platform.now)
    let address = Int(index & 0x7F)
    switch address {
    case Register.c, Register.d: return
    case Register.a: bytes[address] = byte & 0x7F
    case Register.b:
      let wasSet = isSet
      bytes[address] = byte
      if byte & 0x80 != 0 { bytes[address] &= ~0x10 }
      if wasSet, !isSet { restart(platform.now) }
      lookedAt = platform.now
    case 0, 2, 4, 6, 7, 8, 9, Register.century:
      bytes[address] = byte
      if !isSet { restart(platform.now) }
    default: bytes[address] = byte
    }
    drive(platform)
  }

  /// Goes on from what the registers show.
  private func restart(_ now: UInt64) {
    seconds = shownDate.seconds
    since = now
    lookedAt = now
  }

  public func save() -> [UInt64] {
    bytes.map(UInt64.init) + [
      UInt64(index), UInt64(bitPattern: Int64(seconds)), since, lookedAt, level ? 1 : 0,
    ]
  }

  public func restore(_ state: [UInt64]) {
    guard state.count == 133 else { return }
    bytes = state.prefix(128).map { UInt8(truncatingIfNeeded: $0) }
    index = UInt8(truncatingIfNeeded: state[128])
    seconds = Int(clamping: Int64(bitPattern: state[129]))
    since = state[130]
    lookedAt = state[131]
    level = state[132] != 0
  }
}
