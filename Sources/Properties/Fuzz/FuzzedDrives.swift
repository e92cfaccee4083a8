internal import MachineCore
internal import X86Backend

/// Disk images of any size and contents, under controllers that are given any commands.
enum FuzzedDrives {
  /// Why an image is not used.
  struct Refusal: Error, CustomStringConvertible {
    var description: String
  }

  /// ATA commands: read, write, multiple, identify, parameters, features, power.
  private static let diskCommands: [UInt64] = [
    0x00, 0x08, 0x10, 0x20, 0x21, 0x24, 0x29, 0x30, 0x31, 0x34, 0x39, 0x40, 0x70, 0x90, 0x91, 0xA0, 0xA1,
    0xC4,
    0xC5, 0xC6, 0xE0, 0xE7, 0xEA, 0xEC, 0xEF, 0xF8,
  ]
  /// Commands of a floppy controller, with the bits that go with them.
  private static let floppyCommands: [UInt64] = [
    0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x0A, 0x0D, 0x0E, 0x0F, 0x10, 0x12, 0x13, 0x14, 0x18, 0x4A,
    0x4D,
    0x94, 0xC5, 0xC6, 0xE6, 0xCD,
  ]
  private static let floppySizes = [163_840, 184_320, 327_680, 368_640, 737_280, 1_228_800, 1_474_560]

  /// Makes a machine with damaged images and gives its drives orders.
  ///
  /// - Throws: ``Refusal`` for an image that the command line refuses, ``MachineError``.
  static func run(_ random: inout SplitMix) throws -> StopReason? {
    let disk = image(random.chance(10) ? 0 : 1 + random.below(random.chance(50) ? 4096 : 300_000), &random)
    guard !disk.isEmpty else { throw Refusal(description: "the disk image is empty") }
    let floppy = image(random.chance(30) ? random.below(200_000) : random.pick(floppySizes), &random)
    guard FloppyController.geometry(ofSize: floppy.count) != nil else {
      throw Refusal(description: "the floppy image has the size of no floppy disk")
    }
    var parts = PCParts(roms: [ROMImage(name: "firmware", bytes: X86Workload.timerROM.image)])
    parts.disk = disk
    parts.floppy = floppy
    let machine = X86Machine(firmware: parts, memorySize: X86Layout.minimumMemorySize)
    let platform = try machine.makePlatform()
    for _ in 0..<256 { order(platform, &random) }
    // The whole machine goes through a snapshot's form, too.
    for place in platform.inventory {
      let (state, contents) = (place.device.save(), place.device.saveContents())
      guard place.device.restoreContents(contents) else {
        throw Refusal(description: "device `\(place.device.name)` does not take what it gave")
      }
      place.device.restore(state)
    }
    guard PCPlatform.disk(of: platform)?.contents.count == disk.count,
      PCPlatform.floppy(of: platform)?.contents.count == floppy.count
    else { return .hostFailure("an image changed its size") }
    return platform.stop
  }

  /// Bytes of which a few are not zero.
  private static func image(_ size: Int, _ random: inout SplitMix) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    for _ in 0..<min(size, 64) { bytes[random.below(size)] = UInt8(truncatingIfNeeded: random.next()) }
    return bytes
  }

  private static func order(_ platform: Platform, _ random: inout SplitMix) {
    let byte = random.chance(40) ? UInt64(random.below(4)) : random.next() & 0xFF
    switch random.below(10) {
    case 0: platform.write(.port, 0x1F7, random.pick(diskCommands), width: 1)
    case 1: platform.write(.port, 0x3F5, random.pick(floppyCommands), width: 1)
    case 2: platform.write(.port, 0x1F1 + UInt64(random.below(6)), byte, width: 1)
    case 3: platform.write(.port, 0x3F5, byte, width: 1)
    case 4: platform.write(.port, UInt64(random.below(16)), byte, width: 1)
    case 5: platform.write(.port, 0x81 + UInt64(random.below(15)), byte, width: 1)
    case 6:
      let many = random.chance(30) ? 256 : 1
      for _ in 0..<many { _ = platform.read(.port, 0x1F0, width: random.pick([1, 2, 4])) }
    case 7:
      let many = random.chance(30) ? 256 : 1
      for _ in 0..<many { platform.write(.port, 0x1F0, random.next() & 0xFFFF, width: 2) }
    case 8:
      let port: UInt64 = random.pick([0x3F2, 0x3F4, 0x3F5, 0x3F6, 0x3F7, 0x1F7, 0x3F0])
      if random.chance(50) {
        _ = platform.read(.port, port, width: 1)
      } else {
        platform.write(.port, port, byte, width: 1)
      }
    default: _ = platform.skipToDeadline()
    }
  }
}
