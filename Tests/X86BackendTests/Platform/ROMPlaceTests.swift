import MachineCore
import Testing
import X86Backend

/// Where read-only memory can lie, and where not.
@Suite struct ROMPlaceTests {
  private static func make(_ address: UInt64, count: Int) throws -> Platform {
    let firmware = ROMImage(name: "firmware", bytes: [UInt8](repeating: 0xF4, count: 16))
    let rom = ROMImage(name: "rom", bytes: [UInt8](repeating: 1, count: count), address: address)
    return try PCPlatform.makeFull(PCParts(roms: [firmware, rom]), memorySize: 4 << 20)
  }

  @Test(arguments: [UInt64(0xC_0000), 0xC_0001, 0xD_F000, 0xE000_0000, 0x40_0000])
  func goodPlaces(_ address: UInt64) throws {
    let platform = try Self.make(address, count: 4096)
    let byte =
      address < 4 << 20 ? platform.memory.load(address, width: 1) : UInt64(platform.outsideByte(address))
    #expect(byte == 1)
  }

  private static let badAddresses: [UInt64] = [
    .max, .max - 0xFFF, .max & ~0xFFF, 1 << 63, 1 << 32, 0xFFFF_F000, 0x3F_F000, 0, 0x1000, 0xB_F000,
    0xF_F001, 0xE000_0001, 0xFEE0_0000, 0xFEC0_0000,
  ]

  @Test(arguments: badAddresses)
  func badPlaces(_ address: UInt64) {
    #expect(throws: MachineError.self) { try Self.make(address, count: 4096) }
  }

  @Test func tooLarge() {
    #expect(throws: MachineError.self) { try Self.make(0x8000_0000, count: X86Layout.mostFirmware + 1) }
  }

  /// Every range of the layout that a device has is its own.
  @Test func anOverlapNamesBoth() throws {
    let platform = try PCPlatform.makeFull(PCParts(disk: [0], floppy: []), memorySize: 4 << 20)
    for (device, space, range) in platform.inventory {
      for address in [range.lowerBound, range.upperBound - 1] {
        do {
          try platform.attach(PowerPort(), space, at: address..<(address + 1))
          Issue.record("\(device.name) at \(hex(address))")
        } catch let error {
          #expect("\(error)".contains("`power`") && "\(error)".contains("`\(device.name)`"))
        }
      }
    }
    #expect(throws: MachineError.self) { try platform.attach(PowerPort(), .port, at: 0x3000..<0x3000) }
  }
}
