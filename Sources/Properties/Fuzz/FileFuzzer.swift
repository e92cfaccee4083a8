internal import MachineCore
internal import ToyISA
internal import Trace
internal import X86Backend

/// What a damaged file is given as.
public enum FuzzedFile: String, Sendable, CaseIterable {
  /// An ELF executable.
  case elf = "ELF"
  /// A Multiboot kernel, in both its forms.
  case multiboot = "Multiboot"
  /// Firmware, run from the reset vector.
  case firmware
  /// Disk and floppy images of any size, under drives that are given any commands.
  case drives
  /// An assembled toy program.
  case toyImage = "toy image"
  /// Toy assembly.
  case toySource = "toy source"
  /// A snapshot of a toy or an x86 machine.
  case snapshot
  /// A trace in either encoding.
  case trace
  /// Hardware captures as JSON text.
  case vectors
  /// A compressed file.
  case gzip
  /// Hardware captures in their chunked form.
  case moo = "MOO"

  /// Bytes at the start that say what the rest is.
  fileprivate var head: Int {
    switch self {
    case .elf: 256
    case .multiboot: 128
    case .toyImage, .gzip, .trace: 64
    case .firmware, .drives, .toySource, .snapshot, .vectors, .moo: 0
    }
  }

  fileprivate var isText: Bool { self == .toySource || self == .vectors }
}

/// What reading damaged files came to.
public struct FileFuzzReport: Sendable {
  /// Counts of one kind of file.
  public struct Tally: Sendable {
    /// Files given.
    public var cases: UInt64 = 0
    /// Files that were refused with an error.
    public var refused: UInt64 = 0
    /// How the programs of those that were not ended, by reason.
    public var ends: [String: UInt64] = [:]
    /// Errors that differ in more than numbers.
    public var errors: Set<String> = []
    /// The case that took longest, and its seconds.
    public var slowest: (index: UInt64, seconds: Double) = (0, 0)

    mutating func add(_ other: Tally) {
      cases += other.cases
      refused += other.refused
      ends.merge(other.ends, uniquingKeysWith: +)
      errors.formUnion(other.errors)
      if other.slowest.seconds > slowest.seconds { slowest = other.slowest }
    }
  }

  /// The seed of the cases.
  public var seed: UInt64 = 0
  /// By kind.
  public var tallies: [FuzzedFile: Tally] = [:]
  /// What must not be: errors without words, hosts that failed.
  public var failures: [String] = []
  /// Wall-clock seconds.
  public var seconds = 0.0
}

/// Reads damaged files the way the commands read them, and runs what is still a program.
///
/// Kinds come in turn: case `n` is of kind `n` modulo their number. A case depends on the seed and its number only.
public struct FileFuzzer {
  /// Instructions that a program gets.
  private static let limit: UInt64 = 2000

  private let seeds: FileSeeds
  private let toy: Workload
  private let x86: Workload
  private var report = FileFuzzReport()

  /// A fuzzer with whole files of every kind.
  ///
  /// - Throws: ``MachineError`` when the host has no memory for the machines.
  public init(seed: UInt64) throws {
    seeds = try FileSeeds()
    toy = try FileSeeds.toyWorkload
    x86 = try FileSeeds.x86Workload
    report.seed = seed
  }

  /// Reads cases `first` to `first + count` on several threads; what is found does not depend on their number.
  ///
  /// - Throws: ``MachineError`` as ``init(seed:)``.
  public static func run(
    seed: UInt64, jobs: Int = 1, first: UInt64 = 0, count: UInt64,
    progress: @escaping @Sendable (UInt64) -> Void = { _ in }
  ) throws -> FileFuzzReport {
    let start = ContinuousClock.now
    let parts = try FuzzJobs.run(jobs, first: first, count: count) { number, first, count in
      var fuzzer = try FileFuzzer(seed: seed)
      for index in first..<first &+ count {
        fuzzer.runCase(index)
        if number == 0, (index - first) & 1023 == 1023 {
          progress((index - first + 1) * UInt64(max(jobs, 1)))
        }
      }
      return fuzzer.report
    }
    var report = parts[0]
    for part in parts.dropFirst() {
      for (kind, tally) in part.tallies { report.tallies[kind, default: FileFuzzReport.Tally()].add(tally) }
      report.failures += part.failures
    }
    report.seconds = seconds(since: start)
    return report
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    let elapsed = start.duration(to: .now).components
    return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
  }

