public import MachineCore
internal import ToyISA
internal import Trace
public import X86Backend

/// The seven nanobenchmarks of Adams and Agesen (2006): what one operation of the processor costs each engine.
///
/// A program carries an operation out as often as it is told. All numbers are differences of a run with twice the
/// count and one with the count, so what a program does besides is not in them.
public enum NanoBench {
  /// What was found for an operation on an engine.
  public struct Result: Sendable {
    /// Which operation.
    public var operation: X86NanoOperation
    /// `"toy"` or `"x86"`.
    public var isa: String
    /// Which kind of machine.
    public var engine: EngineKind
    /// Which engine of that kind.
    public var flavour: String
    /// How many operations ``counts`` are of.
    public var count: Int
    /// What happened during so many operations.
    public var counts: Counts
    /// Host time of one operation in nanoseconds; `nil` when the host was too busy to tell.
    public var nanoseconds: Double?
  }

  /// What happened, by cause.
  public struct Counts: Sendable, Equatable {
    /// Traps that the guest took, by cause; `nil` where the engine cannot see them.
    public var traps: [String: Int]?
    /// Accesses to ports and registers of devices; `nil` where they were not recorded.
    public var accesses: Int?
    /// Times control came back to the machine monitor, by reason.
    public var exits: [String: Int] = [:]
    /// The host kernel's own counters that changed; empty where it has none.
    public var kernel: [String: Int] = [:]
    /// Guest instructions; `nil` where the engine cannot count.
    public var instructions: Int?

    /// Nothing yet.
    public init() {}

    static func - (long: Counts, short: Counts) -> Counts {
      func less(_ left: [String: Int], _ right: [String: Int]) -> [String: Int] {
        left.reduce(into: [:]) { result, entry in
          let difference = entry.value - (right[entry.key] ?? 0)
          if difference != 0 { result[entry.key] = difference }
        }
      }
      func less(_ left: Int?, _ right: Int?) -> Int? { left.flatMap { left in right.map { left - $0 } } }
      var result = Counts()
      if let traps = long.traps { result.traps = less(traps, short.traps ?? [:]) }
      result.accesses = less(long.accesses, short.accesses)
      result.exits = less(long.exits, short.exits)
      result.kernel = less(long.kernel, short.kernel)
      result.instructions = less(long.instructions, short.instructions)
      return result
    }
  }

  /// A program that did not do what it was told.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    /// What was run, and how it ended.
    public var description: String
  }

  /// The program for an operation, to be carried out `count` times.
  public static func workload(
    _ operation: X86NanoOperation, isa: String, count: Int
  ) throws -> Workload {
    guard isa == "toy" else {
      let program = operation.workload
      return Workload(
        name: program.name, title: program.description,
        machine: .x86(try program.machine(memorySize: 8 << 20, rounds: UInt32(clamping: count))),
        instructionLimit: .max)
    }
    guard let program = ToyPrograms.named("nano-\(operation)") else {
      throw Failure(description: "there is no toy program for \(operation)")
    }
    return Workload(
      name: program.name, title: program.title,
      machine: .toy(try program.assemble(with: ["COUNT": Int64(count)]), program.machine, .classic),
      instructionLimit: .max)
  }

  /// What happens during `count` operations.
  ///
  /// - Throws: ``EngineRefusal`` when the engine cannot be had, ``Failure`` when the program went wrong.
  public static func counts(
    _ operation: X86NanoOperation, isa: String, on kind: EngineKind, count: Int = 1000
  ) throws -> (flavour: String, counts: Counts) {
    let long = try observe(operation, isa, kind, 2 * count)
    let short = try observe(operation, isa, kind, count)
    return (long.flavour, long.counts - short.counts)
  }

  /// What happens in a whole run with `count` operations, its beginning and its end included.
  ///
  /// - Throws: ``EngineRefusal`` when the engine cannot be had, ``Failure`` when the program went wrong.
  public static func wholeRun(
    _ operation: X86NanoOperation, isa: String, on kind: EngineKind, count: Int
  ) throws -> Result {
    let seen = try observe(operation, isa, kind, count)
    return Result(
      operation: operation, isa: isa, engine: kind, flavour: seen.flavour, count: count, counts: seen.counts)
  }

  /// Counts, and the time of an operation.
  ///
  /// - Parameter rounds: pairs of runs that are timed, of which the shortest count.
  public static func run(
    _ operation: X86NanoOperation, isa: String, on kind: EngineKind, rounds: Int = 3
  ) throws -> Result {
    let seen = try counts(operation, isa: isa, on: kind)
    var count = 1000
    while try timed(operation, isa, kind, count) < leastSeconds, count < 1 << 26 { count *= 2 }
    // A busy host only adds to a time, so the least of each kind is the nearest to the truth.
    var least = (long: Double.infinity, short: Double.infinity)
    for _ in 0..<max(rounds, 1) {
      least.long = min(least.long, try timed(operation, isa, kind, 2 * count))
      least.short = min(least.short, try timed(operation, isa, kind, count))
    }
    let seconds = least.long - least.short
    return Result(
      operation: operation, isa: isa, engine: kind, flavour: seen.flavour, count: 1000, counts: seen.counts,
      nanoseconds: seconds > 0 ? seconds / Double(count) * 1e9 : nil)
  }

  private static let leastSeconds = 0.02

  private static func observe(
    _ operation: X86NanoOperation, _ isa: String, _ kind: EngineKind, _ count: Int
  ) throws -> (flavour: String, counts: Counts) {
    let engine = try workload(operation, isa: isa, count: count).makeEngine(kind)
    var counts = Counts()
    let causes = engine.instructionSet.causes
    var traps: [String: Int] = [:]
    var accesses = 0
    // KVM shows no traps, and a recorder would add exits of its own.
    let isBlind = isa == "x86" && kind == .virtualizer
    let recorder =
      isBlind
      ? nil
      : TraceRecorder(level: .events) { records in
        for record in records {
          switch EventKind(rawValue: record.kind) {
          case .trap:
            let code = Int(record.code)
            traps[code < causes.count ? causes[code] : "\(code)", default: 0] += 1
          case .device: accesses += 1
          default: break
          }
        }
      }
    try finish(engine, operation, recorder)
    recorder?.flush()
    if !isBlind {
      counts.traps = traps
      counts.accesses = accesses
      counts.instructions = Int(clamping: engine.platform.retired)
    }
    counts.exits = engine.statistics.exits.mapValues { Int(clamping: $0) }
    #if os(Linux) && arch(x86_64)
      if let hardware = engine as? KVMEngine {
        counts.kernel = hardware.kernelCounters.mapValues { Int(clamping: $0) }
      }
    #endif
    return (engine.flavour, counts)
  }

  /// Seconds of a run without a recorder.
  private static func timed(
    _ operation: X86NanoOperation, _ isa: String, _ kind: EngineKind, _ count: Int
  ) throws -> Double {
    let engine = try workload(operation, isa: isa, count: count).makeEngine(kind)
    let start = ContinuousClock.now
    try finish(engine, operation, nil)
    let elapsed = start.duration(to: .now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  private static func finish(
    _ engine: any Engine, _ operation: X86NanoOperation, _ recorder: TraceRecorder?
  ) throws {
    let reason = try engine.run(RunLimits(instructions: .max, hostSeconds: 120), into: recorder)
    let good: UInt64 = engine.instructionSet.name == "toy" ? 0 : PowerPort.status(ofWritten: 0)
    guard reason == .powerOff(status: good) else {
      throw Failure(description: "\(operation) on the \(engine.kind.rawValue) ended wrongly: \(reason)")
    }
  }
}
