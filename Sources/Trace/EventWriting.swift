/// Writes events as lines of JSON.
struct EventWriter: ~Copyable {
  private var out: ByteWriter
  private let names: Vocabularies
  private let styles = FieldStyle.table
  private var pending: [TraceRecord] = []

  /// Effects that one line may hold; more go to lines of their own, so that a line stays under the limit.
  static let effectsPerLine = 1024
  /// Longest text of one record: ten keys and numbers and one name with every byte escaped.
  private static let longestRecord = 1024

  init(_ out: consuming ByteWriter, names: Vocabularies) {
    self.out = out
    self.names = names
    pending.reserveCapacity(Self.effectsPerLine + 1)
  }

  /// Takes the next records; an event is written when its last effect is known.
  mutating func append(_ records: UnsafeBufferPointer<TraceRecord>) throws(TraceError) {
    for record in records {
      let isEffect = record.kind & 0xF0 == 16
      if isEffect, !pending.isEmpty, pending.count <= Self.effectsPerLine {
        pending.append(record)
        continue
      }
      try writePending()
      if isEffect {
        try writeLine(record)
      } else {
        pending.append(record)
      }
    }
  }

  /// Writes what is held back, then the end record, and flushes.
  mutating func finish(_ end: TraceRecord) throws(TraceError) {
    try writePending()
    try writeLine(end)
    try out.flush()
  }

  private mutating func writeLine(_ record: TraceRecord) throws(TraceError) {
    try out.reserve(Self.longestRecord)
    out.byte(UInt8(ascii: "{"))
    fields(of: record)
    out.text("}\n")
  }

  private mutating func writePending() throws(TraceError) {
    guard let head = pending.first else { return }
    try out.reserve(Self.longestRecord)
    out.byte(UInt8(ascii: "{"))
    fields(of: head)
    if pending.count > 1 {
      if isRegular {
        try writeRegularEffects()
      } else {
        try writeEffects()
      }
    }
    out.text("}\n")
    pending.removeAll(keepingCapacity: true)
  }

  /// Whether the effects are memory effects, then register effects with rising numbers, placed like their
  /// head, with no field set that the short form has no place for.
  private var isRegular: Bool {
    var last: Int64 = -1
    let head = pending[0]
    for index in 1..<pending.count {
      let effect = pending[index]
      guard effect.isPlaced(like: head), effect.pc | effect.bytes.low | effect.bytes.high == 0
      else { return false }
      switch effect.kind {
      case EventKind.registerWrite.rawValue:
        guard Int64(effect.code) > last, effect.address | effect.aux == 0 else { return false }
        last = Int64(effect.code)
      case EventKind.memoryRead.rawValue, EventKind.memoryWrite.rawValue:
        guard last < 0, effect.code == 0 else { return false }
      default:
        return false
      }
    }
    return true
  }

  private mutating func writeRegularEffects() throws(TraceError) {
    var index = 1
    if pending[index].kind != EventKind.registerWrite.rawValue {
      out.text(",\"mem\":[")
      while index < pending.count, pending[index].kind != EventKind.registerWrite.rawValue {
        let effect = pending[index]
        try out.reserve(Self.longestRecord)
        if index > 1 { out.byte(UInt8(ascii: ",")) }
        if effect.kind == EventKind.memoryWrite.rawValue { out.text("[\"w\",") } else { out.text("[\"r\",") }
        out.quotedHex(effect.address)
        out.byte(UInt8(ascii: ","))
        out.number(effect.aux)
        out.byte(UInt8(ascii: ","))
        out.quotedHex(effect.value)
        out.byte(UInt8(ascii: "]"))
        index += 1
      }
      out.byte(UInt8(ascii: "]"))
    }
    guard index < pending.count else { return }
    out.text(",\"regs\":{")
    let first = index
    while index < pending.count {
      let effect = pending[index]
      try out.reserve(Self.longestRecord)
      if index > first { out.byte(UInt8(ascii: ",")) }
      out.byte(UInt8(ascii: "\""))
      if effect.code < names.registers.escaped.count, !names.registers.escaped[Int(effect.code)].isEmpty {
        out.bytes(names.registers.escaped[Int(effect.code)])
      } else {
        out.byte(UInt8(ascii: "#"))
        out.decimal(UInt64(effect.code))
      }
      out.text("\":")
      out.quotedHex(effect.value)
      index += 1
    }
    out.byte(UInt8(ascii: "}"))
  }

  private mutating func writeEffects() throws(TraceError) {
    out.text(",\"fx\":[")
    for index in 1..<pending.count {
      try out.reserve(Self.longestRecord)
      out.text(index > 1 ? ",{" : "{")
      fields(of: pending[index])
      out.byte(UInt8(ascii: "}"))
    }
    try out.reserve(Self.longestRecord)
    out.byte(UInt8(ascii: "]"))
  }

