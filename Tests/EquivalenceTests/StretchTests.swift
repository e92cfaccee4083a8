import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// A run in stretches is the same as a run in one go.
@Suite struct StretchTests {
  private static let workloads: [@Sendable () throws -> Workload] = [
    MutantPrograms.tour,
    { RandomProgram.workload(seed: 7, limit: 4000) },
    {
      let program = try #require(ToyPrograms.named("clock-storm"))
      return try .toy(program, defines: ["SIZE": 60], limit: 4000)
    },
    {
      var workload = try Workload.x86(.real16)
      workload.instructionLimit = 4000
      return workload
    },
  ]

  @Test(arguments: EngineKind.allCases, [1, 7, 1000] as [UInt64])
  func `a run in stretches gives the same trace`(_ kind: EngineKind, _ stretch: UInt64) throws {
    for make in Self.workloads {
      var workload = try make()
      if stretch < 10 { workload.instructionLimit = 700 }
      // KVM counts nothing, so it has no stretches of instructions.
      if workload.isa == "x86", kind == .virtualizer { continue }
      for level in [TraceLevel.instructions, .events, .final] {
        let whole = try Self.run(workload, kind, level, stretch: workload.instructionLimit)
        let parts = try Self.run(workload, kind, level, stretch: stretch)
        let label = "\(workload.name) on \(kind) at \(level.name)"
        let different = zip(whole.records, parts.records).enumerated().first { $1.0 != $1.1 }
        #expect(different == nil, "\(label)")
        #expect(whole.records.count == parts.records.count, "\(label)")
        #expect(level == .final || whole.records.count > 10, "\(label)")
        #expect(whole.stop == parts.stop, "\(label)")
      }
    }
  }

  /// What the guest saw, and the final state.
  private static func run(
    _ workload: Workload, _ kind: EngineKind, _ level: TraceLevel, stretch: UInt64
  ) throws -> (records: [TraceRecord], stop: StopReason) {
    let engine = try workload.makeEngine(kind)
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: level) { batch in
      records += batch.filter { $0.eventKind?.isGuest ?? true }
    }
    var stop = StopReason.limit
    while stop == .limit, engine.platform.retired < workload.instructionLimit {
      let left = workload.instructionLimit - engine.platform.retired
      stop = try engine.run(RunLimits(instructions: min(stretch, left)), into: recorder)
    }
    FinalState.append(stop, of: engine, to: recorder)
    recorder.flush()
    return (records, stop)
  }
}
