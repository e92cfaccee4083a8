import Emulator
import MachineCore
import Simulator
import Testing
import ToyISA

/// The emulator against the simulator, which evaluates the table.
@Suite struct DifferentialTests {
  @Test("Random programs run alike on simulator and emulator", arguments: UInt64(0)..<40)
  func randomPrograms(seed: UInt64) throws {
    let machine = RandomMachine(seed: seed)
    let (_, differences) = try Lab.compare(
      image: machine.image, state: machine.state, variant: machine.variant, input: [1, 2, 3, 4, 5],
      instructions: seed % 20 == 0 ? 20_000 : 3000, slices: machine.slices)
    #expect(differences.isEmpty, "seed \(seed), \(machine.variant): \(differences)")
  }

  @Test("Every instruction does what the table says", arguments: Array(toyTable.indices))
  func singleInstruction(row: Int) throws {
    let instruction = toyTable[row]
    let edges: [UInt64] = [0, 1, 31, 32, 0x7F, 0x80, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x2000, 0x2002]
    for seed in UInt64(0)..<6 {
      var random = SeededRandom(seed: seed &+ UInt64(row) &* 1000)
      var image = Self.noise
      var word = UInt32(instruction.opcode) << 24 | random.word() & instruction.format.mask
      // Half of the time an accessible address; large displacements from small bases otherwise.
      if instruction.group == .memory, seed % 2 == 0 { word = word & ~0xFFFF | word & 0xF000 }
      if instruction.format != .rdRsIndirect, instruction.group == .memory { word &= ~0xF000 }
      for byte in 0..<4 { image[0x1000 + byte] = UInt8(truncatingIfNeeded: word >> UInt32(byte * 8)) }
      // A trap goes to an endless loop.
      let vector: [UInt32] = [0, 0x100, 0, UInt32(Lab.memorySize)]
      for (index, value) in vector.enumerated() {
        for byte in 0..<4 {
          image[0x20 + index * 4 + byte] = UInt8(truncatingIfNeeded: value >> UInt32(byte * 8))
        }
      }
      image.replaceSubrange(0x100..<0x104, with: [0, 0, 0, 0x48])
      var state = ToyInstructionSet.resetState(entry: 0x1000, storage: Lab.memorySize)
      for number in 1..<16 {
        state.registers[number] =
          random.below(2) == 0 ? random.choice(edges) : UInt64(random.below(Lab.memorySize))
      }
      state.registers[Int(ToyRegister.mode)] = seed % 3 == 0 ? 1 : 0
      // The other variants differ in system instructions only.
      for variant in instruction.group == .system ? ToyVariant.allCases : [.classic] {
        // Alone, and with neighbours, so that the fast loop takes it too.
        for (count, slices) in [(1, []), (40, [40])] as [(UInt64, [UInt64])] {
          let (_, differences) = try Lab.compare(
            image: image, state: state, variant: variant, input: [7], instructions: count, slices: slices)
          #expect(
            differences.isEmpty,
            "seed \(seed), \(variant), \(ToyDisassembler.text(of: word, at: 0x1000)): \(differences)")
        }
      }
    }
  }

  /// Storage full of random bytes.
  private static let noise: [UInt8] = {
    var random = SeededRandom(seed: 1)
    return (0..<Lab.memorySize).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }()

  @Test("Guest programs run alike on simulator and emulator", arguments: EmulatedPrograms.names)
  func guestPrograms(name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    let image = try ToyAssembler.assemble(program.source, file: program.file, defines: program.defines)
    func platform() throws -> Platform {
      let platform = try program.machine.makePlatform()
      try image.load(into: platform.memory)
      return platform
    }
    let limits = RunLimits(instructions: min(program.instructionLimit, 50_000))
    let first = try platform()
    let state = ToyInstructionSet.resetState(entry: image.entry, storage: first.memory.size)
    let model = Evaluator(instructionSet: ToyInstructionSet(), platform: first, state: state)
    let emulator = try EmulatedPrograms.interpreter(platform(), state)
    let expected = try model.run(limits, into: nil)
    #expect(try emulator.run(limits, into: nil) == expected)
    #expect(emulator.state == model.state)
    #expect(emulator.platform.retired == model.platform.retired)
    #expect(emulator.platform.console == model.platform.console)
    #expect(Lab.sameStorage(emulator, model))
  }
}
