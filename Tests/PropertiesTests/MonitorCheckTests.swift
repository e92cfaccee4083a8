import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import Virtualizer

@Suite struct MonitorCheckTests {
  private func minos(_ variant: ToyVariant, limit: UInt64 = 150_000) throws -> Workload {
    let program = try #require(ToyPrograms.named("minos"))
    return Workload(
      name: "minos", machine: .toy(try program.assemble(), program.machine, variant), instructionLimit: limit)
  }

  private func check(
    _ variant: ToyVariant, depth: Int = 1, _ construction: VirtualMachineMonitor.Construction = .plain
  ) throws -> MonitorCheck {
    var setup = MonitorCheck.Setup()
    setup.depth = depth
    setup.construction = construction
    return try MonitorCheck(minos(variant), .all, setup)
  }

  @Test(arguments: 1...3)
  func `minos on classic has a virtual machine monitor at every depth`(_ depth: Int) throws {
    let found = try check(.classic, depth: depth)
    #expect(!found.hasFailure)
    #expect(found.sentence?.hasPrefix("This is a virtual machine monitor") == true)
    #expect(found.counts.directFraction > 0.98)
    #expect(found.counts.cycles > 122_184)
  }

  @Test func `on popf the plain monitor fails at setie`() throws {
    let found = try check(.popf)
    let (divergence, _, _) = try #require(found.divergence)
    let word = UInt32(truncatingIfNeeded: try #require(divergence.left).head.bytes.low)
    #expect(ToyDisassembler.text(of: word, at: 0).hasPrefix("setie"))
    #expect(found.firstFailure == "equivalence")
    #expect(found.sentence?.hasPrefix("This is not a virtual machine monitor") == true)
  }

  @Test(arguments: [ToyVariant.popf, .jrst])
  func `the hybrid monitor restores equivalence`(_ variant: ToyVariant) throws {
    let found = try check(variant, .hybrid)
    #expect(!found.hasFailure)
    #expect(found.sentence?.hasPrefix("This is a hybrid virtual machine monitor") == true)
  }

  @Test(arguments: VirtualMachineMonitor.Construction.allCases)
  func `on leaky both monitors fail at getbase`(_ construction: VirtualMachineMonitor.Construction) throws {
    let found = try check(.leaky, construction)
    let (divergence, _, _) = try #require(found.divergence)
    let head = try #require(divergence.left).head
    let text = ToyDisassembler.text(of: UInt32(truncatingIfNeeded: head.bytes.low), at: 0)
    #expect(text.hasPrefix("getbase"))
    #expect(head.mode == 1)
    #expect(found.hasFailure)
  }

  @Test func `on jrst the plain monitor fails at jrst and the hybrid one does not`() throws {
    let program = try #require(ToyPrograms.named("jrst-probe"))
    let workload = Workload(
      name: "jrst-probe", machine: .toy(try program.assemble(), program.machine, .jrst))
    let plain = try MonitorCheck(workload, .equivalence)
    let word = UInt32(truncatingIfNeeded: try #require(plain.divergence?.0.left).head.bytes.low)
    #expect(ToyDisassembler.text(of: word, at: 0).hasPrefix("jrst"))
    var setup = MonitorCheck.Setup()
    setup.construction = .hybrid
    #expect(try MonitorCheck(workload, .equivalence, setup).equivalence == .pass)
  }

  @Test(arguments: ["minos", "minos-paging"])
  func `traps multiply as predicted`(_ name: String) throws {
    let program = try #require(ToyPrograms.named(name))
    let workload = Workload(name: name, machine: .toy(try program.assemble(), program.machine, .classic))
    let found = try TrapMultiplication(workload, depth: 3, limits: RunLimits())
    #expect(found.levels.count == 3)
    #expect(found.holds, "\(found.levels)")
    #expect(found.levels.allSatisfy { $0.measured > 1000 })
  }

  @Test func `a floor that is not reached fails`() throws {
    var setup = MonitorCheck.Setup()
    setup.floor = 0.999
    #expect(try MonitorCheck(minos(.classic), .efficiency, setup).efficiency?.isFailure == true)
    setup.floor = 0.9
    #expect(try MonitorCheck(minos(.classic), .efficiency, setup).efficiency == .pass)
  }

  @Test func `an emulator is no monitor, and nothing of it fails`() throws {
    var setup = MonitorCheck.Setup()
    setup.machine = .emulator
    let found = try MonitorCheck(minos(.classic), .all, setup)
    #expect(!found.hasFailure)
    #expect(found.sentence?.hasPrefix("This is not a virtual machine monitor") == true)
  }
}
