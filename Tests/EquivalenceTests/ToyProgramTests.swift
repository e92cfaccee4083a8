import MachineCore
import Simulator
import Testing
import ToyISA

/// What the programs compute, computed here in another way.
private enum Expected {
  static func sequence(_ count: Int) -> [UInt32] {
    var state: UInt32 = 12345
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return state
    }
  }

  static func hash(_ words: [UInt32]) -> UInt32 { words.reduce(0) { $0 &* 31 &+ $1 } }

  static func hexadecimal(_ value: UInt32) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }

  static func primes(below size: Int) -> Int {
    (2..<size).count { candidate in
      !(2..<candidate).prefix { $0 * $0 <= candidate }.contains { candidate % $0 == 0 }
    }
  }

  /// Bit by bit, no table.
  static func crc(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = .max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xEDB8_8320 }
    }
    return ~crc
  }

  static func sorted(_ count: Int) -> String {
    "sorted, hash \(hexadecimal(hash(sequence(count).sorted())))\n"
  }

  static func product(_ size: Int) -> String {
    let values = sequence(2 * size * size).map { $0 >> 16 }
    var result: [UInt32] = []
    for row in 0..<size {
      for column in 0..<size {
        var sum: UInt32 = 0
        for index in 0..<size {
          sum &+= values[row * size + index] &* values[(size + index) * size + column]
        }
        result.append(sum)
      }
    }
    return "product, hash \(hexadecimal(hash(result)))\n"
  }

  static func diskHash(_ disk: [UInt8], sectors: Int) -> UInt32 {
    var words: [UInt32] = []
    for place in stride(from: 0, to: sectors * 512, by: 4) {
      var word: UInt32 = 0
      for byte in disk[place..<(place + 4)].reversed() { word = word << 8 | UInt32(byte) }
      words.append(word)
    }
    return hash(words)
  }

  static func fibonacci(_ index: Int) -> Int {
    var pair = (0, 1)
    for _ in 0..<index { pair = (pair.1, pair.0 + pair.1) }
    return pair.0
  }

  /// Console output by program, for the default sizes.
  static let consoles: [String: String] = [
    "fib": "fib(20) = \(fibonacci(20))\n",
    "sieve": "\(primes(below: 20000)) primes below 20000\n",
    "crc32": "crc32 \(hexadecimal(crc(sequence(16384).map { UInt8($0 >> 24) })))\n",
    "quicksort": sorted(4000),
    "bubblesort": sorted(400),
    "matmul": product(32),
    "diskcopy":
      "16 sectors copied, hash \(hexadecimal(diskHash(sequence(64 * 512).map { UInt8($0 >> 24) }, sectors: 16))), interrupts 48\n",
  ]
}

@Suite struct ToyProgramTests {
  private func platform(of program: ToyProgram, _ image: ToyImage) throws -> (Platform, ProcessorState) {
    let platform = try program.machine.makePlatform()
    try image.load(into: platform.memory)
    return (
      platform, ToyInstructionSet.resetState(entry: image.entry, storage: platform.memory.size)
    )
  }

  private func check(_ program: ToyProgram, _ engine: any Engine) throws {
    let reason = try engine.run(RunLimits(instructions: program.instructionLimit), into: nil)
    #expect(program.ending.matches(reason), "\(program.name): \(reason)")
    let console = String(decoding: engine.platform.console, as: UTF8.self)
    if let expected = program.expectedConsole { #expect(console == expected, "\(program.name)") }
    if let expected = Expected.consoles[program.name] { #expect(console == expected, "\(program.name)") }
  }

  @Test func `names are unique and found`() {
    #expect(Set(ToyPrograms.all.map(\.name)).count == ToyPrograms.all.count)
    for program in ToyPrograms.all { #expect(ToyPrograms.named(program.name)?.source == program.source) }
  }

  @Test(arguments: ToyPrograms.all.map(\.name))
  func `assembles without warnings and runs on the simulator`(_ name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    let result = try ToyAssembler.run(program.source, file: program.file, defines: program.defines)
    #expect(result.warnings.isEmpty, "\(result.warnings)")
    let (platform, state) = try platform(of: program, result.image)
    try check(program, Evaluator(instructionSet: ToyInstructionSet(), platform: platform, state: state))
  }

  @Test(arguments: ToyPrograms.all.filter { $0.benchDefines != nil }.map(\.name))
  func `assembles at its size for measuring`(_ name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    let image = try program.assemble(with: program.benchDefines ?? [:])
    #expect(image.end < program.machine.memorySize)
  }
}
