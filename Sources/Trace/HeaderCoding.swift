/// The header as a line of JSON.
extension TraceHeader {
  /// The JSON text of the header, without a line end, in the order that `Docs/TraceFormat.md` gives.
  public var jsonText: String {
    var text = "{\"schema\":\"\(Self.schema)\",\"version\":\(version)"
    func add(_ key: String, _ value: String) { text += ",\"\(key)\":\(value)" }
    func quote(_ value: String) -> String {
      "\"" + String(decoding: JSONEscape.bytes(of: value), as: UTF8.self) + "\""
    }
    func hex(_ value: UInt64) -> String { "\"0x" + String(value, radix: 16) + "\"" }
    func list(_ values: [String]) -> String { "[" + values.map(quote).joined(separator: ",") + "]" }
    add("isa", quote(isa))
    add("variant", quote(variant))
    add("engine", quote(engine))
    add("flavour", quote(flavour))
    add("level", quote(level.name))
    add("program", quote(program))
    add("program_digest", hex(programDigest))
    add("configuration_digest", hex(configurationDigest))
    add("seed", hex(seed))
    add("clock", hasClock ? "true" : "false")
    add("memory_effects", hasMemoryEffects ? "true" : "false")
    // Most traces have them.
    if !hasTraps { add("traps", "false") }
    if let recordedBy { add("recorded_by", quote(recordedBy)) }
    if !omissions.isEmpty {
      add("without", list(TraceOmission.allCases.filter(omissions.contains).map(\.rawValue)))
    }
    if !unrecordedRegisters.isEmpty { add("without_registers", list(unrecordedRegisters)) }
    add("registers", list(registers))
    add("causes", list(causes))
    add("exits", list(exits))
    add("stops", list(stops))
    return text + "}"
  }

  /// What can be wrong with a header line.
  enum Fault: Error {
    case foreign(String)
    case version(UInt64)
    case corrupted(String)
  }

  /// Reads a header from the JSON text that the cursor stands before.
  init(reading cursor: inout JSONCursor) throws(Fault) {
    var members: [String: JSONValue] = [:]
    do throws(JSONFault) {
      try cursor.expect(UInt8(ascii: "{"))
      if !cursor.accept(UInt8(ascii: "}")) {
        repeat {
          cursor.skipSpace()
          let key = String(decoding: cursor.bytes(try cursor.string()), as: UTF8.self)
          try cursor.expect(UInt8(ascii: ":"))
          let value = try cursor.value()
          guard members.updateValue(value, forKey: key) == nil else { throw JSONFault("key `\(key)` twice") }
        } while cursor.accept(UInt8(ascii: ","))
        try cursor.expect(UInt8(ascii: "}"))
      }
      cursor.skipSpace()
      guard cursor.at == cursor.end else { throw JSONFault("more text after the header") }
    } catch {
      throw .foreign("not a trace: the first line is not a JSON object (\(error.message))")
    }
    guard let schema = members["schema"], schema.tag == .string,
      String(decoding: cursor.bytes(schema), as: UTF8.self) == Self.schema
    else { throw .foreign("not a trace: the first line has no `\"schema\":\"\(Self.schema)\"`") }
    guard let version = members["version"], version.tag == .integer else {
      throw .corrupted("the header has no `version` number")
    }
    guard version.number == UInt64(Self.currentVersion) else { throw .version(version.number) }

    let fields = HeaderFields(members: members, cursor: cursor)
    let word = try fields.string("level")
    guard let level = TraceLevel(name: word) else {
      throw .corrupted("`level` in the header is `\(word)`; it must be final, events or instructions")
    }
    self.init(
      isa: try fields.string("isa"), variant: try fields.string("variant"),
      engine: try fields.string("engine"), flavour: try fields.string("flavour"), level: level,
      program: try fields.string("program"), programDigest: try fields.number("program_digest"),
      configurationDigest: try fields.number("configuration_digest"), seed: try fields.number("seed"),
      hasClock: try fields.bool("clock"), hasMemoryEffects: try fields.bool("memory_effects"),
      registers: try fields.list("registers"), causes: try fields.list("causes"),
      exits: try fields.list("exits"), stops: try fields.list("stops"))
    if members["traps"] != nil { hasTraps = try fields.bool("traps") }
    if members["recorded_by"] != nil { recordedBy = try fields.string("recorded_by") }
    if members["without_registers"] != nil { unrecordedRegisters = try fields.list("without_registers") }
    guard members["without"] != nil else { return }
    for word in try fields.list("without") {
      // Comparing what the trace does not have would blame the other one.
      guard let omission = TraceOmission(rawValue: word) else {
        throw .corrupted("`without` in the header has `\(word.prefix(40))`, which this program does not know")
      }
      omissions.insert(omission)
    }
  }
}

/// The members of a header line by name.
private struct HeaderFields {
  let members: [String: JSONValue]
  let cursor: JSONCursor

  private func member(_ key: String, _ tag: JSONValue.Tag, _ what: String) throws(TraceHeader.Fault)
    -> JSONValue
  {
    guard let value = members[key], value.tag == tag else {
      throw .corrupted("`\(key)` in the header is missing or not \(what)")
    }
    return value
  }

  func string(_ key: String) throws(TraceHeader.Fault) -> String {
    String(decoding: cursor.bytes(try member(key, .string, "a string")), as: UTF8.self)
  }

  func bool(_ key: String) throws(TraceHeader.Fault) -> Bool {
    try member(key, .bool, "true or false").number == 1
  }

  func number(_ key: String) throws(TraceHeader.Fault) -> UInt64 {
    if let value = members[key] {
      if value.tag == .integer { return value.number }
      if value.tag == .string, let number = hexNumber(cursor.bytes(value)) { return number }
    }
    throw .corrupted("`\(key)` in the header is missing or not a number such as \"0x1f\"")
  }

  func list(_ key: String) throws(TraceHeader.Fault) -> [String] {
    let array = try member(key, .array, "an array of strings")
    var inner = JSONCursor(cursor.base, array.start, array.end)
    var result: [String] = []
    do throws(JSONFault) {
      try inner.expect(UInt8(ascii: "["))
      if inner.accept(UInt8(ascii: "]")) { return [] }
      repeat {
        inner.skipSpace()
        result.append(String(decoding: inner.bytes(try inner.string()), as: UTF8.self))
      } while inner.accept(UInt8(ascii: ","))
    } catch {
      throw .corrupted("`\(key)` in the header is not an array of strings")
    }
    return result
  }
}
