internal import MachineCore
public import X86Backend

/// Speed of the 64-bit computations: the emulator's, and KVM's in ring 3 against the host's own.
public enum X86SpeedBench {
  /// What was measured on one computation.
  public struct Result: Sendable {
    /// Which.
    public var computation: X86Computation
    /// Instructions of the emulator's run.
    public var instructions: UInt64 = 0
    /// Median seconds of the emulator.
    public var emulatorSeconds = 0.0
    /// KVM against the host; `nil` where there is no KVM or the host's processor is another one.
    public var direct: DirectExecution?
    /// All came to the same result.
    public var isCorrect = true

    /// Million guest instructions per second on the emulator.
    public var emulatorMIPS: Double {
      emulatorSeconds > 0 ? Double(instructions) / emulatorSeconds / 1e6 : 0
    }
  }

  /// The same machine code in ring 3 of a KVM guest and called as a function by this process.
  ///
  /// A run has a fixed cost (entering the guest, its tables, its line of output), which says nothing about
  /// the speed of direct execution. So each pair of measurements is of a long and a short run, and what
  /// counts is the time of the rounds by which they differ.
  public struct DirectExecution: Sendable {
    /// Rounds of the long runs, so many that the host takes at least ``X86SpeedBench/leastSeconds``.
    public var rounds: UInt32 = 0
    /// Least seconds of these rounds: under KVM, and on the host.
    public var kvmSeconds = 0.0
    public var nativeSeconds = 0.0
    /// Least seconds of a run of one round under KVM: the fixed cost.
    public var kvmStartSeconds = 0.0
    /// KVM's time over the host's in each pair, taken one after the other.
    public var ratios: [Double] = []

    /// The median of the pairs' ratios.
    public var timesNative: Double { X86SpeedBench.median(ratios) ?? 0 }
  }

  /// The shortest measurement that is taken for good.
  public static let leastSeconds = 0.15

  /// Measures one computation.
  ///
  /// - Parameter rounds: repetitions, of which the median counts.
  /// - Throws: ``LoaderError`` or ``MachineError`` when a machine cannot be made.
  public static func run(_ computation: X86Computation, rounds: Int = 3) throws -> Result {
    var result = Result(computation: computation)
    var seconds: [Double] = []
    var sum: String?
    for _ in 0..<max(rounds, 1) {
      let guest = try timed(computation, .emulator, rounds: computation.benchRounds)
      seconds.append(guest.seconds)
      result.instructions = guest.retired
      if sum == nil { sum = guest.sum }
      if guest.sum == nil || guest.sum != sum { result.isCorrect = false }
    }
    result.emulatorSeconds = median(seconds) ?? 0
    #if os(Linux) && arch(x86_64)
      if KVMProbe.shared.isUsable, let code = try? NativeComputation() {
        let check = code.timed(computation, rounds: computation.benchRounds)
        if check.sum != sum { result.isCorrect = false }
        result.direct = try measure(computation, code, repetitions: rounds, &result.isCorrect)
      }
    #endif
    return result
  }

  #if os(Linux) && arch(x86_64)
    private static func measure(
      _ computation: X86Computation, _ code: borrowing NativeComputation, repetitions: Int,
      _ isCorrect: inout Bool
    ) throws -> DirectExecution {
      var direct = DirectExecution()
      direct.rounds = computation.benchRounds
      while code.timed(computation, rounds: direct.rounds).seconds < leastSeconds, direct.rounds < 1 << 28 {
        direct.rounds *= 2
      }
      var least = (kvm: Double.infinity, native: Double.infinity, start: Double.infinity)
      for repetition in 0..<max(repetitions, 3) {
        // Each in turn comes first, so that a drift of the host's speed favours neither.
        var kvm = 0.0
        var native = 0.0
        for turn in 0..<2 {
          if (turn + repetition) & 1 == 0 {
            let long = try timed(computation, .virtualizer, rounds: direct.rounds)
            let short = try timed(computation, .virtualizer, rounds: 1)
            kvm = long.seconds - short.seconds
            least.start = min(least.start, short.seconds)
            if long.sum == nil || long.sum != code.timed(computation, rounds: direct.rounds).sum {
              isCorrect = false
            }
          } else {
            let long = code.timed(computation, rounds: direct.rounds)
            native = long.seconds - code.timed(computation, rounds: 1).seconds
          }
        }
        guard kvm > 0, native > 0 else { continue }
        direct.ratios.append(kvm / native)
        least.kvm = min(least.kvm, kvm)
        least.native = min(least.native, native)
      }
      (direct.kvmSeconds, direct.nativeSeconds, direct.kvmStartSeconds) = least
      return direct
    }
  #endif

  /// One run of a guest: its seconds, the number it printed, and the instructions that it retired.
  private static func timed(
    _ computation: X86Computation, _ kind: EngineKind, rounds: UInt32
  ) throws -> (seconds: Double, sum: String?, retired: UInt64) {
    let program = computation.workload(.long64)
    let machine = try program.machine(memorySize: 8 << 20, rounds: rounds)
    let engine = try Workload(name: program.name, machine: .x86(machine)).makeEngine(kind)
    let start = ContinuousClock.now
    let reason = try engine.run(RunLimits(instructions: .max, hostSeconds: 120), into: nil)
    let seconds = seconds(since: start)
    let text = String(decoding: engine.platform.console, as: UTF8.self)
    let isDone = reason == .powerOff(status: PowerPort.status(ofWritten: 0)) && text.hasSuffix("\n")
    return (seconds, isDone ? String(text.dropLast().suffix(8)) : nil, engine.platform.retired)
  }

  fileprivate static func seconds(since start: ContinuousClock.Instant) -> Double {
    let elapsed = start.duration(to: .now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  private static func median(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.sorted()[values.count / 2]
  }
}

#if os(Linux) && arch(x86_64)
  extension NativeComputation {
    /// A call of the computation: its seconds and its result as guests print it.
    fileprivate func timed(_ computation: X86Computation, rounds: UInt32) -> (seconds: Double, sum: String) {
      let start = ContinuousClock.now
      let sum = run(computation, rounds: rounds)
      let seconds = X86SpeedBench.seconds(since: start)
      let digits = String(sum, radix: 16)
      return (seconds, String(repeating: "0", count: 8 - digits.count) + digits)
    }
  }
#endif
