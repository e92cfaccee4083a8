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
  /// Rows, widths and repeats that were reached.
  public var formsReached = 0
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
