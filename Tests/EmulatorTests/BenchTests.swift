import Emulator
import Testing

/// The benchmarks are the same algorithms as their C versions.
@Suite struct BenchTests {
  @Test("Guest and C come to the same result", arguments: EmulatorBench.names)
  func twin(name: String) throws {
    let result = try #require(try EmulatorBench.run(name, repetitions: 1, isShort: true))
    #expect(result.isCorrect)
    #expect(result.instructions > 0)
  }

  @Test("The geometric mean")
  func mean() {
    #expect(abs(EmulatorBench.geometricMean([2, 8]) - 4) < 1e-9)
    #expect(abs(EmulatorBench.geometricMean([500, 400, 600, 700, 800, 300]) - 521.9) < 0.5)
    #expect(EmulatorBench.geometricMean([]) == 0)
  }
}
