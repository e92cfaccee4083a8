/// What fuzzing x86 instructions found.
public struct X86FuzzReport: Sendable {
  /// A disagreement, with the smallest state that still shows it.
  public struct Disagreement: Sendable {
    /// Mnemonic, by which disagreements are grouped.
    public var instruction: String
    /// The instruction and its bytes.
    public var text: String
    public var bytes: [UInt8]
    /// Which engines disagree.
    public var engines: String
    /// What differs, first and second engine.
    public var differences: [String]
    /// Registers that are not as the machine starts, `name=value`.
    public var state: [String]
    /// Number of the case in its run.
    public var index: UInt64
    /// The instruction and what differs, by which disagreements are counted.
    public var group = ""
  }

  /// Mode in bits, and the seed.
  public var mode = 0
  public var seed: UInt64 = 0
  /// Cases run, and those on which all engines agreed.
  public var cases: UInt64 = 0
  public var agreed: UInt64 = 0
  /// Cases in which only flags without a defined value differed.
  public var undefinedOnly: UInt64 = 0
  /// Cases that the hardware ran.
  public var native: UInt64 = 0
  /// Cases in which the hardware differed and a measured deviation of the host explains it, by the
  /// deviation's name.
  public var excepted: [String: UInt64] = [:]
  /// Cases that ended in a trap.
  public var trapped: UInt64 = 0
  /// Rows of the table that the mode has, and those that a case reached.
  public var rows = 0
  public var rowsReached = 0
  /// Branches and faults of the effects.
  public var effects = EffectCoverage()
  /// Rows that were not reached or never completed, each with the reason.
  public var misses: [String] = []
  /// Traps reached, by name.
  public var traps: [String: UInt64] = [:]
  /// Other ends than completion and traps, by kind.
  public var stops: [String: UInt64] = [:]
  /// Number of disagreements by instruction and what differs.
  public var counts: [String: UInt64] = [:]
  /// The first disagreements of each instruction.
  public var disagreements: [Disagreement] = []
  /// Wall-clock seconds.
  public var seconds = 0.0

  /// Cases a second.
  public var rate: Double { seconds > 0 ? Double(cases) / seconds : 0 }
}

/// What one worker has found, before it is put together with others.
struct X86FuzzTally: Sendable {
  var report = X86FuzzReport()
  /// By row of the table.
  var reached: [(completed: Bool, trapped: Bool)]
  /// Places of effects.
  var places: [Bool] = []
  /// Register bits that are the same in all states that cases began with.
  var known: [KnownBits] = []

  init(rows: Int) { reached = Array(repeating: (false, false), count: rows) }

  /// Takes note of a state.
  mutating func note(_ registers: [UInt64]) {
    if known.isEmpty {
      known = registers.map { KnownBits($0) }
      return
    }
    for index in known.indices {
      known[index].ones &= registers[index]
      known[index].zeros &= ~registers[index]
    }
  }

  /// Adds what a worker has found on later cases.
  mutating func add(_ other: X86FuzzTally) {
    for (index, place) in other.reached.enumerated() {
      reached[index].completed = reached[index].completed || place.completed
      reached[index].trapped = reached[index].trapped || place.trapped
    }
    places = places.isEmpty ? other.places : zip(places, other.places).map { $0 || $1 }
    known = known.isEmpty ? other.known : zip(known, other.known).map { $0.joined($1) }
    report.cases += other.report.cases
    report.agreed += other.report.agreed
    report.undefinedOnly += other.report.undefinedOnly
    report.native += other.report.native
    report.trapped += other.report.trapped
    report.traps.merge(other.report.traps, uniquingKeysWith: +)
    report.stops.merge(other.report.stops, uniquingKeysWith: +)
    report.excepted.merge(other.report.excepted, uniquingKeysWith: +)
    report.disagreements += other.report.disagreements.filter { report.counts[$0.group] == nil }
    report.counts.merge(other.report.counts, uniquingKeysWith: +)
    report.seconds = max(report.seconds, other.report.seconds)
  }
}
