import MachineCore
import Simulator
import Testing
import ToyISA
import Trace

/// Encodes one toy instruction by its mnemonic.
func toy(_ mnemonic: String, _ values: Int64...) throws -> UInt32 {
  let row = try #require(toyTable.firstIndex { $0.mnemonic == mnemonic })
  return try #require(ToyCodec.encode(row: row, values))
}

/// A toy machine with these words at `at`.
func toyMachine(
  _ words: [UInt32], at: UInt32 = 0x100, variant: ToyVariant = .classic, machine: ToyMachine = ToyMachine()
) throws -> Evaluator {
  let platform = try machine.makePlatform()
  let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  try platform.memory.write(bytes, at: Int(at))
  return Evaluator(
    instructionSet: ToyInstructionSet(variant), platform: platform,
    state: ToyInstructionSet.resetState(entry: at, storage: platform.memory.size))
}

@Suite struct ToyTests {
  /// r1 counts down from `count`, r2 sums up; then power off with the sum.
  static func sum(_ count: Int64) throws -> [UInt32] {
    [
      try toy("addi", 1, 0, count), try toy("addi", 2, 0, 0),
      try toy("add", 2, 2, 1), try toy("sw", 2, 0, 0x400), try toy("lw", 3, 0, 0x400),
      try toy("addi", 1, 1, -1), try toy("bne", 1, 0, -16),
      try toy("out", 3, 0, 0x30),
    ]
  }

  @Test func loop() throws {
    let evaluator = try toyMachine(Self.sum(100))
    #expect(try evaluator.run(RunLimits(), into: nil) == .powerOff(status: 5050))
    #expect(evaluator.statistics.retired == 503)
    #expect(evaluator.platform.memory.load(0x400, width: 4) == 5050)
  }
}
