internal import MachineCore
public import X86Backend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Speed of the 64-bit computations: the emulator's, and KVM's in ring 3 against the host's own.
public enum X86SpeedBench {
  /// What was measured on one computation.
  public struct Result: Sendable {
    /// Which.
    public var computation: X86Computation
    /// Instructions of the emulator's run.
    public var instructions: UInt64 = 0
    /// Median processor seconds of the emulator.
    public var emulatorSeconds = 0.0
    /// The same of the 32-bit build under 4 KiB pages, which its 64-bit sibling's large pages say little about.
    public var pagedInstructions: UInt64 = 0
    public var pagedSeconds = 0.0
    /// KVM against the host; `nil` where there is no KVM or the host's processor is another one.
    public var direct: DirectExecution?
    /// All came to the same result.
    public var isCorrect = true

    /// Million guest instructions per second of processor time on the emulator.
    public var emulatorMIPS: Double {
      emulatorSeconds > 0 ? Double(instructions) / emulatorSeconds / 1e6 : 0
    }
    /// The same in 32-bit mode under 4 KiB pages.
    public var pagedMIPS: Double { pagedSeconds > 0 ? Double(pagedInstructions) / pagedSeconds / 1e6 : 0 }
  }

  /// The same machine code in ring 3 of a KVM guest and called as a function by this process.
  ///
  /// A run has a fixed cost (entering the guest, its tables, its line of output), which says nothing about
  /// the speed of direct execution. So each pair of measurements is of a long and a short run, and what
  /// counts is the time of the rounds by which they differ: the processor time of this process, in which a vCPU's
  /// time in the guest is contained, so that what else runs on the host counts for neither side.
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
  ///
  /// Many short pairs tell more than few long ones: what disturbs the host's speed lasts longer than a pair.
  public static let leastSeconds = 0.06
  /// Pairs of measurements for each round that is asked for.
  private static let pairs = 7

  /// Measures one computation.
  ///
  /// - Parameter rounds: repetitions, of which the median counts.
  /// - Throws: ``LoaderError`` or ``MachineError`` when a machine cannot be made.
  public static func run(_ computation: X86Computation, rounds: Int = 3) throws -> Result {
    var result = Result(computation: computation)
    var seconds: [Double] = []
    var sum: String?
    for _ in 0..<max(rounds, 1) {
      let guest = try timed(try machine(computation, computation.benchRounds), .emulator)
      seconds.append(guest.processorSeconds)
      result.instructions = guest.retired
      if sum == nil { sum = guest.sum }
      if guest.sum == nil || guest.sum != sum { result.isCorrect = false }
    }
    result.emulatorSeconds = median(seconds) ?? 0
    seconds = []
    for _ in 0..<max(rounds, 1) {
      let guest = try timed(try pagedMachine(computation, computation.benchRounds), .emulator)
      seconds.append(guest.processorSeconds)
      result.pagedInstructions = guest.retired
      if guest.sum != sum { result.isCorrect = false }
    }
    result.pagedSeconds = median(seconds) ?? 0
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
      for repetition in 0..<max(repetitions, 3) * pairs {
        // Each in turn comes first, so that a drift of the host's speed favours neither.
        var kvm = 0.0
        var native = 0.0
        for turn in 0..<2 {
          if (turn + repetition) & 1 == 0 {
            let long = try timed(try machine(computation, direct.rounds), .virtualizer)
            let short = try timed(try machine(computation, 1), .virtualizer)
            kvm = long.processorSeconds - short.processorSeconds
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

  private static let memorySize = 8 << 20

  private static func machine(_ computation: X86Computation, _ rounds: UInt32) throws -> X86Machine {
    try computation.workload(.long64).machine(memorySize: memorySize, rounds: rounds)
  }

  /// The 32-bit build with paging on from the start: all storage in 4 KiB pages, each at its own address.
  package static func pagedMachine(_ computation: X86Computation, _ rounds: UInt32) throws -> X86Machine {
    var machine = try computation.workload(.protected32).machine(memorySize: memorySize, rounds: rounds)
    // Present, writable, accessed, dirty. A table maps 4 MiB.
    let tables = memorySize >> 22
    let directory = X86Layout.pml4
    var words = (0..<1024).map { $0 < tables ? UInt32(directory) + UInt32($0 + 1) << 12 | 0x63 : 0 }
    words += (0..<UInt32(tables) << 10).map { $0 << 12 | 0x63 }
    machine.segments.append(
      LoadSegment(
        address: directory,
        bytes: words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }))
    machine.registers[.cr3] = directory
    machine.registers[.cr0] = machine.initialState[.cr0] | 0x8000_0000
    return machine
  }

  /// One run of a guest: its seconds, this process's, the number it printed, and the instructions that it retired.
  private static func timed(
    _ machine: X86Machine, _ kind: EngineKind
  ) throws -> (seconds: Double, processorSeconds: Double, sum: String?, retired: UInt64) {
    let engine = try Workload(name: "bench", machine: .x86(machine)).makeEngine(kind)
    let start = ContinuousClock.now
    let processorStart = processorSeconds
    let reason = try engine.run(RunLimits(instructions: .max, hostSeconds: 120), into: nil)
    let own = processorSeconds - processorStart
    let seconds = seconds(since: start)
    let text = String(decoding: engine.platform.console, as: UTF8.self)
    let isDone = reason == .powerOff(status: PowerPort.status(ofWritten: 0)) && text.hasSuffix("\n")
    return (seconds, own, isDone ? String(text.dropLast().suffix(8)) : nil, engine.platform.retired)
  }

  /// Processor time that this process has taken, all threads together.
  fileprivate static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    let elapsed = start.duration(to: .now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  private static func median(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.sorted()[values.count / 2]
  }
}

#if os(Linux) && arch(x86_64)
  extension NativeComputation {
    /// A call of the computation: its processor seconds and its result as guests print it.
    fileprivate func timed(_ computation: X86Computation, rounds: UInt32) -> (seconds: Double, sum: String) {
      let start = X86SpeedBench.processorSeconds
      let sum = run(computation, rounds: rounds)
      let seconds = X86SpeedBench.processorSeconds - start
      let digits = String(sum, radix: 16)
      return (seconds, String(repeating: "0", count: 8 - digits.count) + digits)
    }
  }
#endif
