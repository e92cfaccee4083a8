import MachineCore
import Testing
import X86Backend

/// Kernels with a Multiboot header.
@Suite struct MultibootTests {
  private static func words(_ values: [UInt32]) -> [UInt8] {
    values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) } }
  }

  /// A header that tells where the image goes: 1 MiB, entered behind the header.
  private static func header(flags: UInt32 = 0x1_0003, load: UInt32 = 0x10_0000, end: UInt32 = 0) -> [UInt8] {
    let magic: UInt32 = 0x1BAD_B002
    return words([magic, flags, 0 &- magic &- flags, 0x10_0000, load, end, 0, 0x10_0020])
  }

  /// CMP EAX, 2BADB002h; JNE end; the command line and the first module's first byte go to port E9h, the size of
  /// upper memory to port F4h; end: HLT.
  private static let code: [UInt8] = [
    0x3D, 0x02, 0xB0, 0xAD, 0x2B, 0x75, 0x1A, 0x8B, 0x73, 0x10, 0xAC, 0x84, 0xC0, 0x74, 0x04, 0xE6, 0xE9,
    0xEB,
    0xF7, 0x8B, 0x4B, 0x18, 0x8B, 0x09, 0x8A, 0x01, 0xE6, 0xE9, 0x8B, 0x43, 0x08, 0xE7, 0xF4, 0xF4,
  ]

  @Test func aKernelFindsWhatItIsTold() throws {
    let machine = try X86Loader.loadMultiboot(
      Self.header() + Self.code, name: "kernel", commandLine: "a=1 b",
      modules: [BootModule(text: "m", bytes: [0x21, 0x22])])
    let engine = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
    let stop = try engine.run(RunLimits(instructions: 10_000), into: nil)
    #expect(stop == .powerOff(status: PowerPort.status(ofWritten: 15 * 1024)))
    #expect(PCPlatform.log(of: 0xE9, on: engine.platform) == Array("kernel a=1 b!".utf8))
    // Memory map: the last entry is what lies above 1 MiB.
    let information = X86Layout.bootInformation
    let memory = engine.platform.memory
    let length = try #require(memory.load(information + 44, width: 4))
    let map = try #require(memory.load(information + 48, width: 4))
    #expect(length == 96)
    #expect(memory.load(map + 72 + 4, width: 8) == 0x10_0000)
    #expect(memory.load(map + 72 + 12, width: 8) == 15 << 20)
    #expect(memory.load(map + 72 + 20, width: 4) == 1)
  }

  @Test func elfKernelsAreRecognised() throws {
    #expect(X86Loader.isMultiboot(Self.header()))
    #expect(!X86Loader.isMultiboot(X86Workload.protected32.image))
    #expect(throws: LoaderError.notMultiboot) {
      _ = try X86Loader.loadMultiboot(X86Workload.protected32.image, name: "x")
    }
    // A header at any multiple of four in the first 8 KiB, not behind.
    #expect(X86Loader.isMultiboot([UInt8](repeating: 0, count: 8160) + Self.header()))
    #expect(!X86Loader.isMultiboot([UInt8](repeating: 0, count: 8192) + Self.header()))
    #expect(!X86Loader.isMultiboot([0, 0] + Self.header()))
  }

  @Test func brokenHeadersAreRefused() {
    #expect(throws: LoaderError.empty) { _ = try X86Loader.loadMultiboot([], name: "x") }
    #expect(throws: LoaderError.self) {
      _ = try X86Loader.loadMultiboot(Self.header(flags: 0x1_0013) + Self.code, name: "x")
    }
    #expect(throws: LoaderError.self) {
      _ = try X86Loader.loadMultiboot(Self.header(load: 0x10_0004) + Self.code, name: "x")
    }
    #expect(throws: LoaderError.self) {
      _ = try X86Loader.loadMultiboot(Self.header(end: 0x20_0000) + Self.code, name: "x")
    }
    #expect(throws: LoaderError.self) {
      _ = try X86Loader.loadMultiboot(Self.header() + Self.code, name: "x", memorySize: 4097)
    }
    // A module that does not fit.
    #expect(throws: LoaderError.self) {
      _ = try X86Loader.loadMultiboot(
        Self.header() + Self.code, name: "x",
        modules: [BootModule(text: "m", bytes: [UInt8](repeating: 1, count: 3 << 20))], memorySize: 4 << 20)
    }
    #expect(throws: LoaderError.self) {
      _ = try X86Loader.loadMultiboot(
        Self.header() + Self.code, name: "x", commandLine: String(repeating: "x", count: 100_000))
    }
  }

  @Test func damagedHeadersNeverTrap() {
    var generator = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
    var state = seed
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    for _ in 0..<2000 {
      var bytes = Self.header() + Self.code
      for _ in 0..<3 { bytes[12 + Int(next() % 20)] = UInt8(truncatingIfNeeded: next()) }
      _ = try? X86Loader.loadMultiboot(bytes, name: "x", memorySize: 2 << 20)
    }
    print("damaged Multiboot headers: seed \(seed)")
  }
}
