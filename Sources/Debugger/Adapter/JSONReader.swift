/// Reads strict JSON (RFC 8259) from bytes of which nothing is known.
struct JSONReader {
  /// What is wrong with the text, and where.
  struct Fault: Error, CustomStringConvertible {
    var message: String
    var offset: Int
    var description: String { "\(message) at byte \(offset)" }
  }

  /// How deep arrays and objects may nest.
  static let deepest = 64

  private let bytes: [UInt8]
  private var at = 0

  /// The value that the bytes are.
  static func read(_ bytes: [UInt8]) throws(Fault) -> JSON {
    var reader = JSONReader(bytes: bytes)
    let value = try reader.value(0)
    reader.skipSpace()
    guard reader.at == bytes.count else { throw reader.fault("something follows the value") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func fault(_ message: String) -> Fault { Fault(message: message, offset: at) }

  private mutating func skipSpace() {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    skipSpace()
    guard at < bytes.count, bytes[at] == byte else { return false }
    at += 1
    return true
  }

  private mutating func value(_ depth: Int) throws(Fault) -> JSON {
    guard depth < Self.deepest else { throw fault("more than \(Self.deepest) nested arrays and objects") }
    skipSpace()
    guard at < bytes.count else { throw fault("the text ends early") }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: throw fault("no value begins")
    }
  }

  private mutating func word(_ word: String, _ value: JSON) throws(Fault) -> JSON {
    guard bytes[at...].starts(with: word.utf8) else { throw fault("no value begins") }
    at += word.utf8.count
    return value
  }

  private mutating func object(_ depth: Int) throws(Fault) -> JSON {
    at += 1
    var fields: [String: JSON] = [:]
    if accept(UInt8(ascii: "}")) { return .object(fields) }
    repeat {
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw fault("a name is missing") }
      let name = try string()
      guard accept(UInt8(ascii: ":")) else { throw fault("a colon is missing") }
      fields[name] = try value(depth + 1)
    } while accept(UInt8(ascii: ","))
    guard accept(UInt8(ascii: "}")) else { throw fault("a closing brace is missing") }
    return .object(fields)
  }

  private mutating func array(_ depth: Int) throws(Fault) -> JSON {
    at += 1
    var values: [JSON] = []
    if accept(UInt8(ascii: "]")) { return .array(values) }
    repeat { values.append(try value(depth + 1)) } while accept(UInt8(ascii: ","))
    guard accept(UInt8(ascii: "]")) else { throw fault("a closing bracket is missing") }
    return .array(values)
  }

  private mutating func number() throws(Fault) -> JSON {
    let start = at
    var isWhole = true
    if bytes[at] == UInt8(ascii: "-") { at += 1 }
    let first = at
    try digits()
    if bytes[first] == UInt8(ascii: "0"), at > first + 1 { throw fault("a number with a leading zero") }
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      isWhole = false
      at += 1
      try digits()
    }
    if at < bytes.count, bytes[at] | 32 == UInt8(ascii: "e") {
      isWhole = false
      at += 1
      if at < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[at]) { at += 1 }
      try digits()
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if isWhole, let number = Int(text) { return .integer(number) }
    guard let number = Double(text) else { throw fault("not a number") }
    return .number(number)
  }

  private mutating func digits() throws(Fault) {
    let start = at
    while at < bytes.count, bytes[at] &- 48 < 10 { at += 1 }
    guard at > start else { throw fault("a digit is missing") }
  }

  private mutating func string() throws(Fault) -> String {
    at += 1
    var result: [UInt8] = []
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: result, as: UTF8.self)
      case UInt8(ascii: "\\"): try escape(into: &result)
      case 0..<32: throw fault("a control character in a string")
      default: result.append(byte)
      }
    }
    throw fault("a string does not end")
  }

  private mutating func escape(into result: inout [UInt8]) throws(Fault) {
    guard at < bytes.count else { throw fault("a string does not end") }
    let letter = bytes[at]
    at += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(letter)
    case UInt8(ascii: "b"): result.append(8)
    case UInt8(ascii: "f"): result.append(12)
    case UInt8(ascii: "n"): result.append(10)
    case UInt8(ascii: "r"): result.append(13)
    case UInt8(ascii: "t"): result.append(9)
    case UInt8(ascii: "u"):
      var unit = try codeUnit()
      // A pair of surrogates is one character; a single one is none.
      if unit & 0xFC00 == 0xD800, bytes[at...].starts(with: "\\u".utf8) {
        let place = at
        at += 2
        let low = try codeUnit()
        if low & 0xFC00 == 0xDC00 {
          unit = 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
        } else {
          at = place
        }
      }
      result += Array(String(Character(Unicode.Scalar(unit) ?? "\u{FFFD}")).utf8)
    default: throw fault("an escape that JSON does not have")
    }
  }

  private mutating func codeUnit() throws(Fault) -> UInt32 {
    guard at + 4 <= bytes.count, let unit = Hexadecimal.number(bytes[at..<(at + 4)]) else {
      throw fault("four hexadecimal digits are missing")
    }
    at += 4
    return UInt32(unit)
  }
}
