import MachineCore
import Testing
import X86Backend

/// The 8259A pair against its data sheet.
@Suite struct InterruptControllerTests {
  let platform: Platform
  let pair = I8259Pair()

  init() throws {
    platform = Platform(memory: try GuestMemory(size: 4096))
    platform.install(pair)
    try platform.attach(pair, .port, at: 0x20..<0x22)
    try platform.attach(DeviceWindow(pair, from: 2), .port, at: 0xA0..<0xA2)
    try platform.attach(DeviceWindow(pair, from: 4), .port, at: 0x4D0..<0x4D2)
  }

  private func out(_ port: UInt64, _ value: UInt64) { platform.write(.port, port, value, width: 1) }
  private func read(_ port: UInt64) -> UInt64 { platform.read(.port, port, width: 1) }

  /// ICW1 to ICW4: vectors 0x20 and 0x28, slave on 2, all inputs open.
  private func initialize(icw4: UInt64 = 1) {
    for (port, base, wiring) in [(UInt64(0x20), UInt64(0x20), UInt64(4)), (0xA0, 0x28, 2)] {
      out(port, 0x11)
      out(port + 1, base)
      out(port + 1, wiring)
      out(port + 1, icw4)
    }
  }

  private func take() -> UInt64? { platform.pending != 0 ? platform.takeInterrupt(causeBase: 0).cause : nil }

  @Test func lowerLinesComeFirstAndHoldOthersOff() {
    initialize()
    platform.setLine(4, true)
    platform.setLine(1, true)
    #expect(take() == 0x21)
    #expect(platform.pending == 0, "4 is held off while 1 is in service")
    out(0x20, 0x0B)
    #expect(read(0x20) == 0x02, "in-service register")
    out(0x20, 0x0A)
    #expect(read(0x20) == 0x10, "interrupt request register")
    out(0x20, 0x20)
    #expect(take() == 0x24)
    // A higher one interrupts a lower one's handler.
    platform.setLine(0, true)
    #expect(take() == 0x20)
  }

  @Test func theSlaveCascadesAndHasItsOwnEnd() {
    initialize()
    platform.setLine(14, true)
    #expect(take() == 0x2E)
    platform.setLine(8, true)
    #expect(platform.pending == 0, "the master holds input 2 off until its end of interrupt")
    out(0x20, 0x62)
    #expect(take() == 0x28, "8 is above 14")
    out(0xA0, 0x20)
    out(0xA0, 0x20)
    out(0x20, 0x62)
    out(0xA0, 0x0B)
    #expect(read(0xA0) == 0)
  }

  @Test func specialFullyNestedModeLetsTheSlaveThrough() {
    initialize(icw4: 0x11)
    platform.setLine(14, true)
    #expect(take() == 0x2E)
    platform.setLine(8, true)
    #expect(take() == 0x28)
  }

  @Test func masksHoldRequestsBack() {
    initialize()
    out(0x21, 0x02)
    #expect(read(0x21) == 0x02)
    platform.setLine(1, true)
    #expect(platform.pending == 0)
    out(0x21, 0)
    #expect(take() == 0x21)
  }

  @Test func aRequestThatGoesAwayIsSpurious() {
    initialize()
    platform.setLine(3, true)
    #expect(platform.pending != 0)
    platform.setLine(3, false)
    #expect(platform.pending == 0)
    // The processor had begun its acknowledge cycle.
    #expect(platform.takeInterrupt(causeBase: 0) == Interrupt(cause: 0x27, line: 7))
    out(0x20, 0x0B)
    #expect(read(0x20) == 0, "a spurious interrupt is not in service")
  }

  @Test func autoEndAndRotation() {
    initialize(icw4: 3)
    out(0x20, 0x80)
    platform.setLine(1, true)
    platform.setLine(3, true)
    #expect(take() == 0x21)
    platform.setLine(1, false)
    platform.setLine(1, true)
    #expect(take() == 0x23, "1 has become the lowest")
    #expect(take() == 0x21)
    out(0x20, 0x0B)
    #expect(read(0x20) == 0)
  }

  @Test func specificRotationAndSetPriority() {
    initialize()
    out(0x20, 0xC3)
    platform.setLine(3, true)
    platform.setLine(4, true)
    #expect(take() == 0x24, "4 is the highest when 3 is the lowest")
    out(0x20, 0xE4)
    #expect(take() == 0x23)
  }

  @Test func specialMaskModeLetsLowerOnesIn() {
    initialize()
    platform.setLine(1, true)
    platform.setLine(5, true)
    #expect(take() == 0x21)
    out(0x21, 0x02)
    #expect(platform.pending == 0)
    out(0x20, 0x68)
    #expect(take() == 0x25)
    out(0x20, 0x20)
    out(0x20, 0x0B)
    #expect(read(0x20) == 0x02, "a non-specific end leaves the masked one")
  }

  @Test func levelTriggeredInputsAskAgain() {
    initialize()
    out(0x4D0, 0xFF)
    #expect(read(0x4D0) == 0xF8, "timer, keyboard and cascade stay edge-triggered")
    platform.setLine(5, true)
    #expect(take() == 0x25)
    out(0x20, 0x20)
    #expect(take() == 0x25)
    platform.setLine(5, false)
    out(0x20, 0x20)
    #expect(platform.pending == 0)
  }

  @Test func pollingIsAnAcknowledge() {
    initialize()
    out(0x20, 0x0C)
    #expect(read(0x20) == 0)
    platform.setLine(6, true)
    out(0x20, 0x0C)
    #expect(read(0x20) == 0x86)
    #expect(platform.pending == 0)
    out(0x20, 0x0B)
    #expect(read(0x20) == 0x40)
  }

  @Test func initializationForgetsEdges() {
    initialize()
    platform.setLine(1, true)
    initialize()
    #expect(platform.pending == 0)
    platform.setLine(1, false)
    platform.setLine(1, true)
    #expect(take() == 0x21)
  }

  @Test func stateComesBackWhole() {
    initialize(icw4: 0x13)
    platform.setLine(1, true)
    platform.setLine(9, true)
    out(0x20, 0x68)
    out(0x21, 0x10)
    let state = platform.save()
    let saved = pair.save()
    _ = take()
    initialize()
    #expect(pair.save() != saved)
    platform.restore(state)
    #expect(pair.save() == saved)
    #expect(take() == 0x21)
  }
}
