/// One counter of the 8254, as a function of time: nothing happens between two looks at it.
///
/// Data sheet: Intel 8254, order number 231164. Times are in the counter's clock ticks.
struct I8254Counter: Equatable {
  private(set) var mode: UInt8 = 0
  /// Which bytes are written and read: 1 low, 2 high, 3 both.
  private var access: UInt8 = 3
  private var isBCD = false
  /// The count, 1…65536 (1…10000 in BCD).
  private var count: UInt64 = 65536
  /// A new count that takes over at a time (end of the period in modes 2 and 3).
  private var next: (count: UInt64, at: UInt64)?
  /// When the count was loaded; `nil` while the counter has not been started.
  private var start: UInt64?
  /// Ticks counted when the gate stopped the counter.
  private var paused: UInt64?
  private(set) var gate: Bool
  private var writtenLow: UInt8?
  private var readsHigh = false
  private var latched: UInt16?
  private var latchedStatus: UInt8?
  /// A count was written that has not been loaded yet.
  private var loadsAt: UInt64?

  init(gate: Bool) { self.gate = gate }

  static func == (left: I8254Counter, right: I8254Counter) -> Bool { left.words == right.words }

  private var modulus: UInt64 { isBCD ? 10000 : 65536 }
  private var isPeriodic: Bool { mode == 2 || mode == 3 }
  private var isTriggered: Bool { mode == 1 || mode == 5 }

  // MARK: Time

  /// Takes over a new count whose time has come.
  private mutating func settle(_ now: UInt64) {
    guard let new = next, now >= new.at else { return }
    count = new.count
    start = new.at
    next = nil
  }

  /// Ticks since the count was loaded.
  private func elapsed(_ now: UInt64) -> UInt64? {
    if let paused { return paused }
    guard let start, now >= start else { return nil }
    return now - start
  }

  /// The level of OUT.
  func output(_ now: UInt64) -> Bool {
    var copy = self
    copy.settle(now)
    return copy.settledOutput(now)
  }

  private func settledOutput(_ now: UInt64) -> Bool {
    guard let elapsed = elapsed(now) else { return mode != 0 }
    if isPeriodic, !gate { return true }
    switch mode {
    case 0: return elapsed >= count
    case 1: return elapsed >= count
    case 2: return elapsed % count != count - 1
    case 3: return elapsed % count < (count + 1) / 2
    default: return elapsed != count
    }
  }

  /// The next time after `now` at which OUT changes; `nil` if it never does by itself.
  func nextChange(_ now: UInt64) -> UInt64? {
    var copy = self
    copy.settle(now)
    guard let change = copy.settledChange(now) else { return next?.at }
    return next.map { $0.at > now ? min($0.at, change) : change } ?? change
  }

  private func settledChange(_ now: UInt64) -> UInt64? {
    guard paused == nil, let start else { return nil }
    if isPeriodic, !gate { return nil }
    guard now >= start else {
      switch mode {
      case 1: return start
      case 2: return count > 1 ? start + count - 1 : nil
      case 3: return count > 1 ? start + (count + 1) / 2 : nil
      default: return start + count
      }
    }
    let elapsed = now - start
    switch mode {
    case 0, 1: return elapsed < count ? start + count : nil
    case 2:
      guard count > 1 else { return nil }
      let phase = elapsed % count
      return now - phase + (phase < count - 1 ? count - 1 : count)
    case 3:
      guard count > 1 else { return nil }
      let phase = elapsed % count
      let half = (count + 1) / 2
      return now - phase + (phase < half ? half : count)
    default:
      if elapsed < count { return start + count }
      return elapsed == count ? now + 1 : nil
    }
  }

  /// The value of the counting element.
  private func value(_ now: UInt64) -> UInt16 {
    var copy = self
    copy.settle(now)
    return copy.settledValue(now)
  }

  private func settledValue(_ now: UInt64) -> UInt16 {
    let elapsed = elapsed(now) ?? 0
    var value: UInt64
    switch mode {
    case 2: value = count - elapsed % count
    case 3:
      // It counts by twos, and starts again for each half.
      let even = count & ~1
      let phase = elapsed % count
      let half = (count + 1) / 2
      value = even - 2 * min(phase < half ? phase : phase - half, even / 2)
      if value == 0 { value = even }
    default: value = (count + modulus - elapsed % modulus) % modulus
    }
    value %= modulus
    return isBCD ? Self.toBCD(value) : UInt16(truncatingIfNeeded: value)
  }

  private static func toBCD(_ value: UInt64) -> UInt16 {
    var rest = value
    var digits: UInt16 = 0
    for position in 0..<4 {
      digits |= UInt16(rest % 10) << UInt16(position * 4)
      rest /= 10
    }
    return digits
  }

  private func decode(_ raw: UInt16) -> UInt64 {
    guard isBCD else { return raw == 0 ? 65536 : UInt64(raw) }
    let digits = (0..<4).map { UInt64(raw >> UInt16($0 * 4)) & 15 }
    let value = digits[0] + digits[1] * 10 + digits[2] * 100 + digits[3] * 1000
    return value == 0 ? 10000 : value
  }

