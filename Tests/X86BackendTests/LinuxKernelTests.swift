import MachineCore
import Simulator
import Testing
import Trace
import X86Backend

/// Kernels in the form of the Linux/x86 boot protocol.
@Suite struct LinuxKernelTests {
  /// A file with two setup sectors and this code behind them.
  static func kernel(_ code: [UInt8], _ change: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
    var file = [UInt8](repeating: 0, count: 1536)
    func put(_ value: UInt64, _ at: Int, _ width: Int) {
      for index in 0..<width { file[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
    }
    put(2, 0x1F1, 1)
    put(0xAA55, 0x1FE, 2)
    // A jump over the header, whose distance tells its end.
    put(0x66EB, 0x200, 2)
    put(0x5372_6448, 0x202, 4)
    put(0x020C, 0x206, 2)
    put(1, 0x211, 1)
    put(0x10_0000, 0x214, 4)
    put(15, 0x238, 4)
    put(0x10_0000, 0x258, 8)
    put(0x8000, 0x260, 4)
    change(&file)
    return file + code
  }

  /// Writes to port E9h what it was given: map entries, first character of the command line, selectors, first
  /// byte of the initial file system. On the way it loads both selectors from the table.
  private static let inquiry: [UInt8] = [
    0x8A, 0x86, 0xE8, 0x01, 0x00, 0x00, 0xE6, 0xE9,  // MOV AL, [ESI + 1E8h]; OUT E9h, AL
    0x8B, 0x9E, 0x28, 0x02, 0x00, 0x00, 0x8A, 0x03, 0xE6, 0xE9,  // MOV EBX, [ESI + 228h]; MOV AL, [EBX]; OUT
    0x8C, 0xC8, 0xE6, 0xE9, 0x8C, 0xD8, 0xE6, 0xE9,  // MOV EAX, CS; OUT; MOV EAX, DS; OUT
    0x66, 0xB8, 0x18, 0x00, 0x8E, 0xD8,  // MOV AX, 18h; MOV DS, AX
    0xEA, 0x27, 0x00, 0x10, 0x00, 0x10, 0x00,  // JMP 10h:100027h
    0xDB, 0xE3,  // FNINIT
    0x8B, 0x9E, 0x18, 0x02, 0x00, 0x00, 0x8A, 0x03, 0xE6, 0xE9,  // MOV EBX, [ESI + 218h]; MOV AL, [EBX]; OUT
    0xB0, 0x07, 0xE6, 0xF4,  // MOV AL, 7; OUT F4h, AL
  ]

  @Test func aKernelFindsWhatTheProtocolPromises() throws {
    let machine = try X86Loader.loadLinux(
      Self.kernel(Self.inquiry), commandLine: "quiet", initialFiles: [0x77, 0x78], memorySize: 4 << 20)
    var engines: [any Engine] = [
      X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState),
      Evaluator(
        instructionSet: X86InstructionSet(), platform: try machine.makePlatform(), state: machine.initialState
      ),
    ]
    #if os(Linux) && arch(x86_64)
      if let hardware = try? X86Virtualizer.make(machine, on: try machine.makePlatform()) {
        engines.append(hardware)
      }
    #endif
    for engine in engines {
      let stop = try engine.run(RunLimits(instructions: 1000, hostSeconds: 10), into: nil)
      #expect(stop == .powerOff(status: 15), "\(engine.kind)")
      #expect(
        PCPlatform.log(of: 0xE9, on: engine.platform) == [4, UInt8(ascii: "q"), 0x10, 0x18, 0x77],
        "\(engine.kind)")
    }
  }

  @Test func whatCannotBeLoadedIsRefused() throws {
    func load(_ file: [UInt8], _ line: String = "") throws(LoaderError) {
      _ = try X86Loader.loadLinux(file, commandLine: line, memorySize: 4 << 20)
    }
    try load(Self.kernel([0x90]), String(repeating: "x", count: 15))
    #expect(throws: LoaderError.self) { try load(Self.kernel([0x90]), String(repeating: "x", count: 16)) }
    #expect(throws: LoaderError.self) { try load(Self.kernel([])) }
    #expect(throws: LoaderError.self) { try load(Self.kernel([0x90]) { $0[0x207] = 1 }) }
    #expect(throws: LoaderError.self) { try load(Self.kernel([0x90]) { $0[0x211] = 0 }) }
    #expect(throws: LoaderError.self) { try load(Self.kernel([0x90]) { $0[0x25C] = 1 }) }
    #expect(throws: LoaderError.self) { try load(Self.kernel([0x90]) { $0[0x262] = 0xFF }) }
    #expect(throws: LoaderError.self) { try load(Array(Self.kernel([0x90])[..<0x220])) }
    #expect(throws: LoaderError.self) { try load(Array(Self.kernel([0x90])[..<0x200])) }
    #expect(!X86Loader.isLinux(Array(Self.kernel([0x90])[..<0x200])))
    #expect(X86Loader.isLinux(Self.kernel([0x90])))
  }

  /// However a header is damaged, there is a machine or an error.
  @Test func damagedHeaders() throws {
    var random = SystemRandomNumberGenerator()
    let seed = random.next()
    var state = seed
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    for _ in 0..<2000 {
      var file = Self.kernel(Self.inquiry)
      for _ in 0...(next() % 4) { file[0x1F1 + Int(next() % 0x80)] = UInt8(next() & 0xFF) }
      if next() % 4 == 0 { file = Array(file[..<Int(next() % UInt64(file.count) + 1)]) }
      guard let machine = try? X86Loader.loadLinux(file, initialFiles: [1, 2, 3], memorySize: 4 << 20) else {
        continue
      }
      #expect(throws: Never.self, "seed \(seed)") { _ = try machine.makePlatform() }
    }
  }

  /// Without a coprocessor FNINIT passes, unless CR0.EM or TS is set.
  @Test(arguments: [UInt8(0), 4, 8, 2])
  func coprocessorDetection(_ bits: UInt8) throws {
    // MOV EAX, CR0; OR AL, bits; MOV CR0, EAX; FNINIT; OUT F4h, AL
    let machine = try X86Loader.load(
      [0x0F, 0x20, 0xC0, 0x0C, bits, 0x0F, 0x22, 0xC0, 0xDB, 0xE3, 0xE6, 0xF4], mode: .real16)
    let engines: [any Engine] = [
      X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState),
      Evaluator(
        instructionSet: X86InstructionSet(), platform: try machine.makePlatform(), state: machine.initialState
      ),
    ]
    for engine in engines {
      var traps: [UInt32] = []
      let recorder = TraceRecorder(level: .events) { batch in
        for record in batch where record.eventKind == .trap { traps.append(record.code) }
      }
      _ = try engine.run(RunLimits(instructions: 5), into: recorder)
      recorder.flush()
      #expect(traps.first == (bits & 12 != 0 ? 7 : nil), "\(engine.kind)")
    }
  }
}
