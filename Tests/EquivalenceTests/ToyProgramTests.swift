import Emulator
import MachineCore
import Simulator
import Testing
import ToyISA
import Virtualizer

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

/// The machines that programs run on here.
enum ProgramMachine: String, CaseIterable, Sendable {
  case simulator, emulator, virtualizer, nested

  /// The program, loaded on a machine of its own.
  func load(_ program: ToyProgram, _ variant: ToyVariant = .classic) throws -> any Engine {
    let image = try program.assemble()
    let machine = program.machine
    let state = ToyInstructionSet.resetState(entry: image.entry, storage: machine.memorySize)
    let engine: any Engine
    switch self {
    case .simulator:
      engine = Evaluator(
        instructionSet: ToyInstructionSet(variant), platform: try machine.makePlatform(), state: state)
    case .emulator:
      engine = try Interpreter(variant: variant, platform: try machine.makePlatform(), state: state)
    case .virtualizer, .nested:
      engine = try VirtualMachineMonitor.stack(
        depth: self == .nested ? 2 : 1, machine: machine, state: state
      ) { memory throws(EngineRefusal) in
        do throws(MachineError) {
          return try ToyProcessor(variant: variant, storage: memory)
        } catch {
          throw EngineRefusal(error.description)
        }
      }
    }
    try image.load(into: engine.platform.memory)
    return engine
  }
}

@Suite struct ToyProgramTests {
  @Test func `names are unique and found`() {
    #expect(Set(ToyPrograms.all.map(\.name)).count == ToyPrograms.all.count)
    for program in ToyPrograms.all { #expect(ToyPrograms.named(program.name)?.source == program.source) }
  }

  @Test(arguments: ToyPrograms.all.map(\.name))
  func `assembles without warnings`(_ name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    let result = try ToyAssembler.run(program.source, file: program.file, defines: program.defines)
    #expect(result.warnings.isEmpty, "\(result.warnings)")
  }

  @Test(arguments: ToyPrograms.all.map(\.name), ProgramMachine.allCases)
  func `ends as expected with the expected output`(_ name: String, _ machine: ProgramMachine) throws {
    let program = try #require(ToyPrograms.named(name))
    let engine = try machine.load(program)
    let reason = try engine.run(RunLimits(instructions: program.instructionLimit), into: nil)
    #expect(program.ending.matches(reason), "\(reason)")
    let console = String(decoding: engine.platform.console, as: UTF8.self)
    if let expected = program.expectedConsole { #expect(console == expected) }
    if let expected = Expected.consoles[program.name] { #expect(console == expected) }
    #expect(engine.statistics.controlViolations.isEmpty)
  }

  /// Virtual time is part of what programs see, so it must be the same too.
  @Test(arguments: ToyPrograms.all.map(\.name))
  func `ends in the same state at the same time on all machines`(_ name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    var ends: [(ProgramMachine, [UInt64], UInt64)] = []
    for machine in ProgramMachine.allCases {
      let engine = try machine.load(program)
      _ = try engine.run(RunLimits(instructions: program.instructionLimit), into: nil)
      ends.append((machine, engine.state.registers, engine.platform.now))
    }
    for end in ends.dropFirst() {
      #expect(end.1 == ends[0].1, "registers: \(end.0) and \(ends[0].0)")
      #expect(end.2 == ends[0].2, "time: \(end.0) and \(ends[0].0)")
    }
  }

  @Test(arguments: ToyPrograms.all.filter { $0.witnesses != nil }.map(\.name))
  func `a probe sees a VMM on its variant and on no other`(_ name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    for variant in ToyVariant.allCases {
      let consoles = try [ProgramMachine.simulator, .emulator, .virtualizer].map { machine in
        let engine = try machine.load(program, variant)
        _ = try engine.run(RunLimits(instructions: program.instructionLimit), into: nil)
        return String(decoding: engine.platform.console, as: UTF8.self)
      }
      #expect(consoles[0] == consoles[1], "\(variant)")
      let isFlawed = consoles[2] != consoles[0]
      #expect(isFlawed == (variant == program.witnesses), "\(variant): \(consoles[2])")
    }
  }

  @Test(arguments: ToyPrograms.all.filter { $0.benchDefines != nil }.map(\.name))
  func `assembles at its size for measuring`(_ name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    let image = try program.assemble(with: program.benchDefines ?? [:])
    #expect(image.end < program.machine.memorySize)
  }
}