  // MARK: Programming

  /// A control word for this counter; not a latch command.
  mutating func control(_ word: UInt8) {
    access = word >> 4 & 3
    let number = word >> 1 & 7
    mode = number > 5 ? number & 3 : number
    isBCD = word & 1 != 0
    start = nil
    paused = nil
    next = nil
    loadsAt = nil
    writtenLow = nil
    readsHigh = false
    latched = nil
    latchedStatus = nil
  }

  mutating func latchCount(_ now: UInt64) {
    if latched == nil { latched = value(now) }
  }

  mutating func latchStatus(_ now: UInt64) {
    guard latchedStatus == nil else { return }
    let isNull = (start == nil && paused == nil) || (loadsAt.map { now < $0 } ?? false)
    latchedStatus =
      (output(now) ? 0x80 : 0) | (isNull ? 0x40 : 0) | access << 4 | mode << 1 | (isBCD ? 1 : 0)
  }

  mutating func write(_ byte: UInt8, _ now: UInt64) {
    settle(now)
    switch access {
    case 1: load(UInt16(byte), now)
    case 2: load(UInt16(byte) << 8, now)
    default:
      guard let low = writtenLow else {
        writtenLow = byte
        // The first byte stops a counter in mode 0.
        if mode == 0 {
          paused = nil
          start = nil
        }
        return
      }
      writtenLow = nil
      load(UInt16(low) | UInt16(byte) << 8, now)
    }
  }

  private mutating func load(_ raw: UInt16, _ now: UInt64) {
    let new = decode(raw)
    // The count goes into the counting element with the next clock pulse.
    let at = now + 1
    if isTriggered {
      // It waits for the gate; a running one-shot is not affected.
      if start == nil { count = new } else { next = nil }
      count = new
      loadsAt = nil
      return
    }
    loadsAt = at
    if isPeriodic, let start, now >= start, gate {
      next = (new, start + ((now - start) / count + 1) * count)
      return
    }
    count = new
    next = nil
    if gate {
      start = at
      paused = nil
    } else {
      start = nil
      paused = isPeriodic ? nil : 0
    }
    if isPeriodic, !gate { start = at }
  }

  mutating func read(_ now: UInt64) -> UInt8 {
    settle(now)
    if let status = latchedStatus {
      latchedStatus = nil
      return status
    }
    let value = latched ?? value(now)
    switch access {
    case 1:
      latched = nil
      return UInt8(truncatingIfNeeded: value)
    case 2:
      latched = nil
      return UInt8(truncatingIfNeeded: value >> 8)
    default:
      readsHigh.toggle()
      if readsHigh { return UInt8(truncatingIfNeeded: value) }
      latched = nil
      return UInt8(truncatingIfNeeded: value >> 8)
    }
  }

  mutating func setGate(_ level: Bool, _ now: UInt64) {
    settle(now)
    guard level != gate else { return }
    let rises = level
    switch mode {
    case 0, 4:
      if rises {
        if let paused { start = now + 1 - paused }
        paused = nil
      } else if let start {
        paused = now >= start ? now - start : 0
        self.start = nil
      }
    case 1, 5: if rises { start = now + 1 }
    default: if rises, start != nil { start = now + 1 }
    }
    gate = level
  }

  // MARK: State

  static let wordCount = 15

  var words: [UInt64] {
    func optional(_ value: UInt64?) -> UInt64 { value ?? .max }
    return [
      UInt64(mode), UInt64(access), isBCD ? 1 : 0, count, optional(next?.count), optional(next?.at),
      optional(start), optional(paused), gate ? 1 : 0, optional(writtenLow.map(UInt64.init)),
      readsHigh ? 1 : 0, optional(latched.map(UInt64.init)), optional(latchedStatus.map(UInt64.init)),
      optional(loadsAt), 0,
    ]
  }

  mutating func restore(_ words: ArraySlice<UInt64>) {
    guard words.count == Self.wordCount else { return }
    let word = Array(words)
    func optional(_ index: Int) -> UInt64? { word[index] == .max ? nil : word[index] }
    mode = UInt8(min(word[0], 5))
    access = UInt8(word[1] & 3)
    isBCD = word[2] != 0
    count = min(max(word[3], 1), 65536)
    next = optional(4).flatMap { count in optional(5).map { (min(max(count, 1), 65536), $0) } }
    start = optional(6)
    paused = optional(7)
    gate = word[8] != 0
    writtenLow = optional(9).map { UInt8(truncatingIfNeeded: $0) }
    readsHigh = word[10] != 0
    latched = optional(11).map { UInt16(truncatingIfNeeded: $0) }
    latchedStatus = optional(12).map { UInt8(truncatingIfNeeded: $0) }
    loadsAt = optional(13)
  }
}
