import Foundation
import MachineCore
import Simulator
import Testing
import X86Backend

@Suite struct FastLoopTests {
  @Test(arguments: [X86Mode.long64, .protected32])
  func `Random programs end alike in the fast loop and in the exact step`(mode: X86Mode) throws {
    var count: UInt64 = 0
    for seed in 1...12 as ClosedRange<UInt64> {
      let harness = FastLoopHarness(mode, seed: seed)
      let (difference, executed) = try harness.fastAgainstExact(stretches: [997, 33 + seed])
      #expect(difference == nil, "seed \(seed), \(mode)")
      count += executed
    }
    #expect(count > 20_000)
  }

  @Test(arguments: [X86Mode.long64, .protected32])
  func `Random programs end alike in the fast loop and on the evaluator`(mode: X86Mode) throws {
    for seed in 1...4 as ClosedRange<UInt64> {
      let harness = FastLoopHarness(mode, seed: seed)
      let simulator = Evaluator(
        instructionSet: X86InstructionSet(), platform: try harness.platform(), state: harness.state)
      let emulator = try harness.interpreter(fast: true)
      let limit: UInt64 = 3000
      let stops = (try harness.run(simulator, limit: limit), try harness.run(emulator, limit: limit))
      #expect(harness.difference(simulator, stops.0, emulator, stops.1) == nil, "seed \(seed), \(mode)")
    }
  }

  @Test(arguments: X86Computation.allCases, [X86Mode.long64, .protected32])
  func `Computations end alike in the fast loop and in the exact step`(
    computation: X86Computation, mode: X86Mode
  ) throws {
    let machine = try computation.workload(mode).machine(memorySize: 8 << 20, rounds: 1)
    let engines = try [true, false].map { fast in
      let engine = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      engine.usesFastLoop = fast
      return engine
    }
    let stops = try engines.map { try $0.run(RunLimits(instructions: 40_000), into: nil) }
    #expect(stops[0] == stops[1])
    #expect(engines[0].platform.retired == engines[1].platform.retired)
    #expect(engines[0].state.registers == engines[1].state.registers)
    let memories = engines.map(\.platform.memory)
    // SAFETY: both storages have this size.
    #expect(memcmp(memories[0].base, memories[1].base, memories[0].size) == 0)
  }

  @Test func `A loop that changes its own instruction sees each change`() throws {
    // mov ecx, 1000; L: add eax, 1; inc byte [L + 1's immediate]; dec ecx; jnz L; hlt
    let code: [UInt8] = [
      0xB9, 0xE8, 3, 0, 0, 0x05, 1, 0, 0, 0, 0xFE, 0x04, 0x25, 0x06, 0, 2, 0, 0xFF, 0xC9, 0x75, 0xF0, 0xF4,
    ]
    let machine = X86Machine(
      mode: .long64, entry: 0x2_0000, segments: [LoadSegment(address: 0x2_0000, bytes: code)],
      memorySize: 2 << 20)
    let engine = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
    let stop = try engine.run(RunLimits(instructions: 10_000), into: nil)
    guard case .idle = stop else {
      Issue.record("stopped by \(stop)")
      return
    }
    // The sum of n mod 256 for n from 1 to 1000: three whole cycles and 1…232.
    #expect(engine.state[.rax] == 3 * 255 * 128 + 232 * 233 / 2)
    #expect(engine.platform.retired == 4002)
  }
}
