public import MachineCore

/// The Intel 8254 interval timer of a PC: counter 0 drives interrupt line 0, counter 2 the speaker.
///
/// | offset | register |
/// |---|---|
/// | 0…2 | counters |
/// | 3 | control word |
///
/// One tick of its clock is ``X86Layout/instructionsPerTimerTick`` instructions of virtual time.
public final class I8254Timer: Device {
  public let name = "8254"
  private var counters = [
    I8254Counter(gate: true), I8254Counter(gate: true), I8254Counter(gate: false),
  ]
  private let line: Int
  private var level = false
  private var due: UInt64?

  /// A timer whose counter 0 drives an interrupt line.
  public init(line: Int = 0) { self.line = line }

  private static let rate = X86Layout.instructionsPerTimerTick

  private func tick(_ platform: Platform) -> UInt64 { platform.now / Self.rate }

  public var deadline: UInt64? { due }

  public func tick(on platform: Platform) { update(platform) }

  /// Drives the interrupt line as counter 0 has it now, and finds out when it changes.
  private func update(_ platform: Platform) {
    let now = tick(platform)
    let new = counters[0].output(now)
    if new != level {
      level = new
      platform.setLine(line, new)
    } else if let passed = due, passed <= platform.now, new {
      // A whole pulse lies between two looks: the line has fallen and risen.
      platform.setLine(line, false)
      platform.setLine(line, true)
    }
    due = counters[0].nextChange(now).map { $0 &* Self.rate }
  }

  /// The level of counter 2's output, which port 61h shows.
  func speakerOutput(_ platform: Platform) -> Bool { counters[2].output(tick(platform)) }

  /// The gate of counter 2, which port 61h drives.
  func setSpeakerGate(_ level: Bool, _ platform: Platform) { counters[2].setGate(level, tick(platform)) }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    update(platform)
    guard offset < 3 else { return 0xFF }
    return UInt64(counters[Int(offset)].read(tick(platform)))
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    update(platform)
    let byte = UInt8(truncatingIfNeeded: value)
    let now = tick(platform)
    if offset < 3 {
      counters[Int(offset)].write(byte, now)
    } else if byte >> 6 == 3 {
      // Read-back: bits 4 and 5 are zero for what is to be latched.
      for number in 0..<3 where byte >> UInt8(number + 1) & 1 != 0 {
        if byte & 0x10 == 0 { counters[number].latchStatus(now) }
        if byte & 0x20 == 0 { counters[number].latchCount(now) }
      }
    } else if byte >> 4 & 3 == 0 {
      counters[Int(byte >> 6)].latchCount(now)
    } else {
      counters[Int(byte >> 6)].control(byte)
    }
    due = nil
    update(platform)
  }

  public func save() -> [UInt64] { counters.flatMap(\.words) + [level ? 1 : 0, due ?? .max] }

  public func restore(_ state: [UInt64]) {
    let size = I8254Counter.wordCount
    guard state.count == 3 * size + 2 else { return }
    for number in 0..<3 { counters[number].restore(state[number * size..<(number + 1) * size]) }
    level = state[3 * size] != 0
    due = state[3 * size + 1] == .max ? nil : state[3 * size + 1]
  }
}
