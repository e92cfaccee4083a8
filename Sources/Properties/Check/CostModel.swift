internal import MachineCore
internal import ToyISA
public import Trace

/// What interventions of a VMM cost, in cycles of the toy processor: a stated model, not a measurement.
public struct CostModel: Sendable, Equatable {
  /// A trap into the VMM and the way back: two PSW swaps with sixteen registers saved and restored.
  public var exit: UInt64 = 100
  /// One instruction carried out by an interpreter routine.
  public var emulate: UInt64 = 40
  /// A trap or interrupt given to the guest.
  public var deliver: UInt64 = 60
  /// A shadow entry worked out and filled.
  public var fill: UInt64 = 80

  /// The model in a sentence.
  public var description: String {
    "exit \(exit), interpreted instruction \(emulate), trap or interrupt given to the guest \(deliver), page filled \(fill) cycles"
  }

  /// The model.
  public init() {}

  /// Cycles that a VMM with these counts takes for itself.
  public func overhead(_ counts: InterventionCounts) -> UInt64 {
    counts.exits.values.reduce(0, +) * exit + counts.emulated * emulate + counts.delivered * deliver
      + counts.exits["page fill", default: 0] * fill
  }
}

/// How often a VMM came in, and what the guest's own instructions cost.
public struct InterventionCounts: Sendable, Equatable {
  /// Guest instructions.
  public var retired: UInt64 = 0
  /// Of these, run directly.
  public var direct: UInt64 = 0
  /// Of these, interpreted by the VMM.
  public var emulated: UInt64 = 0
  /// Traps and interrupts given to the guest.
  public var delivered: UInt64 = 0
  /// Exits by cause.
  public var exits: [String: UInt64] = [:]
  /// Cycles of the guest's instructions on the bare machine; 0 where they are not known.
  public var cycles: UInt64 = 0

  /// All zero.
  public init() {}

  /// Interventions in a thousand instructions, by cause, most frequent first.
  public var perThousand: [(cause: String, rate: Double)] {
    guard retired > 0 else { return [] }
    return exits.map { ($0.key, Double($0.value) * 1000 / Double(retired)) }
      .sorted { $0.1 == $1.1 ? $0.0 < $1.0 : $0.1 > $1.1 }
  }

  /// Share of instructions that ran directly.
  public var directFraction: Double { retired > 0 ? Double(direct) / Double(retired) : 0 }
}

/// Adds up what a toy guest's instructions cost on the bare machine.
public struct CycleCount: Sendable {
  /// Cycles so far.
  public private(set) var cycles: UInt64 = 0

  /// None yet.
  public init() {}

  /// Takes note of a `retire` record.
  public mutating func add(_ record: TraceRecord) {
    guard record.kind == EventKind.retire.rawValue,
      let row = ToyCodec.row(of: UInt32(truncatingIfNeeded: record.bytes.low))
    else { return }
    cycles &+= UInt64(toyTable[row].cycleClass.cycles)
  }
}
