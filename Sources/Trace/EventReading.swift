/// Reads lines of JSON into records.
struct EventReader: ~Copyable {
  /// The records of the last line, in order.
  private(set) var records: [TraceRecord] = []
  private let names: Vocabularies
  private let keys: [SlotKeys]
  private let common = CommonKeys()
  private let members: UnsafeMutablePointer<(key: UInt64, value: JSONValue)>

  /// Members that one object may have, unknown ones included.
  private static let mostMembers = 64

  init(names: Vocabularies) {
    self.names = names
    keys = FieldStyle.table.map(SlotKeys.init)
    members = .allocate(capacity: Self.mostMembers)
  }

  deinit { members.deallocate() }

  /// Reads one line into `records`.
  ///
  /// - Returns: `false` if the line's kind is a word that this version does not know.
  mutating func read(_ cursor: inout JSONCursor) throws(JSONFault) -> Bool {
    records.removeAll(keepingCapacity: true)
    var lists = EffectLists()
    let isKnown = try object(&cursor, &lists)
    cursor.skipSpace()
    guard cursor.at == cursor.end else { throw JSONFault("more text after the object") }
    guard isKnown, let head = records.first else { return false }
    // In the short forms an effect has its head's clock, mode and CPU.
    let place = TraceRecord(.retire, mode: head.mode, cpu: head.cpu, clock: head.clock)
    if let list = lists.memory { try memoryEffects(list, cursor, place) }
    if let list = lists.registers { try registerEffects(list, cursor, place) }
    if let list = lists.effects { try generalEffects(list, cursor) }
    return true
  }

  private struct EffectLists {
    var memory: JSONValue?
    var registers: JSONValue?
    var effects: JSONValue?
    var isEmpty: Bool { memory == nil && registers == nil && effects == nil }
  }

  /// Reads an object and appends its record.
  private mutating func object(_ cursor: inout JSONCursor, _ lists: inout EffectLists) throws(JSONFault)
    -> Bool
  {
    var count = 0
    try cursor.expect(UInt8(ascii: "{"))
    if !cursor.accept(UInt8(ascii: "}")) {
      repeat {
        cursor.skipSpace()
        let key = packedKey(cursor.bytes(try cursor.string()))
        try cursor.expect(UInt8(ascii: ":"))
        let value = try cursor.value()
        guard key != 0 else { continue }
        guard count < Self.mostMembers else { throw JSONFault("more than \(Self.mostMembers) members") }
        for index in 0..<count where members[index].key == key { throw JSONFault("a key given twice") }
        // SAFETY: `count` is below the capacity.
        (members + count).initialize(to: (key, value))
        count += 1
      } while cursor.accept(UInt8(ascii: ","))
      try cursor.expect(UInt8(ascii: "}"))
    }
    guard let kind = try kind(count, cursor) else { return false }
    var record = TraceRecord(.retire)
    record.kind = kind
    let slots = keys[Int(kind)]
    for index in 0..<count {
      let (key, value) = members[index]
      switch key {
      case common.kind: break
      case common.clock: record.clock = try number(value, cursor, "n")
      case common.pc: record.pc = try number(value, cursor, "pc")
      case slots.address, common.address: record.address = try number(value, cursor, slots.style.addressKey)
      case slots.value, common.value: record.value = try number(value, cursor, slots.style.valueKey)
      case slots.aux, common.aux: record.aux = try number(value, cursor, slots.style.auxKey)
      case common.instruction: record.bytes = try instruction(value, cursor)
      case common.raw: record.bytes = try raw(value, cursor)
      case slots.code, common.code: record.code = try code(value, cursor, slots.style)
      case common.memory: lists.memory = value
      case common.registers: lists.registers = value
      case common.effects: lists.effects = value
      case common.mode: record.flags |= UInt8(try number(value, cursor, "m", most: 15))
      case common.write:
        guard value.tag == .bool else { throw JSONFault("`w` must be true or false") }
        if value.number == 1 { record.flags |= TraceRecord.writeFlag }
      case common.flags: record.flags |= UInt8(try number(value, cursor, "f", most: 7)) << 5
      case common.cpu: record.cpu = UInt16(try number(value, cursor, "cpu", most: 65535))
      default: break
      }
    }
    records.append(record)
    return true
  }

