import MachineCore
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

  /// The older models in real mode.
  @Test(arguments: [X86CPUModel.i8086, .i80286, .i80386])
  func olderModelsAgree(_ model: X86CPUModel) throws {
    let seed: UInt64 = 20_240_602
    let harness = try DifferentialHarness(.real16, seed: seed, model: model)
    var failures = 0
    for index in 0..<2000 {
      if let difference = try harness.step() {
        failures += 1
        if failures <= 5 { Issue.record("\(model.rawValue) seed \(seed) case \(index): \(difference)") }
      }
    }
    #expect(failures == 0)
    #expect(harness.completed > 700)
  }

  @Test(arguments: X86CPUModel.allCases) func tablesOfEveryModelAreSound(_ model: X86CPUModel) {
    let problems = SemanticsValidation.problems(of: X86InstructionSet(model: model))
    #expect(problems.isEmpty, "\(problems.prefix(20).map(\.description))")
  }
}