  private mutating func runCase(_ index: UInt64) {
    let kinds = FuzzedFile.allCases
    let kind = kinds[Int(index % UInt64(kinds.count))]
    var mixer = SplitMix(state: report.seed &+ index &* 0xA076_1D64_78BD_642F)
    var random = SplitMix(state: mixer.next())
    var tally = FileFuzzReport.Tally()
    tally.cases = 1
    let start = ContinuousClock.now
    do {
      let end = try read(kind, &random)
      tally.ends[end.map { StopReason.names[Int($0.code)] } ?? "read", default: 0] += 1
      if case .hostFailure(let why) = end {
        report.failures.append("case \(index), \(kind.rawValue): \(why)")
      }
    } catch {
      tally.refused = 1
      let text = "\(error)"
      tally.errors.insert(String(text.filter { !$0.isHexDigit }.prefix(40)))
      if text.isEmpty { report.failures.append("case \(index), \(kind.rawValue): an error without words") }
    }
    tally.slowest = (index, Self.seconds(since: start))
    report.tallies[kind, default: FileFuzzReport.Tally()].add(tally)
  }

  /// Makes a damaged file and reads it; why its program ended, if it is one.
  private func read(_ kind: FuzzedFile, _ random: inout SplitMix) throws -> StopReason? {
    guard kind != .drives else { return try FuzzedDrives.run(&random) }
    var bytes = FileMutation.apply(
      to: random.pick(seeds[kind]), head: kind.head, isText: kind.isText, &random)
    if kind == .snapshot || kind == .toyImage, random.chance(75) { FileMutation.repairDigest(&bytes) }
    let size = X86Layout.minimumMemorySize << random.below(3)
    switch kind {
    case .elf:
      let mode: X86Mode? = random.chance(80) ? nil : random.pick(X86Mode.allCases)
      return try run(try X86Loader.load(bytes, mode: mode, memorySize: size))
    case .multiboot:
      let modules = random.chance(30) ? [BootModule(text: "module", bytes: Array(bytes.prefix(5000)))] : []
      return try run(
        try X86Loader.loadMultiboot(
          bytes, name: "kernel", commandLine: "a=1 b", modules: modules, memorySize: size))
    case .firmware:
      let rom = ROMImage(name: "firmware", bytes: bytes)
      return try run(X86Machine(firmware: PCParts(roms: [rom]), memorySize: size))
    case .drives: return nil
    case .toyImage: return try run(try ToyImage(decoding: bytes))
    case .toySource:
      return try run(try ToyAssembler.run(bytes: bytes, file: "damaged.s").image)
    case .snapshot:
      let snapshot = try MachineSnapshot(decoding: bytes)
      let engine = try (snapshot.isa == "toy" ? toy : x86).makeEngine(.emulator)
      try snapshot.install(into: engine)
      return try engine.run(RunLimits(instructions: Self.limit), into: nil)
    case .trace:
      _ = try TraceReader(TraceBytesInput(bytes, name: "damaged", step: 1 + random.below(4096))).readAll()
    case .vectors, .moo: try readVectors(bytes)
    case .gzip: try readVectors(try Gzip.decompress(bytes, limit: 1 << 22))
    }
    return nil
  }

  private func readVectors(_ bytes: [UInt8]) throws(VectorError) {
    var file = try VectorFile(bytes)
    var vector = HardwareVector()
    while try file.next(&vector) {}
  }

  private func run(_ machine: X86Machine) throws -> StopReason {
    let engine = try Workload(name: "damaged", machine: .x86(machine)).makeEngine(.emulator)
    return try engine.run(RunLimits(instructions: Self.limit), into: nil)
  }

  private func run(_ image: ToyImage) throws -> StopReason {
    var machine = ToyMachine()
    machine.memorySize = 1 << 20
    let engine = try Workload(name: "damaged", machine: .toy(image, machine, .classic)).makeEngine(.emulator)
    return try engine.run(RunLimits(instructions: Self.limit), into: nil)
  }
}
