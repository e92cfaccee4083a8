/// Something that a trace of another program's making does not hold, though its level says so.
///
/// A header lists them as `without`. A comparison leaves the same out of the other trace, counts it and says so.
public enum TraceOmission: String, Sendable, CaseIterable {
  /// No register effects at all.
  case registers
  /// No privilege modes: all are 0.
  case modes
  /// No device accesses.
  case devices
  /// No halt and no final event: the trace ends where the recording did.
  case ends
  /// Of each instruction the first four bytes; behind a shorter one stands anything.
  case instructionTails = "instruction-tails"
  /// Program counters are linear addresses: the base of the code segment is in them.
  case segmentOffsets = "segment-offsets"

  /// How many bytes of an instruction there are without ``instructionTails``.
  static let headBytes = 4

  /// What a comparison says of it, for the trace with this name.
  func note(_ trace: String) -> String {
    switch self {
    case .registers: "registers not compared: \(trace) has no register effects"
    case .modes: "privilege modes not compared: \(trace) has none"
    case .devices: "device accesses not compared: \(trace) has none"
    case .ends: "ends not compared: \(trace) has no halt and no final event"
    case .instructionTails:
      "instructions compared in their first \(Self.headBytes) bytes: \(trace) has no more"
    case .segmentOffsets:
      "the program counters of \(trace) are linear addresses: they differ where a code segment has a base"
    }
  }
}

extension TraceHeader {
  /// Whether another program recorded the trace, which ``recordedBy`` names.
  public var isImported: Bool { recordedBy != nil }

  /// Numbers of the registers in ``unrecordedRegisters``.
  var unrecordedNumbers: [UInt32] {
    let names = Set(unrecordedRegisters)
    return registers.indices.filter { names.contains(registers[$0]) }.map(UInt32.init)
  }
}

extension InstructionBytes {
  /// Whether the first bytes of both are the same, up to the end of the shorter one and `limit` at most.
  func agrees(with other: InstructionBytes, upTo limit: Int) -> Bool {
    (0..<min(count, other.count, limit)).allSatisfy { self[$0] == other[$0] }
  }
}
