internal import CBench
public import MachineCore
public import ToyISA

/// One benchmark: the same algorithm as C on the host and as a guest, timed one after the other.
public struct BenchResult: Sendable, Equatable {
  /// Name of the program.
  public var name: String
  /// Guest instructions retired.
  public var instructions: UInt64
  /// Seconds of the C version; the median of the repetitions.
  public var nativeSeconds: Double
  /// Seconds of the guest; the median of the repetitions.
  public var guestSeconds: Double
  /// Whether guest and C came to the same result and the guest switched off with status 0.
  public var isCorrect: Bool

  /// Million guest instructions per second.
  public var mips: Double { Double(instructions) / guestSeconds / 1e6 }
  /// How many times the C version's time the guest takes.
  public var ratio: Double { guestSeconds / nativeSeconds }
}

/// Times the toy emulator against C compiled for the host. Times are reported, never compared with each
/// other across runs.
public enum EmulatorBench {
  /// The programs that have a C version, with its number.
  private static let twins: [(name: String, number: Int32)] = [
    ("sieve", Int32(CBENCH_SIEVE.rawValue)), ("crc32", Int32(CBENCH_CRC32.rawValue)),
    ("matmul", Int32(CBENCH_MATMUL.rawValue)), ("fib", Int32(CBENCH_FIB.rawValue)),
    ("bubblesort", Int32(CBENCH_BUBBLESORT.rawValue)), ("quicksort", Int32(CBENCH_QUICKSORT.rawValue)),
  ]

  /// Names of the benchmarks, in order.
  public static var names: [String] { twins.map(\.name) }

  /// Runs one benchmark.
  ///
  /// - Parameters:
  ///   - name: one of ``names``.
  ///   - repetitions: timed runs of either side; the median counts.
  ///   - isShort: with the sizes of ordinary runs instead of those for measuring.
  ///   - makeEngine: the engine to time, the toy emulator unless told.
  /// - Returns: `nil` for an unknown name, or when the program does not assemble.
  public static func run(
    _ name: String, repetitions: Int = 3, isShort: Bool = false,
    on makeEngine: (Platform, ProcessorState) throws -> any Engine = { platform, state in
      try Interpreter(variant: .classic, platform: platform, state: state)
    }
  ) throws -> BenchResult? {
    guard let twin = twins.first(where: { $0.name == name }), let program = ToyPrograms.named(name) else {
      return nil
    }
    let defines = isShort ? shortDefines(name) : program.benchDefines ?? [:]
    let size = UInt32(clamping: defines["SIZE"] ?? 0)
    let rounds = UInt32(clamping: defines["ROUNDS"] ?? 1)
    let image = try ToyAssembler.assemble(program.source, file: program.file, defines: defines)

    var native: [Double] = []
    var guest: [Double] = []
    var result = BenchResult(
      name: name, instructions: 0, nativeSeconds: 0, guestSeconds: 0, isCorrect: true)
    for _ in 0..<max(repetitions, 1) {
      var number: UInt32 = 0
      native.append(seconds { number = cbench_run(twin.number, size, rounds) })

      let platform = try program.machine.makePlatform()
      try image.load(into: platform.memory)
      let state = ToyInstructionSet.resetState(entry: image.entry, storage: platform.memory.size)
      let engine = try makeEngine(platform, state)
      var reason = StopReason.limit
      guest.append(try seconds { reason = try engine.run(RunLimits(instructions: .max), into: nil) })
      result.instructions = platform.retired
      let text = String(decoding: platform.console, as: UTF8.self)
      let shown = name == "sieve" || name == "fib" ? String(number) : hexDigits(number)
      let words = text.split { $0 == " " || $0 == "\n" }
      result.isCorrect =
        result.isCorrect && reason == .powerOff(status: 0) && words.contains(Substring(shown))
    }
    result.nativeSeconds = median(native)
    result.guestSeconds = median(guest)
    return result
  }

  /// Geometric mean; 0 for none.
  public static func geometricMean(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    // The product of the roots, since the standard library alone has no logarithm.
    return values.reduce(1) { $0 * root($1, UInt(values.count)) }
  }

  /// Sizes small enough for tests.
  private static func shortDefines(_ name: String) -> [String: Int64] {
    switch name {
    case "sieve": ["SIZE": 2000, "ROUNDS": 2]
    case "crc32": ["SIZE": 1000, "ROUNDS": 2]
    case "matmul": ["SIZE": 8, "ROUNDS": 2]
    case "fib": ["SIZE": 12]
    case "bubblesort": ["SIZE": 40, "ROUNDS": 2]
    default: ["SIZE": 200, "ROUNDS": 2]
    }
  }

  private static func hexDigits(_ value: UInt32) -> String {
    String(hex(UInt64(value), digits: 8).dropFirst(2))
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let time = try ContinuousClock().measure(body)
    let (whole, fraction) = time.components
    return Double(whole) + Double(fraction) * 1e-18
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted[sorted.count / 2]
  }

  /// The `degree`-th root by Newton's method.
  private static func root(_ value: Double, _ degree: UInt) -> Double {
    guard value > 0, degree > 0 else { return 0 }
    var guess = max(value, 1)
    for _ in 0..<200 {
      var power = 1.0
      for _ in 1..<max(degree, 1) { power *= guess }
      guess += (value / power - guess) / Double(degree)
    }
    return guess
  }
}
