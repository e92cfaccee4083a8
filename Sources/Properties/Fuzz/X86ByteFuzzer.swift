internal import MachineCore
internal import Simulator
internal import Trace
public import X86Backend

/// What executing arbitrary bytes gave.
public struct X86ByteFuzzReport: Sendable {
  /// Mode in bits, and the seed.
  public var mode = 0
  public var seed: UInt64 = 0
  /// Byte strings executed, and instructions that retired, on the first engine.
  public var cases: UInt64 = 0
  public var instructions: UInt64 = 0
  /// How runs ended, by kind.
  public var stops: [String: UInt64] = [:]
  /// Cases whose ends differ between the engines, and the first of them.
  public var differences: UInt64 = 0
  public var firstDifferences: [String] = []
  /// Wall-clock seconds.
  public var seconds = 0.0

  /// Cases a second.
  public var rate: Double { seconds > 0 ? Double(cases) / seconds : 0 }

  /// Adds what was found on later cases.
  mutating func add(_ other: X86ByteFuzzReport) {
    cases += other.cases
    instructions += other.instructions
    stops.merge(other.stops, uniquingKeysWith: +)
    differences += other.differences
    firstDifferences = Array((firstDifferences + other.firstDifferences).prefix(Self.shown))
    seconds = max(seconds, other.seconds)
  }

  static let shown = 5
}

/// Executes bytes that nobody chose, with the platform's devices attached: nothing that a guest consists of
/// may crash the engines, or keep them from coming back.
///
/// Half of the strings are noise, half are instructions of the table in a row with random operands. A case
/// runs for a few instructions, some for so many that the emulator's fast loop takes part.
public final class X86ByteFuzzer {
  /// Engines that execute the bytes.
  public struct Options: Sendable {
    /// The simulator executes them.
    public var usesSimulator = false
    /// The emulator executes them.
    public var usesEmulator = true
    /// The emulator only.
    public init() {}
  }

  private let machine: X86FuzzMachine
  private let generator: X86CaseGenerator
  private let options: Options
  private var engines: [any Engine] = []
  private var contents: FuzzStorage
  private var report = X86ByteFuzzReport()

  /// Devices keep what cases did to them for so many cases, counted from case 0.
  private static let platformLife: UInt64 = 1024
  private static let longest = 96

  /// Engines in fresh surroundings.
  ///
  /// - Throws: ``MachineError``.
  public init(
    _ mode: X86Mode, model: X86CPUModel = .modern, seed: UInt64, options: Options = Options()
  ) throws {
    machine = try X86FuzzMachine(mode, model: model, seed: seed)
    generator = X86CaseGenerator(machine)
    self.options = options
    report.mode = mode.rawValue
    report.seed = seed
    (engines, contents) = try Self.engines(machine, options)
  }

  private static func engines(_ machine: X86FuzzMachine, _ options: Options) throws -> (
    [any Engine], FuzzStorage
  ) {
    let count = (options.usesSimulator ? 1 : 0) + (options.usesEmulator ? 1 : 0)
    let platforms = try (0..<max(count, 1)).map { _ in
      try PCPlatform.make(memorySize: X86FuzzMachine.memorySize, input: Array("bytes from outside".utf8))
    }
    let contents = try FuzzStorage(platforms.map(\.memory), contents: machine.memory)
    var engines: [any Engine] = []
    if options.usesSimulator {
      engines.append(
        Evaluator(
          instructionSet: X86InstructionSet(model: machine.model), platform: platforms[0], state: machine.base
        ))
    }
    if options.usesEmulator || !options.usesSimulator {
      engines.append(
        X86Interpreter(
          platform: platforms[platforms.count - 1], state: machine.base, model: machine.model))
    }
    return (engines, contents)
  }

  /// Runs cases on several threads, each with engines of its own; what is found does not depend on their number.
  public static func run(
    _ mode: X86Mode, model: X86CPUModel = .modern, seed: UInt64, options: Options = Options(), jobs: Int,
    first: UInt64 = 0, count: UInt64, progress: @escaping @Sendable (UInt64) -> Void = { _ in }
  ) throws -> X86ByteFuzzReport {
    let parts = try FuzzJobs.run(jobs, first: first, count: count) { number, first, count in
      let fuzzer = try X86ByteFuzzer(mode, model: model, seed: seed, options: options)
      return try fuzzer.run(first: first, count: count) { done in
        if number == 0 { progress(done * UInt64(max(jobs, 1))) }
      }
    }
    var report = parts[0]
    for part in parts.dropFirst() { report.add(part) }
    return report
  }

  /// Runs cases `first` to `first + count`; the platform is a fresh one at the start and at every 1024th case.
  public func run(first: UInt64 = 0, count: UInt64, progress: (UInt64) -> Void = { _ in }) throws
    -> X86ByteFuzzReport
  {
    let start = ContinuousClock.now
    // What cases before did to the devices belongs to a case.
    let early = first % Self.platformLife
    for index in (first - early)..<(first &+ count) {
      if index % Self.platformLife == 0 { (engines, contents) = try Self.engines(machine, options) }
      try runCase(index, counts: index >= first)
      if index & 0xFFFF == 0xFFFF { progress(index &- first) }
    }
    let elapsed = start.duration(to: .now).components
    report.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    return report
  }

  private func runCase(_ index: UInt64, counts: Bool) throws {
    var mixer = SplitMix(state: report.seed &+ index &* 0xA076_1D64_78BD_642F)
    var random = SplitMix(state: mixer.next())
    let state = generator.state(&random)
    var bytes: [UInt8]
    if random.chance(50) {
      bytes = (0..<Self.longest).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    } else {
      bytes = Array(generator.program(&random, state: state, count: 12).prefix(Self.longest))
    }
    let limit: UInt64 = random.chance(85) ? 6 : 64
    var ends: [(reason: StopReason, state: ProcessorState, retired: UInt64)] = []
    for engine in engines {
      try engine.platform.memory.write(bytes, at: Int(machine.physicalCode))
      engine.platform.powerOff = nil
      engine.platform.retired = 0
      engine.state = state
      let reason = try engine.run(RunLimits(instructions: limit), into: nil)
      ends.append((reason, engine.state, engine.platform.retired))
    }
    let place = contents.difference()
    contents.restore()
    guard counts, let end = ends.first else { return }
    let refusals = ends.count { if case .unsupported = $0.reason { true } else { false } }
    report.cases += 1
    report.instructions += end.retired
    report.stops[StopReason.names[Int(end.reason.code)], default: 0] += 1
    // What one engine does not carry out cannot be compared.
    guard let other = ends.dropFirst().first, refusals == 0 else { return }
    var parts: [String] = []
    if end.reason != other.reason { parts.append("stop: \(end.reason) | \(other.reason)") }
    if end.retired != other.retired { parts.append("retired: \(end.retired) | \(other.retired)") }
    for register in X86Register.allCases where end.state[register] != other.state[register] {
      parts.append("\(register): \(hex(end.state[register])) | \(hex(other.state[register]))")
    }
    if let place { parts.append("memory at \(hex(UInt64(place)))") }
    guard !parts.isEmpty else { return }
    report.differences += 1
    guard report.firstDifferences.count < X86ByteFuzzReport.shown else { return }
    let shown = bytes.prefix(32).map { String(hex(UInt64($0), digits: 2).dropFirst(2)) }
    report.firstDifferences.append(
      "case \(index): [\(shown.joined(separator: " "))…] \(parts.joined(separator: ", "))")
  }
}
