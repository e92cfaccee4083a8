import MachineCore
import Testing
import X86Backend

/// The 8254 against its data sheet; times are in its own ticks.
@Suite struct IntervalTimerTests {
  private static let rate = X86Layout.instructionsPerTimerTick

  /// Counts the edges of interrupt line 0.
  private final class Edges: InterruptController {
    var level = false
    var rises: [UInt64] = []
    func setLine(_ line: Int, _ new: Bool, on platform: Platform) {
      if new, !level { rises.append(platform.now / IntervalTimerTests.rate) }
      level = new
    }
    func acknowledge(on platform: Platform) -> Interrupt { Interrupt(cause: 0, line: 0) }
  }

  private let platform: Platform
  private let edges = Edges()
  private let timer = I8254Timer()

  init() throws {
    platform = Platform(memory: try GuestMemory(size: 4096))
    platform.install(edges)
    try platform.attach(timer, .port, at: 0x40..<0x44)
    try platform.attach(SystemControlB(timer: timer), .port, at: 0x61..<0x62)
  }

  private func out(_ port: UInt64, _ value: UInt64) { platform.write(.port, port, value, width: 1) }
  private func read(_ port: UInt64) -> UInt64 { platform.read(.port, port, width: 1) }
  private func read16(_ port: UInt64) -> UInt64 { read(port) | read(port) << 8 }

  private func program(_ counter: UInt64, mode: UInt64, _ count: UInt64, bcd: Bool = false) {
    out(0x43, counter << 6 | 0x30 | mode << 1 | (bcd ? 1 : 0))
    out(0x40 + counter, count & 0xFF)
    // The control word itself makes the output high in all modes but 0.
    edges.rises = []
    out(0x40 + counter, count >> 8)
  }

  /// Lets so many ticks pass, with everything on the way.
  private func pass(_ ticks: UInt64) {
    let end = platform.retired + ticks * Self.rate
    while platform.deadline <= end {
      platform.retired = max(platform.retired, platform.deadline)
      platform.advance()
    }
    platform.retired = end
  }

  private func output2() -> Bool { read(0x61) & 0x20 != 0 }

  @Test func mode0GoesHighOnce() {
    program(0, mode: 0, 10)
    pass(100)
    // The count is loaded a tick after it was written.
    #expect(edges.rises == [11])
    out(0x43, 0)
    #expect(read16(0x40) == 0x10000 - 89, "it counts on past zero")
  }

  @Test func mode1WaitsForTheGate() {
    program(2, mode: 1, 10)
    pass(5)
    #expect(output2())
    out(0x61, 1)
    pass(1)
    #expect(!output2())
    pass(9)
    #expect(!output2())
    pass(1)
    #expect(output2())
    // It can be triggered again.
    out(0x61, 0)
    out(0x61, 1)
    pass(1)
    #expect(!output2())
  }

  @Test func mode2DividesByTheCount() {
    program(0, mode: 2, 100)
    pass(450)
    #expect(edges.rises == [101, 201, 301, 401])
    #expect(edges.level)
  }

  @Test func mode3IsHighForHalfThePeriod() {
    program(2, mode: 3, 7)
    out(0x61, 1)
    pass(1)
    let levels = (0..<14).map { _ in
      defer { pass(1) }
      return output2()
    }
    // Odd counts: one tick more high than low.
    #expect(
      levels == [true, true, true, true, false, false, false, true, true, true, true, false, false, false])
  }

  @Test func mode3CountsByTwos() {
    program(0, mode: 3, 100)
    pass(1)
    let values = (0..<4).map { _ in
      out(0x43, 0)
      defer { pass(1) }
      return read16(0x40)
    }
    #expect(values == [100, 98, 96, 94])
  }

  @Test func mode4StrobesForOneTick() {
    program(0, mode: 4, 10)
    pass(11)
    #expect(!edges.level)
    pass(1)
    #expect(edges.level)
    pass(100_000)
    #expect(edges.rises == [12])
  }

  @Test func mode5StrobesAfterTheGate() {
    program(2, mode: 5, 3)
    pass(10)
    #expect(output2())
    out(0x61, 1)
    pass(4)
    #expect(!output2())
    pass(1)
    #expect(output2())
  }

  @Test func theGateStopsMode0() {
    program(2, mode: 0, 10)
    pass(20)
    #expect(!output2())
    out(0x61, 1)
    pass(5)
    out(0x61, 0)
    pass(50)
    #expect(!output2())
    out(0x61, 1)
    pass(7)
    #expect(output2())
  }

  @Test func latchesHoldUntilRead() {
    program(0, mode: 2, 1000)
    pass(11)
    out(0x43, 0)
    pass(50)
    out(0x43, 0)
    #expect(read16(0x40) == 990, "the second latch is ignored")
    #expect(read16(0x40) == 940)
  }

  @Test func readBackGivesStatusThenCount() {
    out(0x43, 0x34)
    out(0x43, 0xE2)
    #expect(read(0x40) == 0xF4, "high, no count yet, both bytes, mode 2")
    out(0x40, 0xE8)
    out(0x40, 0x03)
    pass(2)
    out(0x43, 0xC2)
    #expect(read(0x40) == 0xB4)
    #expect(read16(0x40) == 999)
  }

  @Test func bcdCountsInDecimals() {
    program(0, mode: 2, 0x1000, bcd: true)
    pass(2)
    out(0x43, 0)
    #expect(read16(0x40) == 0x999)
    pass(2000)
    #expect(edges.rises == [1001, 2001])
  }

  @Test func countZeroIsTheLargest() {
    program(0, mode: 2, 0)
    pass(140_000)
    #expect(edges.rises == [65537, 131_073])
  }

  @Test func aNewCountWaitsForTheEndOfThePeriod() {
    program(0, mode: 2, 100)
    pass(150)
    out(0x40, 50)
    out(0x40, 0)
    pass(200)
    #expect(edges.rises == [101, 201, 251, 301])
  }

  @Test func oneByteAccess() {
    out(0x43, 0x14)
    edges.rises = []
    out(0x40, 20)
    pass(50)
    #expect(edges.rises == [21, 41])
    out(0x43, 0x00)
    #expect(read(0x40) == 11)
  }

  @Test func stateComesBackWhole() {
    program(0, mode: 3, 500)
    program(2, mode: 1, 30)
    out(0x61, 1)
    pass(77)
    out(0x43, 0xC4)
    let state = platform.save()
    let device = timer.save()
    let level = edges.level
    edges.rises = []
    pass(1000)
    let rises = edges.rises
    program(0, mode: 0, 3)
    platform.restore(state)
    #expect(timer.save() == device)
    edges.level = level
    edges.rises = []
    pass(1000)
    #expect(edges.rises == rises)
    #expect(rises.count == 2)
  }
}