  private func kind(_ count: Int, _ cursor: JSONCursor) throws(JSONFault) -> UInt8? {
    for index in 0..<count where members[index].key == common.kind {
      let value = members[index].value
      if value.tag == .string {
        guard let number = Vocabularies.kinds.lookUp(cursor.bytes(value)) else { return nil }
        return UInt8(truncatingIfNeeded: number)
      }
      guard value.tag == .integer, value.number > 0, value.number <= 255 else { break }
      return UInt8(value.number)
    }
    throw JSONFault("no kind: `k` must be a word or a number from 1 to 255")
  }

  private func number(
    _ value: JSONValue, _ cursor: JSONCursor, _ key: StaticString, most: UInt64 = .max
  ) throws(JSONFault) -> UInt64 {
    var result: UInt64?
    if value.tag == .integer { result = value.number }
    if value.tag == .string { result = hexNumber(cursor.bytes(value)) }
    guard let result, result <= most else {
      throw JSONFault("`\(key)` must be a number up to \(most) or a string such as \"0x1f\"")
    }
    return result
  }

  private func code(
    _ value: JSONValue, _ cursor: JSONCursor, _ style: FieldStyle
  ) throws(JSONFault) -> UInt32 {
    if value.tag == .string {
      let bytes = cursor.bytes(value)
      let name: UInt32? =
        switch style.code {
        case .number, .hex: nil
        case .register: names.registers.lookUp(bytes)
        case .cause: names.causes.lookUp(bytes)
        case .exit: names.exits.lookUp(bytes)
        case .stop: names.stops.lookUp(bytes)
        }
      if let name { return name }
      guard let number = hexNumber(bytes), number <= UInt64(UInt32.max) else {
        throw JSONFault(
          "`\(style.codeKey)` is `\(String(decoding: bytes.prefix(40), as: UTF8.self))`, a name that the header does not list"
        )
      }
      return UInt32(number)
    }
    return UInt32(try number(value, cursor, style.codeKey, most: UInt64(UInt32.max)))
  }

  private func instruction(_ value: JSONValue, _ cursor: JSONCursor) throws(JSONFault) -> InstructionBytes {
    let bytes = cursor.bytes(value)
    guard value.tag == .string, bytes.count & 1 == 0, bytes.count <= 30 else {
      throw JSONFault("`insn` must be a string of 1 to 15 bytes in hex")
    }
    var result = InstructionBytes()
    guard !bytes.isEmpty else { return result }
    for index in 0..<bytes.count / 2 {
      guard let high = hexDigit(bytes[index * 2]), let low = hexDigit(bytes[index * 2 + 1]) else {
        throw JSONFault("`insn` must be a string of 1 to 15 bytes in hex")
      }
      let byte = UInt64(high << 4 | low)
      if index < 8 { result.low |= byte << (index * 8) } else { result.high |= byte << ((index - 8) * 8) }
    }
    result.high |= UInt64(bytes.count / 2) << 56
    return result
  }

  private func raw(_ value: JSONValue, _ cursor: JSONCursor) throws(JSONFault) -> InstructionBytes {
    guard value.tag == .array else { throw JSONFault("`raw` must be an array of two numbers") }
    var inner = JSONCursor(cursor.base, value.start, value.end)
    var result = InstructionBytes()
    try inner.expect(UInt8(ascii: "["))
    result.low = try number(try inner.value(), inner, "raw")
    try inner.expect(UInt8(ascii: ","))
    result.high = try number(try inner.value(), inner, "raw")
    try inner.expect(UInt8(ascii: "]"))
    return result
  }

