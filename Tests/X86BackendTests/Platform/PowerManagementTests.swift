import MachineCore
import Testing
import X86Backend

/// Power management of the full PC.
@Suite struct PowerManagementTests {
  private static func platform() throws -> Platform {
    try PCPlatform.makeFull(PCParts(), memorySize: 4 << 20)
  }

  @Test func theTimerCountsVirtualTime() throws {
    let platform = try Self.platform()
    #expect(platform.read(.port, 0xB008, width: 4) == 0)
    platform.retired = 27
    #expect(platform.read(.port, 0xB008, width: 4) == 0)
    platform.retired = 28 * 0x12_3456
    #expect(platform.read(.port, 0xB008, width: 4) == 0x12_3456)
    #expect(platform.read(.port, 0xB009, width: 1) == 0x34)
    platform.idle = 28 * 0x100_0000
    #expect(platform.read(.port, 0xB008, width: 4) == 0x12_3456)
    #expect(platform.read(.port, 0xB00C, width: 4) == 0)
  }

  @Test func statusTellsOfTheTopBit() throws {
    let platform = try Self.platform()
    #expect(platform.read(.port, 0xB000, width: 2) == 0)
    platform.retired = 28 << 23
    #expect(platform.read(.port, 0xB000, width: 2) == 1)
    platform.write(.port, 0xB000, 1, width: 2)
    #expect(platform.read(.port, 0xB000, width: 2) == 0)
    platform.retired = 28 << 24
    #expect(platform.read(.port, 0xB000, width: 2) == 1)
  }

  @Test func firmwareTurnsItOnAndAnOperatingSystemTurnsTheMachineOff() throws {
    let platform = try Self.platform()
    platform.write(.port, 0xB2, 0xF1, width: 1)
    #expect(platform.read(.port, 0xB004, width: 2) == 1)
    #expect(platform.read(.port, 0xB2, width: 1) == 0xF1)
    platform.write(.port, 0xB3, 0x5A, width: 1)
    #expect(platform.read(.port, 0xB3, width: 1) == 0x5A)
    platform.write(.port, 0xB2, 0xF0, width: 1)
    #expect(platform.read(.port, 0xB004, width: 2) == 0)
    // Another type of sleep leaves the machine on.
    platform.write(.port, 0xB004, 0x2400, width: 2)
    #expect(platform.powerOff == nil)
    platform.write(.port, 0xB004, 0x2000, width: 2)
    #expect(platform.powerOff == 0)
  }

  @Test func thePCIFunctionIsThere() throws {
    let platform = try Self.platform()
    platform.write(.port, 0xCF8, 0x8000_0B00, width: 4)
    #expect(platform.read(.port, 0xCFC, width: 4) == 0x7113_8086)
    platform.write(.port, 0xCF8, 0x8000_0B40, width: 4)
    #expect(platform.read(.port, 0xCFC, width: 1) & 1 == 1)
  }

  @Test func stateComesBack() throws {
    let platform = try Self.platform()
    platform.retired = 28 << 23
    platform.write(.port, 0xB000, 1, width: 2)
    platform.write(.port, 0xB002, 0x0121, width: 2)
    platform.write(.port, 0xB2, 0xF1, width: 2)
    let state = platform.save()
    let other = try Self.platform()
    other.restore(state)
    #expect(other.save() == state)
    #expect(other.read(.port, 0xB002, width: 2) == 0x0121)
    #expect(other.read(.port, 0xB004, width: 2) == 1)
    #expect(other.read(.port, 0xB000, width: 2) == 0)
  }
}
