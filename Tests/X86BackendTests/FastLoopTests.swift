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

  @Test func `Shifts and rotates leave the same flags in the fast loop and in the exact step`() throws {
    // mov rsi, data
    var code: [UInt8] = [0x48, 0xBE] + little(0x10_0000)
    for digit in [0, 1, 4, 5, 7] as [UInt8] {
      for isWide in [false, true] {
        let prefix: [UInt8] = isWide ? [0x48] : []
        for count in [1, 2, isWide ? 63 : 31] as [UInt8] {
          for value in [0x8000_0000_8000_0001, 0x7FFF_FFFF_7FFF_FFFE, 0xC000_0001_4000_0003] as [UInt64] {
            // mov rax, value; mov ecx, count; the shift by a number or by CL
            for shift in [[0xC1, 0xC0 | digit << 3, count], [0xD3, 0xC0 | digit << 3]] as [[UInt8]] {
              code += [0x48, 0xB8] + little(value) + [0xB9, count, 0, 0, 0] + prefix + shift
              // pushfq; pop [rsi]; mov [rsi + 8], rax; add rsi, 16
              code += [0x9C, 0x8F, 0x06, 0x48, 0x89, 0x46, 8, 0x48, 0x83, 0xC6, 16]
            }
          }
        }
      }
    }
    let machine = X86Machine(
      mode: .long64, entry: 0x2_0000, segments: [LoadSegment(address: 0x2_0000, bytes: code + [0xF4])],
      memorySize: 2 << 20)
    let engines = try [true, false].map { fast in
      let engine = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      engine.usesFastLoop = fast
      _ = try engine.run(RunLimits(instructions: 100_000), into: nil)
      return engine
    }
    #expect(engines[0].state == engines[1].state)
    #expect(engines[0].state[.rsi] == 0x10_0000 + 5 * 2 * 3 * 3 * 2 * 16)
    for place in stride(from: 0x10_0000, to: engines[0].state[.rsi], by: 8) {
      let values = engines.map { $0.platform.memory.load(place, width: 8) }
      #expect(values[0] == values[1], "case \((place - 0x10_0000) / 16)")
    }
  }

  private func little(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
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
