import MachineCore
import Properties
import Testing
import Trace
import X86Backend

/// MinOS for x86-64: the same on every engine, and when a run changes the engine.
@Suite struct MinOSTests {
  private static let limits = RunLimits(instructions: 3_000_000, hostSeconds: 60)
  private static let pairs = EngineKind.allCases.flatMap { first in
    EngineKind.allCases.filter { $0 != first }.map { (first, $0) }
  }
  private static let softwarePairs = pairs.filter { $0.0 != .virtualizer && $0.1 != .virtualizer }
  private static let hardwarePairs = pairs.filter { $0.0 == .virtualizer || $0.1 == .virtualizer }

  private func workload(_ system: X86Workload) throws -> Workload {
    Workload(
      name: system.name, machine: .x86(try system.machine()), instructionLimit: Self.limits.instructions,
      expectedConsole: Array(system.expectedConsole.utf8))
  }

  /// What a run leaves behind.
  private struct End: Equatable {
    var stop: StopReason
    var memory: UInt64
    var console: String
    var registers: [UInt64]
    var time: UInt64

    init(_ engine: any Engine, _ stop: StopReason) {
      self.stop = stop
      memory = engine.platform.memory.digest
      console = String(decoding: engine.platform.console, as: UTF8.self)
      registers = engine.state.registers
      time = engine.platform.now
    }
  }

  /// How a run of MinOS on the emulator ends, and its interrupts that an access brought; found out once.
  private static let reference = Result {
    let suite = MinOSTests()
    let workload = try suite.workload(X86Workload.minos)
    return (end: try suite.whole(workload), due: try suite.accessesBeforeInterrupts(workload))
  }

  /// A whole run on the emulator.
  private func whole(_ workload: Workload) throws -> End {
    let engine = try workload.makeEngine(.emulator)
    return End(engine, try engine.run(Self.limits, into: nil))
  }

  @Test(arguments: X86Workload.systems.map(\.name))
  func processesAreKeptApart(_ name: String) throws {
    let system = try #require(X86Workload.named(name))
    let end = try whole(try workload(system))
    #expect(end.stop == .powerOff(status: system.expectedStatus))
    #expect(end.console == system.expectedConsole)
  }

  @Test func bothWaysToBootEndAlike() throws {
    var (first, second) = (
      try whole(try workload(X86Workload.minos)), try whole(try workload(X86Workload.minosMultiboot))
    )
    // The first tables and what the loader tells the kernel stay in storage.
    (first.memory, second.memory) = (0, 0)
    #expect(first == second)
  }

  private func expectEqual(_ system: X86Workload, on kind: EngineKind, against other: EngineKind) throws {
    let outcome = try EquivalenceCheck.run(
      try workload(system), machine: kind, against: other, level: .events, limits: Self.limits)
    switch outcome.verdict {
    case .pass, .passExcept: break
    default: Issue.record("\(kind) against \(other): \(outcome.verdict)")
    }
  }

  @Test(arguments: [X86Workload.minos.name, X86Workload.minosTimed.name])
  func eventsAgree(_ name: String) throws {
    try expectEqual(try #require(X86Workload.named(name)), on: .emulator, against: .simulator)
  }

  @Test(
    .enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"),
    arguments: [X86Workload.minos.name, X86Workload.minosMultiboot.name])
  func eventsAgreeWithKVM(_ name: String) throws {
    try expectEqual(try #require(X86Workload.named(name)), on: .virtualizer, against: .emulator)
  }

  // MARK: Hand-off

  /// How many device accesses come before interrupts that an access brought: behind the last of them the interrupt
  /// is due, and cannot be taken yet.
  private func accessesBeforeInterrupts(_ workload: Workload) throws -> [UInt64] {
    var found: [UInt64] = []
    var accesses: UInt64 = 0
    var isAccess = false
    let recorder = TraceRecorder(level: .events) { batch in
      for record in batch {
        switch record.eventKind {
        case .device: (accesses, isAccess) = (accesses + 1, true)
        case .interrupt:
          if isAccess { found.append(accesses) }
          isAccess = false
        default: break
        }
      }
    }
    _ = try workload.makeEngine(.emulator).run(Self.limits, into: recorder)
    recorder.flush()
    return found
  }

  private func handOn(
    _ pair: (EngineKind, EngineKind), _ workload: Workload, _ what: String, expected: End,
    _ advance: (any Engine) throws -> Void
  ) throws {
    let first = try workload.makeEngine(pair.0)
    try advance(first)
    let second = try HandOff(workload, limits: Self.limits).transfer(first, to: pair.1)
    let end = End(second, try second.run(Self.limits, into: nil))
    #expect(end == expected, "\(pair.0) to \(pair.1), \(what)")
  }

  private func check(_ pair: (EngineKind, EngineKind)) throws {
    let workload = try workload(X86Workload.minos)
    let (expected, due) = try Self.reference.get()
    let handOff = HandOff(workload, limits: Self.limits)
    func isInRing3(_ engine: any Engine) -> Bool { engine.state[.cs] & 3 == 3 }
    // The simulator, which is slow, gets the shorter part.
    let isLate = pair.1 == .simulator
    let access = try #require(isLate ? due.dropLast().last : due.dropFirst().first)
    for (count, what) in [(access - 7, "in the kernel"), (access, "an interrupt pending")] {
      try handOn(pair, workload, what, expected: expected) { engine in
        try #require(try handOff.run(engine, to: .deviceAccess(count)) == nil)
        #expect(!isInRing3(engine))
      }
    }
    // KVM stops there only where it can single-step or has breakpoints in ring 3.
    guard pair.0 != .virtualizer else { return }
    try handOn(pair, workload, "in a process", expected: expected) { engine in
      try #require(try engine.run(RunLimits(instructions: isLate ? 850_000 : 60_000), into: nil) == .limit)
      var tries = 0
      while !isInRing3(engine), tries < 5000 {
        tries += 1
        _ = try engine.run(RunLimits(instructions: 7), into: nil)
      }
      #expect(isInRing3(engine))
    }
  }

  @Test(arguments: softwarePairs)
  func handedOnItEndsAlike(_ pair: (EngineKind, EngineKind)) throws { try check(pair) }

  @Test(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"), arguments: hardwarePairs)
  func handedOnItEndsAlikeWithKVM(_ pair: (EngineKind, EngineKind)) throws { try check(pair) }
}
