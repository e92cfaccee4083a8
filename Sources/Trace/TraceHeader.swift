/// How much a trace holds; each level includes the ones before it.
public enum TraceLevel: UInt8, Sendable, CaseIterable, Comparable {
  /// Only the architectural state at the end.
  case final = 0
  /// Traps, interrupts, device accesses, halts and everything the VMM did.
  case events = 1
  /// Every retired instruction with its effects, too.
  case instructions = 2

  /// Lower levels hold less.
  public static func < (lhs: TraceLevel, rhs: TraceLevel) -> Bool { lhs.rawValue < rhs.rawValue }

  /// The level's word in files and on the command line.
  public var name: String {
    switch self {
    case .final: "final"
    case .events: "events"
    case .instructions: "instructions"
    }
  }

  /// The level with that word, if there is one.
  public init?(name: String) {
    guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = level
  }
}

/// The first line of a trace: what was run, on what, and how to read the numbers in it.
public struct TraceHeader: Sendable, Hashable {
  /// Always `"triad.trace"`.
  public static let schema = "triad.trace"
  /// Version of the schema that this package writes.
  public static let currentVersion = 1

  /// Schema version of the file.
  public var version = TraceHeader.currentVersion
  /// Instruction set: `"toy"` or `"x86"`.
  public var isa: String
  /// Variant of the instruction set or CPU model, e.g. `"classic"`, `"x86-64"`.
  public var variant: String
  /// Kind of engine: `"simulator"`, `"emulator"` or `"virtualizer"`.
  public var engine: String
  /// Which engine of that kind, e.g. `"vmm depth 1"`, `"kvm_intel"`.
  public var flavour: String
  /// What the trace holds.
  public var level: TraceLevel
  /// Name of the program, as given.
  public var program: String
  /// Digest of the program image.
  public var programDigest: UInt64
  /// Digest of the machine's configuration (memory size, devices, input).
  public var configurationDigest: UInt64
  /// Seed of everything random in the run; 0 if nothing is.
  public var seed: UInt64
  /// Whether `clock` counts retired instructions exactly; without it the engine cannot count and writes 0.
  public var hasClock: Bool
  /// Whether retire events carry memory effects (register effects they always carry).
  public var hasMemoryEffects: Bool
  /// Whether the guest's traps are recorded; without it the hardware takes them and nobody sees them.
  public var hasTraps = true
  /// The program that recorded the trace, if it was not this package, e.g. `"qemu-log"`.
  public var recordedBy: String?
  /// What the trace does not hold, beside what the flags above say.
  public var omissions: Set<TraceOmission> = []
  /// Names of registers whose changes are not recorded.
  public var unrecordedRegisters: [String] = []
  /// Names of register numbers.
  public var registers: [String]
  /// Names of trap and interrupt causes, by number; an empty name has no meaning.
  public var causes: [String]
  /// Names of exit reasons, by number.
  public var exits: [String]
  /// Names of the ways in which a run can stop, by number.
  public var stops: [String]

  /// The stop kinds of this package, by number.
  public static let standardStops = [
    "power-off", "idle", "limit", "breakpoint", "check-stop", "unsupported", "host-time-limit",
    "host-failure", "recorder-failed",
  ]

  /// A header; see the properties.
  public init(
    isa: String, variant: String, engine: String, flavour: String, level: TraceLevel, program: String,
    programDigest: UInt64 = 0, configurationDigest: UInt64 = 0, seed: UInt64 = 0, hasClock: Bool = true,
    hasMemoryEffects: Bool = true, registers: [String] = [], causes: [String] = [], exits: [String] = [],
    stops: [String] = TraceHeader.standardStops
  ) {
    self.isa = isa
    self.variant = variant
    self.engine = engine
    self.flavour = flavour
    self.level = level
    self.program = program
    self.programDigest = programDigest
    self.configurationDigest = configurationDigest
    self.seed = seed
    self.hasClock = hasClock
    self.hasMemoryEffects = hasMemoryEffects
    self.registers = registers
    self.causes = causes
    self.exits = exits
    self.stops = stops
  }
}
