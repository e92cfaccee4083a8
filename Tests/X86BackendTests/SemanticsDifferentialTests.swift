import MachineCore
import Properties
import Testing
import X86Backend

/// The semantics and the interpreter, two statements of the same instructions, must agree, in what they
/// record too.
@Suite struct SemanticsDifferentialTests {
  private func run(_ mode: X86Mode, _ model: X86CPUModel, seed: UInt64) throws -> X86FuzzReport {
    var options = X86Fuzzer.Options()
    options.comparesTraces = true
    let report = try X86Fuzzer(mode, model: model, seed: seed, options: options).run(count: 2000)
    #expect(report.agreed == 2000, "\(report.disagreements)")
    return report
  }

  @Test(arguments: X86Mode.allCases) func singleInstructionsAgree(_ mode: X86Mode) throws {
    let report = try run(mode, .modern, seed: 20_240_601)
    // The cases must reach the instructions: nearly all rows, and most forms of them.
    #expect(report.rowsReached * 100 >= report.rows * 97, "\(report.misses)")
    #expect(report.effects.definitionsReached * 2 > report.effects.definitions)
  }

  /// The older models in real mode.
  @Test(arguments: [X86CPUModel.i8086, .i80286, .i80386])
  func olderModelsAgree(_ model: X86CPUModel) throws {
    let report = try run(.real16, model, seed: 20_240_602)
    #expect(report.rowsReached * 100 >= report.rows * 97, "\(report.misses)")
  }

  @Test(arguments: X86CPUModel.allCases) func tablesOfEveryModelAreSound(_ model: X86CPUModel) {
    let problems = SemanticsValidation.problems(of: X86InstructionSet(model: model))
    #expect(problems.isEmpty, "\(problems.prefix(20).map(\.description))")
  }
}
