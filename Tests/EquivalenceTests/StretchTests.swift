import MachineCore
import Mutants
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// A run in stretches is the same as a run in one go.
@Suite struct StretchTests {
  private static let workloads: [@Sendable () throws -> Workload] = [
    MutantPrograms.tour,
    { ToyRandomProgram.workload(seed: 7, limit: 4000) },
    { try .source("nested", nested, input: Array("x".utf8)) },
    { try .source("storm", storm) },
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

  /// Interrupts on two lines at once, taken in a handler that lets itself be interrupted: one
  /// instruction must retire between them, wherever a stretch ends.
  private static let nested = """
            .include "toy.inc"
            .text
    _start: la      t0, handler
            sw      t0, TRAP_NEW + 4(zero)
            li      t0, PSW_IE
            sw      t0, TRAP_NEW(zero)
            li      t0, 0x10000
            sw      t0, TRAP_NEW + 12(zero)
            li      t0, 1
            out     t0, CONSOLE_STATUS(zero)
            out     t0, TIMER(zero)
            setie   t0
    1:      j       1b
    handler:
            addi    s0, s0, 1
            setie   zero
            li      t1, 40
            bgeu    s0, t1, 3f
            out     t0, CONSOLE_STATUS(zero)
            out     t0, TIMER(zero)
            setie   t0
    2:      j       2b
    3:      out     zero, POWER(zero)
    """

  /// An interrupt whose handler traps at once: a check stop, wherever a stretch ends.
  private static let storm = """
            .include "toy.inc"
            .text
    _start: la      t0, handler
            sw      t0, TRAP_NEW + 4(zero)
            li      t0, 0x10000
            sw      t0, TRAP_NEW + 12(zero)
            li      t0, 20
            out     t0, TIMER(zero)
            li      t0, 1
            setie   t0
    1:      addi    s0, s0, 1
            j       1b
    handler:
            brk
    """

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
