internal import MachineCore
public import X86Backend

/// Speed of the 64-bit computations: the emulator's, and KVM's in ring 3 against the host's own.
public enum X86SpeedBench {
  /// What was measured on one computation.
  public struct Result: Sendable {
    /// Which.
    public var computation: X86Computation
    /// Instructions of a round of measuring.
    public var instructions: UInt64 = 0
    /// Median seconds of the emulator.
    public var emulatorSeconds = 0.0
    /// Median seconds under KVM; `nil` where there is none.
    public var kvmSeconds: Double?
    /// Median seconds of the same machine code called by the host; `nil` where that cannot be.
    public var nativeSeconds: Double?
    /// All came to the same result.
    public var isCorrect = true

    /// Million guest instructions per second on the emulator.
    public var emulatorMIPS: Double {
      emulatorSeconds > 0 ? Double(instructions) / emulatorSeconds / 1e6 : 0
    }
    /// KVM's time over the host's.
    public var timesNative: Double? {
      guard let kvmSeconds, let nativeSeconds, nativeSeconds > 0 else { return nil }
      return kvmSeconds / nativeSeconds
    }
  }

  /// Measures one computation, its subjects in turns.
  ///
  /// KVM's time includes switching the machine on, its tables and its line of output.
  /// - Parameter rounds: of which the median counts.
  /// - Throws: ``LoaderError`` or ``MachineError`` when a machine cannot be made.
  public static func run(_ computation: X86Computation, rounds: Int = 3) throws -> Result {
    var result = Result(computation: computation)
    var times: [EngineKind: [Double]] = [:]
    var native: [Double] = []
    let program = computation.workload(.long64)
    let machine = try program.machine(memorySize: 8 << 20, rounds: computation.benchRounds)
    let workload = Workload(name: program.name, machine: .x86(machine))
    for _ in 0..<max(rounds, 1) {
      var outputs: Set<[UInt8]> = []
      for kind in [EngineKind.emulator, .virtualizer] {
        guard kind == .emulator || KVMProbe.shared.isUsable else { continue }
        let engine = try workload.makeEngine(kind)
        let start = ContinuousClock.now
        let reason = try engine.run(RunLimits(instructions: .max, hostSeconds: 120), into: nil)
        times[kind, default: []].append(seconds(since: start))
        if reason != .powerOff(status: PowerPort.status(ofWritten: 0)) { result.isCorrect = false }
        outputs.insert(engine.platform.console)
        if kind == .emulator { result.instructions = engine.platform.retired }
      }
      #if os(Linux) && arch(x86_64)
        if let code = try? NativeComputation() {
          let start = ContinuousClock.now
          let sum = code.run(computation, rounds: computation.benchRounds)
          native.append(seconds(since: start))
          let digits = String(sum, radix: 16)
          let text = String(repeating: "0", count: 8 - digits.count) + digits
          if !outputs.allSatisfy({ String(decoding: $0, as: UTF8.self).hasSuffix(": \(text)\n") }) {
            result.isCorrect = false
          }
        }
      #endif
      if outputs.count != 1 { result.isCorrect = false }
    }
    result.emulatorSeconds = median(times[.emulator] ?? []) ?? 0
    result.kvmSeconds = median(times[.virtualizer] ?? [])
    result.nativeSeconds = median(native)
    return result
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    let elapsed = start.duration(to: .now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  private static func median(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.sorted()[values.count / 2]
  }
}
