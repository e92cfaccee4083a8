import MachineCore
import Testing
import ToyISA
import Trace
import Virtualizer

/// The package's own programs on stacks of VMMs.
@Suite struct ProgramTests {
  static let programs = ToyPrograms.all.filter { $0.category != .benchmark }

  @Test(arguments: programs.map(\.name)) func runsTheSameAtEveryDepth(name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    let (bare, _) = try expectEquivalence(Guest(program), name)
    #expect(program.ending.matches(bare.reason))
    if let console = program.expectedConsole {
      #expect(String(decoding: bare.console, as: UTF8.self) == console)
    }
  }

  /// Benchmarks hardly ever come back to the VMM: what is innocuous runs on the hardware.
  @Test func innocuousInstructionsRunDirectly() throws {
    let program = try #require(ToyPrograms.all.first { $0.category == .benchmark })
    let guest = try Guest(program)
    for depth in 1...2 {
      let monitor = try guest.monitor(depth: depth)
      let reason = try monitor.run(RunLimits(instructions: 200_000), into: nil)
      let statistics = monitor.statistics
      #expect(reason == .limit || program.ending.matches(reason))
      #expect(statistics.direct * 1000 >= statistics.retired * 999)
      #expect(statistics.exitCount * 1000 < statistics.retired)
    }
  }
}