  private mutating func memoryEffects(
    _ list: JSONValue, _ cursor: JSONCursor, _ place: TraceRecord
  ) throws(JSONFault) {
    guard list.tag == .array else { throw JSONFault("`mem` must be an array") }
    var inner = JSONCursor(cursor.base, list.start, list.end)
    try inner.expect(UInt8(ascii: "["))
    if inner.accept(UInt8(ascii: "]")) { return }
    repeat {
      try inner.expect(UInt8(ascii: "["))
      let word = try inner.value()
      let letter = inner.bytes(word)
      guard word.tag == .string, letter.count == 1,
        letter[0] == UInt8(ascii: "r") || letter[0] == UInt8(ascii: "w")
      else { throw JSONFault("an entry of `mem` must begin with \"r\" or \"w\"") }
      var record = place
      let kind: EventKind = letter[0] == UInt8(ascii: "r") ? .memoryRead : .memoryWrite
      record.kind = kind.rawValue
      try inner.expect(UInt8(ascii: ","))
      record.address = try number(try inner.value(), inner, "mem")
      try inner.expect(UInt8(ascii: ","))
      record.aux = try number(try inner.value(), inner, "mem")
      try inner.expect(UInt8(ascii: ","))
      record.value = try number(try inner.value(), inner, "mem")
      try inner.expect(UInt8(ascii: "]"))
      records.append(record)
    } while inner.accept(UInt8(ascii: ","))
    try inner.expect(UInt8(ascii: "]"))
  }

  private mutating func registerEffects(
    _ list: JSONValue, _ cursor: JSONCursor, _ place: TraceRecord
  ) throws(JSONFault) {
    guard list.tag == .object else { throw JSONFault("`regs` must be an object") }
    var inner = JSONCursor(cursor.base, list.start, list.end)
    try inner.expect(UInt8(ascii: "{"))
    if inner.accept(UInt8(ascii: "}")) { return }
    repeat {
      inner.skipSpace()
      let name = try inner.string()
      try inner.expect(UInt8(ascii: ":"))
      var record = place
      record.kind = EventKind.registerWrite.rawValue
      record.code = try register(inner.bytes(name))
      record.value = try number(try inner.value(), inner, "regs")
      records.append(record)
    } while inner.accept(UInt8(ascii: ","))
    try inner.expect(UInt8(ascii: "}"))
  }

  private func register(_ name: UnsafeBufferPointer<UInt8>) throws(JSONFault) -> UInt32 {
    if let number = names.registers.lookUp(name) { return number }
    var value: UInt64 = 0
    if name.count >= 2, name.count <= 11, name[0] == UInt8(ascii: "#") {
      for byte in name.dropFirst() {
        guard byte &- 48 < 10 else {
          value = .max
          break
        }
        value = value * 10 + UInt64(byte &- 48)
      }
    } else {
      value = .max
    }
    guard value <= UInt64(UInt32.max) else {
      throw JSONFault(
        "register `\(String(decoding: name.prefix(40), as: UTF8.self))` is not among the header's registers")
    }
    return UInt32(value)
  }

  private mutating func generalEffects(_ list: JSONValue, _ cursor: JSONCursor) throws(JSONFault) {
    guard list.tag == .array else { throw JSONFault("`fx` must be an array") }
    var inner = JSONCursor(cursor.base, list.start, list.end)
    try inner.expect(UInt8(ascii: "["))
    if inner.accept(UInt8(ascii: "]")) { return }
    repeat {
      var nested = EffectLists()
      guard try object(&inner, &nested) else { throw JSONFault("an effect of an unknown kind") }
      guard nested.isEmpty, let kind = records.last?.kind, kind & 0xF0 == 16 else {
        throw JSONFault("an entry of `fx` must be an effect")
      }
    } while inner.accept(UInt8(ascii: ","))
    try inner.expect(UInt8(ascii: "]"))
  }
}

/// The keys that every kind has.
private struct CommonKeys {
  let kind = packedKey("k")
  let clock = packedKey("n")
  let pc = packedKey("pc")
  let code = packedKey("code")
  let address = packedKey("addr")
  let value = packedKey("value")
  let aux = packedKey("aux")
  let instruction = packedKey("insn")
  let raw = packedKey("raw")
  let mode = packedKey("m")
  let write = packedKey("w")
  let flags = packedKey("f")
  let cpu = packedKey("cpu")
  let memory = packedKey("mem")
  let registers = packedKey("regs")
  let effects = packedKey("fx")
}

/// The keys of the four fields that depend on the kind.
private struct SlotKeys {
  let style: FieldStyle
  let code: UInt64
  let address: UInt64
  let value: UInt64
  let aux: UInt64

  init(_ style: FieldStyle) {
    self.style = style
    code = packedKey(style.codeKey)
    address = packedKey(style.addressKey)
    value = packedKey(style.valueKey)
    aux = packedKey(style.auxKey)
  }
}
