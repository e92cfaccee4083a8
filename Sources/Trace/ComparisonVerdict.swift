/// An event of a trace: a head and the effects that belong to it.
public struct TraceEvent: Sendable, Hashable {
  /// Number among the events compared, from 0.
  public var index: UInt64
  /// Number of the head among the records of its trace, from 0.
  public var position: UInt64
  /// The record that begins the event.
  public var head: TraceRecord
  /// Its effects in order, without those that the policy leaves out.
  public var effects: [TraceRecord]

  /// An event; see the properties.
  public init(index: UInt64, position: UInt64, head: TraceRecord, effects: [TraceRecord] = []) {
    self.index = index
    self.position = position
    self.head = head
    self.effects = effects
  }
}

/// Something two events can differ in.
public enum TraceField: Sendable, Hashable {
  /// What happened.
  case kind
  /// Whether there is an event at all.
  case end
  case pc
  /// The instruction's bytes.
  case instruction
  case clock
  case mode
  case cpu
  /// Whether a device was read or written.
  case direction
  /// The rest of the flags byte.
  case flags
  case code
  case address
  case value
  case aux
  /// The register with this number.
  case register(UInt32)
  /// Whether the n-th memory effect exists and is a read or a write.
  case memoryKind(Int)
  case memoryAddress(Int)
  case memorySize(Int)
  case memoryValue(Int)

  /// The field's name in events of a kind, with the header's names for registers.
  public func name(_ kind: EventKind?, _ header: TraceHeader) -> String {
    switch self {
    case .kind: return "kind of event"
    case .end: return "end of the trace"
    case .pc: return "pc"
    case .instruction: return "instruction bytes"
    case .clock: return "clock"
    case .mode: return "privilege mode"
    case .cpu: return "virtual CPU"
    case .direction: return "direction of the device access"
    case .flags: return "flags"
    case .register(let number): return "register \(header.registerName(number))"
    case .memoryKind(let index): return "memory effect \(index)"
    case .memoryAddress(let index): return "address of memory effect \(index)"
    case .memorySize(let index): return "size of memory effect \(index)"
    case .memoryValue(let index): return "data of memory effect \(index)"
    case .code, .address, .value, .aux: break
    }
    let word = kind?.name ?? "event"
    let generic: String =
      switch self {
      case .code: "code"
      case .address: "address"
      case .value: "value"
      default: "aux"
      }
    let special: String? =
      switch (kind, self) {
      case (.retire, .address): "next pc"
      case (.trap, .code), (.interrupt, .code): "cause"
      case (.reflect, .value), (.inject, .value): "trap value"
      case (.trap, .aux), (.interrupt, .aux), (.reflect, .aux), (.inject, .aux): "handler pc"
      case (.interrupt, .value): "line"
      case (.device, .code): "port"
      case (.device, .value): "datum"
      case (.device, .aux): "size"
      case (.halt, .code), (.final, .code): "stop kind"
      case (.halt, .value): "status"
      case (.final, .address): "count of console bytes"
      case (.final, .value), (.digest, .aux): "memory digest"
      case (.final, .aux): "console digest"
      case (.digest, .value): "register digest"
      case (.exit, .code), (.emulate, .code): "reason"
      case (.exit, .address): "fault address"
      default: nil
      }
    if let special { return special == "next pc" ? special : "\(word) \(special)" }
    return "\(word) \(generic)"
  }
}

extension TraceHeader {
  /// The register's name, or `#` and its number.
  public func registerName(_ number: UInt32) -> String {
    guard number < registers.count, !registers[Int(number)].isEmpty else { return "#\(number)" }
    return registers[Int(number)]
  }

  /// The cause's name, or its number.
  public func causeName(_ number: UInt32) -> String {
    guard number < causes.count, !causes[Int(number)].isEmpty else { return "\(number)" }
    return causes[Int(number)]
  }

  /// The exit reason's name, or its number.
  public func exitName(_ number: UInt32) -> String {
    guard number < exits.count, !exits[Int(number)].isEmpty else { return "\(number)" }
    return exits[Int(number)]
  }

  /// The stop kind's name, or its number.
  public func stopName(_ number: UInt32) -> String {
    guard number < stops.count, !stops[Int(number)].isEmpty else { return "\(number)" }
    return stops[Int(number)]
  }
}

/// The event that last wrote something.
public struct LastWriter: Sendable, Hashable {
  /// Number of the event among those compared.
  public var event: UInt64
  /// Its program counter.
  public var pc: UInt64
  /// Its clock.
  public var clock: UInt64

  /// A writer; see the properties.
  public init(event: UInt64, pc: UInt64, clock: UInt64) {
    self.event = event
    self.pc = pc
    self.clock = clock
  }
}

/// One field in which two events differ.
public struct FieldDifference: Sendable, Hashable {
  /// Which field.
  public var field: TraceField
  /// Value in the first trace; `nil` where there is none.
  public var left: UInt64?
  /// Value in the second trace.
  public var right: UInt64?

  /// A difference; see the properties.
  public init(_ field: TraceField, _ left: UInt64?, _ right: UInt64?) {
    self.field = field
    self.left = left
    self.right = right
  }
}

/// The first place where two traces differ.
public struct Divergence: Sendable, Hashable {
  /// Number of the event among those compared, from 0.
  public var index: UInt64
  /// The event in the first trace; `nil` if that has ended.
  public var left: TraceEvent?
  /// The event in the second trace.
  public var right: TraceEvent?
  /// The first difference; for instructions whose bytes differ no other field is worth a look.
  public var difference: FieldDifference
  /// The field's name.
  public var fieldName: String
  /// The other fields that differ in the same event.
  public var otherDifferences: [FieldDifference]
  /// Who last wrote the differing register or memory in the first trace, before this event, as far as is known.
  public var leftWriter: LastWriter?
  /// The same in the second trace.
  public var rightWriter: LastWriter?
  /// Events before, oldest first, in each trace.
  public var leftBefore: [TraceEvent]
  public var rightBefore: [TraceEvent]
  /// Events after, in each trace.
  public var leftAfter: [TraceEvent]
  public var rightAfter: [TraceEvent]
}

/// Differences that were accepted for one reason.
public struct ComparisonException: Sendable, Hashable {
  /// Why they were accepted.
  public var reason: String
  /// How many there were.
  public var count: UInt64
  /// Number of the first event that had one.
  public var firstEvent: UInt64

  /// An exception; see the properties.
  public init(reason: String, count: UInt64, firstEvent: UInt64) {
    self.reason = reason
    self.count = count
    self.firstEvent = firstEvent
  }
}

/// What a comparison found.
public enum ComparisonVerdict: Sendable, Hashable {
  /// No difference.
  case equal
  /// No difference but accepted ones.
  case equalExcept([ComparisonException])
  /// A difference; the first one.
  case divergent(Divergence)
  /// The traces are not two runs of one thing; the text says why.
  case notComparable(String)

  /// Exit status as diff(1): 0 same, 1 different, 2 trouble.
  public var exitStatus: Int32 {
    switch self {
    case .equal, .equalExcept: 0
    case .divergent: 1
    case .notComparable: 2
    }
  }

  /// The verdict's word.
  public var name: String {
    switch self {
    case .equal: "equal"
    case .equalExcept: "equal except"
    case .divergent: "divergent"
    case .notComparable: "not comparable"
    }
  }
}

/// A verdict with all that was left out on the way to it.
public struct ComparisonResult: Sendable, Hashable {
  /// What was found.
  public var verdict: ComparisonVerdict
  /// How many events were compared.
  public var events: UInt64
  /// What was left out and why, a sentence each.
  public var notes: [String]
}
