/// Bits of a register that a comparison leaves out, and why.
public struct RegisterMask: Sendable, Hashable {
  /// Number of the register.
  public var register: UInt32
  /// The bits that are not compared; all ones leave the register out.
  public var bits: UInt64
  /// Why they may differ; printed with the result.
  public var reason: String

  /// A mask; see the properties.
  public init(register: UInt32, bits: UInt64 = .max, reason: String) {
    self.register = register
    self.bits = bits
    self.reason = reason
  }
}

/// Which bits of a register an instruction leaves undefined, and which it defines again.
public struct UndefinedBits: Sendable, Hashable {
  /// Number of the register.
  public var register: UInt32
  /// Bits that may hold anything after the instruction.
  public var undefined: UInt64
  /// Bits that have a defined value after it.
  public var defined: UInt64

  /// The change an instruction makes; see the properties.
  public init(register: UInt32, undefined: UInt64, defined: UInt64) {
    self.register = register
    self.undefined = undefined
    self.defined = defined
  }
}

/// A difference between machines that is known and accepted.
public struct KnownDeviation: Sendable {
  /// Why it is accepted; printed with the result.
  public var reason: String
  /// Whether a difference in `field` of these two events is this deviation.
  public var matches: @Sendable (_ left: TraceEvent, _ right: TraceEvent, _ field: TraceField) -> Bool

  /// A deviation with any condition.
  public init(
    reason: String, matches: @escaping @Sendable (TraceEvent, TraceEvent, TraceField) -> Bool
  ) {
    self.reason = reason
    self.matches = matches
  }

  /// A deviation of events with this kind, code and program counter; what is `nil` matches everything.
  public init(
    reason: String, kind: EventKind? = nil, code: UInt32? = nil, pc: ClosedRange<UInt64>? = nil,
    field: TraceField? = nil
  ) {
    self.init(reason: reason) { left, right, differing in
      for head in [left.head, right.head] {
        if let kind, head.kind != kind.rawValue { return false }
        if let code, head.code != code { return false }
        if let pc, !pc.contains(head.pc) { return false }
      }
      return field == nil || field == differing
    }
  }
}

/// What a comparison of two traces leaves out. Everything left out is counted and told.
public struct ComparisonPolicy: Sendable {
  /// Compare at this level at most; the lower level of the two traces bounds it.
  public var level = TraceLevel.instructions
  /// Leave out what the VMM did.
  public var guestEventsOnly = true
  /// Leave out the retired-instruction count.
  public var ignoreClock = false
  /// Leave out memory effects.
  public var ignoreMemoryEffects = false
  /// Leave out traps.
  public var ignoreTraps = false
  /// Leave out the privilege mode.
  public var ignoreModes = false
  /// Leave out what one of the traces does not have, whoever made it.
  public var omissions: Set<TraceOmission> = []
  /// Registers that one of the traces does not record.
  public var unrecordedRegisters: Set<UInt32> = []
  /// Accept that one trace stops at a limit, or simply ends, where the other goes on.
  public var acceptsPrefix = false
  /// Ports whose reads give a time; what is read, and what the reading instruction makes of it, may differ.
  public var timePorts: Set<UInt32> = []
  /// Register bits left out.
  public var registerMasks: [RegisterMask] = []
  /// Tells, for the head of a retire event, which bits the instruction leaves undefined until redefined.
  public var undefinedBits: (@Sendable (TraceRecord) -> [UndefinedBits])?
  /// Differences that are accepted.
  public var deviations: [KnownDeviation] = []
  /// Events to keep for context on each side of a divergence, 0…1000.
  public var contextEvents = 5

  /// The strictest policy for two machines: everything that guests see is compared.
  public init() {}

  /// This policy, loosened by what the headers say one of the traces cannot hold; with a note for each change.
  public func adapted(to left: TraceHeader, _ right: TraceHeader) -> (
    policy: ComparisonPolicy, notes: [String]
  ) {
    var policy = self
    var notes: [String] = []
    func side(_ leftLacks: Bool, _ rightLacks: Bool) -> String {
      leftLacks && rightLacks
        ? "neither trace has" : leftLacks ? "the first trace has no" : "the second trace has no"
    }
    let common = min(left.level, right.level)
    if left.level != right.level {
      notes.append(
        "levels differ (\(left.level.name), \(right.level.name)); compared at level \(min(common, level).name)"
      )
    } else if level < common {
      notes.append("compared at level \(level.name), as asked")
    }
    policy.level = min(common, level)
    if !left.hasClock || !right.hasClock {
      policy.ignoreClock = true
      notes.append("clock not compared: \(side(!left.hasClock, !right.hasClock)) exact instruction count")
    }
    if policy.level == .instructions, !left.hasMemoryEffects || !right.hasMemoryEffects {
      policy.ignoreMemoryEffects = true
      notes.append(
        "memory effects not compared: \(side(!left.hasMemoryEffects, !right.hasMemoryEffects)) memory effects"
      )
    }
    if policy.level >= .events, !left.hasTraps || !right.hasTraps {
      policy.ignoreTraps = true
      notes.append("traps not compared: \(side(!left.hasTraps, !right.hasTraps)) traps")
    }
    let sides = [("the first trace", left), ("the second trace", right)]
    for (name, header) in sides {
      let omissions = TraceOmission.allCases.filter(header.omissions.contains)
      policy.omissions.formUnion(omissions)
      notes += omissions.map { $0.note(name) }
      let registers = header.unrecordedNumbers
      policy.unrecordedRegisters.formUnion(registers)
      if !registers.isEmpty, !header.omissions.contains(.registers) {
        notes.append(
          "\(registers.count) of \(header.registers.count) registers not compared: \(name) does not record them"
        )
      }
    }
    if left.seed != right.seed {
      notes.append("seeds differ (\(left.seed), \(right.seed))")
    }
    return (policy, notes)
  }
}
