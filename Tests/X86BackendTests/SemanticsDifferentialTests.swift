import Testing
import X86Backend

/// The semantics and the interpreter, two statements of the same instructions, must agree.
@Suite struct SemanticsDifferentialTests {
  @Test(arguments: X86Mode.allCases) func singleInstructionsAgree(_ mode: X86Mode) throws {
    let seed: UInt64 = 20_240_601
    let harness = try DifferentialHarness(mode, seed: seed)
    var failures = 0
    for index in 0..<2000 {
      if let difference = try harness.step() {
        failures += 1
        if failures <= 5 { Issue.record("seed \(seed) case \(index): \(difference)") }
      }
    }
    #expect(failures == 0)
    // The cases must reach the instructions: most complete, and nearly all mnemonics occur.
    #expect(harness.completed > 1000)
    #expect(harness.mnemonics.count > 150)
  }
}
