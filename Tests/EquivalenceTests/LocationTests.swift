import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// One wrong instruction in a long run is found, and the machine that made it named.
@Suite struct LocationTests {
  /// A CRC over and over: whatever goes wrong stays in the sum.
  private static func workload(rounds: UInt32) throws -> Workload {
    let program = X86Computation.crc.workload(.long64)
    return Workload(
      name: program.name, machine: .x86(try program.machine(memorySize: 8 << 20, rounds: rounds)),
      instructionLimit: 10_000_000)
  }

  private static func find(
    _ workload: Workload, _ kinds: [EngineKind], wrong: EngineKind, _ instruction: UInt64
  ) throws -> DivergenceFinding? {
    let search = DivergenceSearch(
      workload, limits: RunLimits(instructions: workload.instructionLimit), stride: 500_000,
      makeEngine: { kind in
        let engine = try workload.makeEngine(kind)
        return kind == wrong ? try PlantedFault(engine, instruction: instruction) : engine
      })
    return try search.run(kinds).finding
  }

  @Test(arguments: [(1_900_001, EngineKind.emulator), (777_777, .simulator)] as [(UInt64, EngineKind)])
  func amongTwoMillionInstructions(_ instruction: UInt64, _ wrong: EngineKind) throws {
    let workload = try Self.workload(rounds: 70)
    let finding = try #require(
      try Self.find(workload, [.simulator, .emulator], wrong: wrong, instruction))
    let divergence = try #require(finding.divergence?.0)
    #expect(divergence.left?.head.clock == instruction)
    #expect(divergence.fieldName.hasPrefix("register"))
    if KVMProbe.shared.isUsable {
      #expect(finding.alone == wrong, "\(finding.headline): \(finding.evidence)")
    } else {
      #expect(finding.alone == nil)
    }
  }

  @Test(.enabled(if: KVMProbe.shared.isUsable)) func againstRealHardware() throws {
    let instruction: UInt64 = 400_003
    let workload = try Self.workload(rounds: 20)
    let finding = try #require(
      try Self.find(workload, [.emulator, .virtualizer], wrong: .emulator, instruction))
    #expect(finding.alone == .emulator, "\(finding.headline): \(finding.evidence)")
    #expect(finding.divergence?.0.left?.head.clock == instruction)
  }

  @Test(.enabled(if: KVMProbe.shared.isUsable)) func hardwareAlone() throws {
    // Real mode, where the hardware is different after the fourth character that it prints.
    let workload = try Workload.x86(try #require(X86Workload.named("real16")), memory: 2 << 20)
    let search = DivergenceSearch(
      workload, limits: RunLimits(instructions: workload.instructionLimit), stride: 100_000,
      makeEngine: { kind in
        let engine = try workload.makeEngine(kind)
        return kind == .virtualizer ? Forgetful(engine) : engine
      })
    let finding = try #require(try search.run(EngineKind.allCases).finding)
    #expect(finding.alone == .virtualizer, "\(finding.headline)")
    #expect(finding.evidence.contains { $0.contains("rbp") }, "\(finding.evidence)")
  }

  @Test func soundMachinesAreEqual() throws {
    let workload = try Self.workload(rounds: 8)
    let search = DivergenceSearch(workload, limits: RunLimits(instructions: 10_000_000), stride: 100_000)
    let kinds: [EngineKind] = KVMProbe.shared.isUsable ? EngineKind.allCases : [.simulator, .emulator]
    let outcome = try search.run(kinds)
    #expect(outcome.finding == nil)
    #expect(outcome.inconclusive == nil)
    #expect(outcome.machines.allSatisfy { $0.stop == .powerOff(status: PowerPort.status(ofWritten: 0)) })
  }

  @Test(arguments: EngineKind.allCases) func threeToyMachines(_ wrong: EngineKind) throws {
    let workload = try Workload.source("long", BisectionTests.source, limit: 200_000)
    let finding = try #require(
      try Self.find(workload, EngineKind.allCases, wrong: wrong, 100_001))
    #expect(finding.alone == wrong, "\(finding.headline)")
    #expect(finding.divergence?.0.left?.head.clock == 100_001)
  }

  /// A machine whose RBP changes by itself when four characters have been printed.
  private final class Forgetful: Engine {
    private let engine: any Engine
    init(_ engine: any Engine) { self.engine = engine }

    var kind: EngineKind { engine.kind }
    var flavour: String { engine.flavour }
    var capabilities: Capabilities { engine.capabilities }
    var platform: Platform { engine.platform }
    var instructionSet: any InstructionSet { engine.instructionSet }
    var statistics: EngineStatistics { engine.statistics }
    var state: ProcessorState {
      get { engine.state }
      set { engine.state = newValue }
    }
    func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
      let before = platform.console.count
      let reason = try engine.run(limits, into: recorder)
      if before < 4, platform.console.count >= 4 { state.registers[X86Register.rbp.index] ^= 0x100 }
      return reason
    }
  }
}
