import Foundation
import Testing

/// Firmware, floppy disks and kernels on the command line.
@Suite struct FirmwareCommandTests {
  /// A test ROM as they are made for other emulators: it begins at its reset vector, goes to F000:0000, and tells
  /// how far it came at port 190h.
  private static let testROM: [UInt8] = {
    var rom = [UInt8](repeating: 0xF4, count: 0x1_0000)
    // MOV DX, 190h; MOV AL, 5Ah; OUT DX, AL; MOV AL, FFh; OUT DX, AL; MOV AL, 1; OUT F4h, AL
    let code: [UInt8] = [0xBA, 0x90, 0x01, 0xB0, 0x5A, 0xEE, 0xB0, 0xFF, 0xEE, 0xB0, 0x01, 0xE6, 0xF4]
    rom.replaceSubrange(0..<code.count, with: code)
    rom.replaceSubrange(0xFFF0..<0xFFF5, with: [0xEA, 0x00, 0x00, 0x00, 0xF0])
    return rom
  }()

  @Test(arguments: ["", "@0xF0000"], ["emulator", "simulator"])
  func aTestROMRunsFromEitherPlace(_ place: String, _ engine: String) throws {
    let rom = try TemporaryFile("test.bin", Self.testROM)
    let log = try TemporaryFile("post.log", [])
    let result = triad(
      "run", "--rom", rom.path + place, "--port-log", "0x190=\(log.path)", "--on", engine, "--propagate")
    #expect(result.status == 3, "\(result.error)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: log.path)) == Data([0x5A, 0xFF]))
  }

  @Test(arguments: [
    "@0xFFFFFFFFFFFFF000", "@0xFFFFFFFFFFFFFFFF", "@0x100000000", "@0x1000", "@0xF8000", "@x",
  ])
  func badPlacesAreRefused(_ place: String) throws {
    let rom = try TemporaryFile("test.bin", Self.testROM)
    let alone = triad("run", "--rom", rom.path + place)
    #expect(alone.status == 2 || alone.status == 3)
    let result = triad("run", "--rom", rom.path, "--rom", rom.path + place)
    #expect(result.status == 2 || result.status == 3)
    #expect(result.error.hasPrefix("error: "))
  }

  /// A machine of firmware is saved and goes on, with everything its ports have seen.
  @Test func snapshotsOfFirmware() throws {
    let rom = try TemporaryFile("test.bin", Self.testROM)
    let snapshot = try TemporaryFile("machine.snapshot", [])
    let saved = triad("snapshot", "save", "--rom", rom.path, "--until", "4", "-o", snapshot.path)
    #expect(saved.status == 0, "\(saved.error)")
    for engine in ["emulator", "simulator"] {
      let restored = triad("snapshot", "restore", snapshot.path, "--rom", rom.path, "--on", engine, "--json")
      #expect(restored.status == 0, "\(restored.error)")
      let stop = try (restored.json as? [String: Any])?["stop"] as? [String: Any]
      #expect(stop?["status"] as? Int == 3)
    }
    // Without the firmware, with another, with a program in its place.
    #expect(triad("snapshot", "restore", snapshot.path).status == 2)
    let other = try TemporaryFile("test.bin", [UInt8](repeating: 0xF4, count: 0x1_0000))
    #expect(triad("snapshot", "restore", snapshot.path, "--rom", other.path).status == 3)
    #expect(triad("snapshot", "restore", snapshot.path, "real16").status == 3)
    #expect(
      triad("snapshot", "save", "real16", "--rom", rom.path, "--until", "4", "-o", snapshot.path).status == 2)
    #expect(triad("snapshot", "show").status == 2)
    #expect(triad("snapshot", "restore").status == 2)
  }

  @Test func floppyImages() throws {
    let rom = try TemporaryFile("test.bin", Self.testROM)
    for (size, isGood) in [
      (1_474_560, true), (368_640, true), (512, true), (1_296_384, true), (1_474_048, true), (0, false),
      (513, false),
      (1_475_072, false), (4_000_000, false),
    ] {
      let image = try TemporaryFile("floppy.img", [UInt8](repeating: 0, count: size))
      let result = triad("run", "--rom", rom.path, "--floppy", image.path)
      #expect(result.status == (isGood ? 0 : 3), "\(size): \(result.error)")
    }
  }
}
