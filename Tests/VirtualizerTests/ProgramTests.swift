import MachineCore
import Testing
import ToyISA
import Trace
import Virtualizer

/// The package's own programs on stacks of VMMs.
@Suite struct ProgramTests {
  static let programs = ToyPrograms.all.filter { $0.category != .benchmark }

  @Test(arguments: programs.map(\.name)) func runsTheSameOnStacks(name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    let deepest = program.category == .os ? 3 : 2
    let (bare, _) = try expectEquivalence(Guest(program), name, depths: 1...deepest)
    #expect(program.ending.matches(bare.reason))
    if let console = program.expectedConsole {
      #expect(String(decoding: bare.console, as: UTF8.self) == console)
    }
  }

  /// On the variant whose flaw it shows, a probe can tell that it runs on a VMM; control is kept.
  @Test(arguments: programs.filter { $0.witnesses != nil }.map(\.name))
  func probesDivergeOnTheirVariant(name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    var guest = try Guest(program)
    guest.variant = try #require(program.witnesses)
    let virtual = try guest.virtual(depth: 1)
    #expect(virtual.difference(from: try guest.bare()) != nil)
    #expect(virtual.statistics.controlViolations == [])
  }

  @Test func everyVMMOfAStackCountsItsInterventions() throws {
    let guest = PagingTests.userUnderPaging()
    let top = try guest.monitor(depth: 3)
    _ = try top.run(guest.limits, into: nil)
    let middle = try #require(top.hardware as? VirtualMachineMonitor)
    let lowest = try #require(middle.hardware as? VirtualMachineMonitor)
    #expect([top.depth, middle.depth, lowest.depth] == [3, 2, 1])
    #expect([top.flavour, lowest.flavour] == ["vmm depth 3", "vmm depth 1"])
    for (below, above) in [(lowest, middle), (middle, top)] {
      // All that comes back to a VMM has come back to the one below it, which shadows its tables besides.
      #expect(below.statistics.direct == above.statistics.direct)
      #expect(below.statistics.exits["page fill"] ?? 0 >= above.statistics.exits["page fill"] ?? 0)
      #expect(below.statistics.exits["svc"] == above.statistics.exits["svc"])
      #expect(below.statistics.emulated == 0)
      #expect(below.statistics.reflected > 0)
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
