internal import MachineCore
public import ToyISA
internal import Trace

/// Guest speed by engine, always several engines in turns in one run, so that ratios hold on a noisy host.
public enum SpeedBench {
  /// What one engine did on one program.
  public struct Result: Sendable {
    /// Guest instructions in a round.
    public var instructions: UInt64
    /// Median seconds of a round.
    public var seconds: Double
    /// Million guest instructions per second.
    public var mips: Double { seconds > 0 ? Double(instructions) / seconds / 1e6 : 0 }
  }

  /// Engines that are measured.
  public enum Subject: String, Sendable, CaseIterable {
    case emulator
    /// The emulator with a recorder that wants nothing during the run.
    case emulatorTraceOff = "emulator, trace off"
    case virtualizer
    case simulator
  }

  /// Measures the subjects in turns.
  ///
  /// - Parameters:
  ///   - program: a built-in toy benchmark.
  ///   - rounds: of which the median counts.
  ///   - simulatorInstructions: how far the simulator runs, since it is the slowest by far.
  /// - Throws: ``MachineError`` or ``EngineRefusal`` when an engine cannot be made.
  public static func run(
    _ program: ToyProgram, rounds: Int = 3, simulatorInstructions: UInt64 = 5_000_000
  ) throws -> [Subject: Result] {
    let image = try ToyAssembler.assemble(
      program.source, file: program.file, defines: program.benchDefines ?? program.defines)
    let workload = Workload(name: program.name, machine: .toy(image, program.machine, .classic))
    var times: [Subject: [Double]] = [:]
    var instructions: [Subject: UInt64] = [:]
    for _ in 0..<max(rounds, 1) {
      for subject in Subject.allCases {
        let limit = subject == .simulator ? simulatorInstructions : .max
        let engine = try workload.makeEngine(subject.kind)
        let recorder = subject == .emulatorTraceOff ? TraceRecorder(level: .final) { _ in } : nil
        let start = ContinuousClock.now
        _ = try engine.run(RunLimits(instructions: limit), into: recorder)
        let elapsed = start.duration(to: .now).components
        times[subject, default: []].append(Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
        instructions[subject] = engine.platform.retired
      }
    }
    return times.reduce(into: [:]) { results, entry in
      let sorted = entry.value.sorted()
      results[entry.key] = Result(
        instructions: instructions[entry.key] ?? 0, seconds: sorted[sorted.count / 2])
    }
  }
}

extension SpeedBench.Subject {
  fileprivate var kind: EngineKind {
    switch self {
    case .emulator, .emulatorTraceOff: .emulator
    case .virtualizer: .virtualizer
    case .simulator: .simulator
    }
  }
}
