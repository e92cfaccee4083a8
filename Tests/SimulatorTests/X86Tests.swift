import MachineCore
import Simulator
import Testing
import Trace
import X86Backend

/// The evaluator on x86: variable lengths, partial registers, segments, modes.
@Suite struct X86Tests {
  @Test func tablesAreSound() {
    let problems = SemanticsValidation.problems(of: X86InstructionSet())
    #expect(problems.isEmpty, "\(problems.prefix(20).map(\.description))")
  }

  /// The long one is left to the equivalence tests.
  @Test(arguments: ["real16", "protected32"])
  func workload(name: String) throws {
    let workload = try #require(X86Workload.named(name))
    let machine = try workload.machine()
    let platform = try machine.makePlatform()
    let evaluator = Evaluator(
      instructionSet: X86InstructionSet(), platform: platform, state: machine.initialState)
    let reason = try evaluator.run(RunLimits(), into: nil)
    #expect(reason == .powerOff(status: workload.expectedStatus))
    #expect(String(decoding: platform.console, as: UTF8.self) == workload.expectedConsole)
  }
}
