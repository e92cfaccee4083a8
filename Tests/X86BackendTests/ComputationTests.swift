import MachineCore
import Simulator
import Testing
import Trace
import X86Backend

/// The computations on every engine, against results computed here in another way.
@Suite struct ComputationTests {
  static let rounds: UInt32 = 2

  static func engine(_ kind: EngineKind, _ machine: X86Machine) throws -> any Engine {
    try WorkloadEngineTests.engine(kind, machine)
  }

  @Test(arguments: X86Computation.allCases)
  func statedResultsAreRight(_ computation: X86Computation) {
    let value = ExpectedComputation.result(of: computation, rounds: X86Computation.rounds)
    #expect(computation.result == hex(UInt64(value), digits: 8).dropFirst(2))
  }

  @Test(arguments: X86Computation.allCases, X86Mode.allCases)
  func theEmulatorComputes(_ computation: X86Computation, _ mode: X86Mode) throws {
    let machine = try computation.workload(mode).machine(memorySize: 8 << 20, rounds: Self.rounds)
    let engine = try Self.engine(.emulator, machine)
    #expect(
      try engine.run(RunLimits(instructions: 2_000_000), into: nil)
        == .powerOff(status: PowerPort.status(ofWritten: 0)))
    #expect(String(decoding: engine.platform.console, as: UTF8.self) == Self.line(computation, mode))
  }

  static func line(_ computation: X86Computation, _ mode: X86Mode) -> String {
    let value = ExpectedComputation.result(of: computation, rounds: rounds)
    return "\(computation), \(mode.rawValue) bits, rounds \(rounds): "
      + hex(UInt64(value), digits: 8).dropFirst(2) + "\n"
  }

  /// The beginning only: without optimisation the simulator takes its time.
  @Test(arguments: X86Computation.allCases, X86Mode.allCases)
  func theSimulatorDoesTheSame(_ computation: X86Computation, _ mode: X86Mode) throws {
    let machine = try computation.workload(mode).machine(memorySize: 8 << 20)
    var traces: [[TraceRecord]] = []
    for kind in [EngineKind.simulator, .emulator] {
      let engine = try Self.engine(kind, machine)
      var records: [TraceRecord] = []
      let recorder = TraceRecorder(level: .instructions) { records += $0 }
      _ = try engine.run(RunLimits(instructions: 4000), into: recorder)
      recorder.flush()
      traces.append(records)
    }
    #expect(traces[0].count > 4000)
    #expect(traces[0] == traces[1])
  }

  #if os(Linux) && arch(x86_64)
    @Test(
      .enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"),
      arguments: X86Computation.allCases, X86Mode.allCases)
    func theHardwareComputes(_ computation: X86Computation, _ mode: X86Mode) throws {
      let machine = try computation.workload(mode).machine(memorySize: 8 << 20, rounds: Self.rounds)
      let emulator = try Self.engine(.emulator, machine)
      let hardware = try Self.engine(.virtualizer, machine)
      _ = try emulator.run(RunLimits(instructions: 2_000_000), into: nil)
      #expect(
        try hardware.run(RunLimits(hostSeconds: 60), into: nil)
          == .powerOff(status: PowerPort.status(ofWritten: 0)))
      #expect(hardware.platform.console == emulator.platform.console)
      #expect(hardware.platform.memory.digest == emulator.platform.memory.digest)
    }

    @Test(arguments: X86Computation.allCases)
    func theHostComputes(_ computation: X86Computation) throws {
      // A host may refuse to map code at a fixed place; then there is nothing to look at.
      guard let code = try? NativeComputation() else { return }
      let sum = code.run(computation, rounds: Self.rounds)
      #expect(sum == ExpectedComputation.result(of: computation, rounds: Self.rounds))
    }
  #endif
}
