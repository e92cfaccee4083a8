import MachineCore
import Properties
import Testing
import ToyISA
import Trace

/// Random programs are the same on all engines, instruction by instruction.
@Suite struct RandomProgramTests {
  /// Most instructions of one program.
  private static let limit: UInt64 = 17_000
  private static let programsOfBatch: UInt64 = 8
  private static let batches: Range<UInt64> = 0..<8

  /// Instructions that the programs of a batch must retire, so that all batches make a million.
  private static let leastOfBatch: UInt64 = 1_000_000 / 8

  @Test(arguments: batches)
  func `random programs agree on simulator, emulator and virtualizer`(_ batch: UInt64) throws {
    var retired: UInt64 = 0
    var traps: Set<UInt32> = []
    for seed in (batch * Self.programsOfBatch)..<((batch + 1) * Self.programsOfBatch) {
      let workload = ToyRandomProgram.workload(seed: seed, limit: Self.limit)
      retired += try Self.expectEqual(workload, .emulator)
      // The emulator is faster than the simulator, which it has just been found equal to.
      try Self.expectEqual(workload, .virtualizer, against: .emulator)
      traps.formUnion(try Self.causes(workload))
    }
    #expect(retired >= Self.leastOfBatch, "batch \(batch) is too short")
    print("random batch \(batch): \(retired) instructions")
    // Every kind of trap and interrupt has happened.
    let all = Set(ToyCause.allCases.map(\.rawValue))
    #expect(
      traps == all,
      "batch \(batch) lacks \(all.subtracting(traps).map { ToyCause(rawValue: $0)?.name ?? "" })")
  }

  @Test(arguments: [1001, 1002, 1003] as [UInt64])
  func `random programs agree under two VMMs`(_ seed: UInt64) throws {
    try Self.expectEqual(ToyRandomProgram.workload(seed: seed, limit: 10_000), .virtualizer, depth: 2)
  }

  @Test(arguments: ToyVariant.allCases, [2001, 2002, 2003] as [UInt64])
  func `random programs agree on simulator and emulator in every variant`(
    _ variant: ToyVariant, _ seed: UInt64
  ) throws {
    try Self.expectEqual(ToyRandomProgram.workload(seed: seed, variant: variant, limit: 15_000), .emulator)
  }

  /// - Returns: how many instructions retired.
  @discardableResult
  private static func expectEqual(
    _ workload: Workload, _ kind: EngineKind, against reference: EngineKind = .simulator, depth: Int = 1
  ) throws -> UInt64 {
    let machine = try workload.makeEngine(kind, depth: depth)
    let outcome = try EquivalenceCheck.run(
      workload, machine: machine, against: workload.makeEngine(reference), level: .instructions,
      limits: RunLimits(instructions: workload.instructionLimit))
    #expect(outcome.verdict == .pass, "\(workload.name), \(workload.variant), \(machine.flavour)")
    #expect(outcome.controlViolations.isEmpty, "\(workload.name), \(machine.flavour)")
    // Tracing takes another path through an engine than running; both must end alike.
    let untraced = try workload.makeEngine(kind, depth: depth)
    _ = try untraced.run(RunLimits(instructions: workload.instructionLimit), into: nil)
    #expect(untraced.state == machine.state, "\(workload.name), \(workload.variant), \(machine.flavour)")
    #expect(untraced.platform.memory.digest == machine.platform.memory.digest, "\(workload.name)")
    #expect(untraced.platform.console == machine.platform.console, "\(workload.name)")
    #expect(untraced.platform.now == machine.platform.now, "\(workload.name)")
    return machine.platform.retired
  }

  /// Causes of the traps and interrupts of a run.
  private static func causes(_ workload: Workload) throws -> Set<UInt32> {
    var found: Set<UInt32> = []
    let recorder = TraceRecorder(level: .events) { batch in
      for record in batch where record.eventKind == .trap || record.eventKind == .interrupt {
        found.insert(record.code)
      }
    }
    _ = try workload.makeEngine(.emulator).run(
      RunLimits(instructions: workload.instructionLimit), into: recorder)
    recorder.flush()
    return found
  }
}