  /// The members of one record; fields that are zero are left out.
  private mutating func fields(of record: TraceRecord) {
    let style = styles[Int(record.kind)]
    if let kind = record.eventKind {
      out.text("\"k\":\"")
      out.text(kind.word)
      out.byte(UInt8(ascii: "\""))
    } else {
      out.text("\"k\":")
      out.decimal(UInt64(record.kind))
    }
    if record.clock != 0 {
      out.text(",\"n\":")
      out.number(record.clock)
    }
    if record.pc != 0 {
      out.text(",\"pc\":")
      out.quotedHex(record.pc)
    }
    if record.code != 0 || names(style.code)?.isEmpty == false {
      writeCode(record.code, style)
    }
    field(style.addressKey, record.address, style.addressIsDecimal)
    field(style.valueKey, record.value, style.valueIsDecimal)
    field(style.auxKey, record.aux, style.auxIsDecimal)
    if record.bytes.low | record.bytes.high != 0 { writeBytes(record.bytes) }
    if record.flags != 0 {
      if record.mode != 0 {
        out.text(",\"m\":")
        out.decimal(UInt64(record.mode))
      }
      if record.isWrite { out.text(",\"w\":true") }
      if record.flags & 0xE0 != 0 {
        out.text(",\"f\":")
        out.decimal(UInt64(record.flags >> 5))
      }
    }
    if record.cpu != 0 {
      out.text(",\"cpu\":")
      out.decimal(UInt64(record.cpu))
    }
  }

  /// The name of code 0 in the vocabulary of a style: where it has one, 0 is worth writing.
  private func names(_ code: FieldStyle.Code) -> [UInt8]? { vocabulary(code)?.escaped.first }

  private func vocabulary(_ code: FieldStyle.Code) -> Vocabulary? {
    switch code {
    case .number, .hex: nil
    case .register: names.registers
    case .cause: names.causes
    case .exit: names.exits
    case .stop: names.stops
    }
  }

  private mutating func writeCode(_ code: UInt32, _ style: FieldStyle) {
    key(style.codeKey)
    if style.code == .hex {
      out.quotedHex(UInt64(code))
    } else if let escaped = vocabulary(style.code)?.escaped, code < escaped.count, !escaped[Int(code)].isEmpty
    {
      out.byte(UInt8(ascii: "\""))
      out.bytes(escaped[Int(code)])
      out.byte(UInt8(ascii: "\""))
    } else {
      out.decimal(UInt64(code))
    }
  }

  @inline(__always)
  private mutating func key(_ name: StaticString) {
    out.text(",\"")
    out.text(name)
    out.text("\":")
  }

  @inline(__always)
  private mutating func field(_ name: StaticString, _ value: UInt64, _ isDecimal: Bool) {
    guard value != 0 else { return }
    key(name)
    if isDecimal { out.number(value) } else { out.quotedHex(value) }
  }

  private mutating func writeBytes(_ bytes: InstructionBytes) {
    guard bytes.isCanonical else {
      out.text(",\"raw\":[")
      out.quotedHex(bytes.low)
      out.byte(UInt8(ascii: ","))
      out.quotedHex(bytes.high)
      out.byte(UInt8(ascii: "]"))
      return
    }
    out.text(",\"insn\":\"")
    for index in 0..<bytes.count { out.hexByte(bytes[index]) }
    out.byte(UInt8(ascii: "\""))
  }
}

extension InstructionBytes {
  /// Whether the count is at least 1 and at most 15 and every byte after it is zero, so that the bytes alone say all.
  @inline(__always)
  var isCanonical: Bool {
    let count = high >> 56
    guard count >= 1, count <= 15 else { return false }
    let payload = high & 0x00FF_FFFF_FFFF_FFFF
    if count < 8 { return payload == 0 && low >> (count * 8) == 0 }
    return payload >> ((count - 8) * 8) == 0
  }
}

extension EventKind {
  /// The word, without an allocation.
  var word: StaticString {
    switch self {
    case .retire: "retire"
    case .trap: "trap"
    case .interrupt: "interrupt"
    case .device: "device"
    case .halt: "halt"
    case .registerWrite: "register"
    case .memoryRead: "read"
    case .memoryWrite: "write"
    case .exit: "exit"
    case .emulate: "emulate"
    case .reflect: "reflect"
    case .inject: "inject"
    case .schedule: "schedule"
    case .shadow: "shadow"
    case .hypercall: "hypercall"
    case .final: "final"
    case .digest: "digest"
    case .host: "host"
    case .end: "end"
    }
  }
}
