import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// Every engine gives an effect the clock, mode and CPU of its head, so that each row of a trace stands alone.
@Suite struct EffectPlaceTests {
  /// Heads, effects and modes seen in the trace of a run.
  private final class Tally {
    var head = TraceRecord(.host)
    var effects = 0
    var misplaced: [TraceRecord] = []
    var modes: Set<UInt8> = []

    func add(_ record: TraceRecord) {
      guard record.eventKind?.isEffect == true else {
        head = record
        return
      }
      effects += 1
      modes.insert(record.mode)
      if !record.isPlaced(like: head), misplaced.count < 4 { misplaced.append(record) }
    }
  }

  private func tally(_ workload: Workload, _ kind: EngineKind, depth: Int = 1, limit: UInt64) throws -> Tally
  {
    let engine = try workload.makeEngine(kind, depth: depth)
    let tally = Tally()
    let recorder = TraceRecorder(level: .instructions) { batch in
      for record in batch { tally.add(record) }
    }
    let stop = try engine.run(RunLimits(instructions: limit), into: recorder)
    FinalState.append(stop, of: engine, to: recorder)
    recorder.flush()
    return tally
  }

  @Test(arguments: EngineKind.allCases, ["minos", "minos-paging"])
  func toyEngines(_ kind: EngineKind, _ name: String) throws {
    let workload = try Workload.toy(#require(ToyPrograms.named(name)))
    for depth in kind == .virtualizer ? [1, 2] : [1] {
      let tally = try tally(workload, kind, depth: depth, limit: 20_000)
      #expect(tally.misplaced.isEmpty)
      #expect(tally.effects > 10_000)
      #expect(tally.modes == [0, 1])
    }
  }

  @Test(arguments: [EngineKind.simulator, .emulator])
  func x86Engines(_ kind: EngineKind) throws {
    for x86 in X86Workload.all {
      let tally = try tally(.x86(x86), kind, limit: 3000)
      #expect(tally.misplaced.isEmpty, "\(x86.name)")
      #expect(tally.effects > 1000, "\(x86.name)")
    }
  }

  #if os(Linux) && arch(x86_64)
    @Test(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
    func x86UnderKVM() throws {
      let workload = try Workload.x86(.real16)
      guard try workload.makeEngine(.virtualizer).capabilities.traceLevel == .instructions else { return }
      let tally = try tally(workload, .virtualizer, limit: 300)
      #expect(tally.misplaced.isEmpty)
      #expect(tally.effects > 100)
    }
  #endif
}
