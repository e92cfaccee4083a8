/// What is wrong with a JSON text.
struct JSONFault: Error {
  let message: String
  init(_ message: String) { self.message = message }
}

/// A value of a JSON text, as a place in it.
struct JSONValue {
  enum Tag: UInt8 {
    /// A whole number from 0 to 2^64 − 1, in `number`.
    case integer
    /// Any other number.
    case number
    /// A string; `start..<end` are its bytes, without escapes.
    case string
    case bool
    case null
    /// `start` is at the bracket.
    case array
    case object
  }
  var tag: Tag
  var number: UInt64 = 0
  var start = 0
  var end = 0
}

/// Reads strict JSON (RFC 8259) from a buffer that it may change: escapes are resolved in place, which never
/// makes a string longer.
struct JSONCursor {
  let base: UnsafeMutablePointer<UInt8>
  let end: Int
  var at: Int

  /// How deep arrays and objects may nest.
  static let deepest = 32

  init(_ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int) {
    self.base = base
    self.at = start
    self.end = end
  }

  // SAFETY: every access to `base` is behind `at < end`, and the owner keeps `end` bytes alive.

  @inline(__always)
  mutating func skipSpace() {
    while at < end {
      let byte = base[at]
      guard byte == 32 || byte == 9 || byte == 13 || byte == 10 else { return }
      at &+= 1
    }
  }

  /// Steps over `byte` after white space, if it comes next.
  @inline(__always)
  mutating func accept(_ byte: UInt8) -> Bool {
    skipSpace()
    guard at < end, base[at] == byte else { return false }
    at &+= 1
    return true
  }

  mutating func expect(_ byte: UInt8) throws(JSONFault) {
    guard accept(byte) else {
      throw JSONFault("`\(Character(Unicode.Scalar(byte)))` expected, \(found) found")
    }
  }

  /// What comes next, for messages.
  private var found: String {
    guard at < end else { return "end of line" }
    let byte = base[at]
    return byte > 32 && byte < 127 ? "`\(Character(Unicode.Scalar(byte)))`" : "byte \(byte)"
  }

  func bytes(_ value: JSONValue) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: base + value.start, count: value.end - value.start)
  }

  /// Reads a value; arrays and objects are checked and stepped over.
  mutating func value(depth: Int = 0, resolving: Bool = true) throws(JSONFault) -> JSONValue {
    skipSpace()
    guard at < end else { throw JSONFault("a value expected, end of line found") }
    switch base[at] {
    case UInt8(ascii: "\""): return try string(resolving: resolving)
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): return try number()
    case UInt8(ascii: "{"), UInt8(ascii: "["): return try skipContainer(depth: depth)
    case UInt8(ascii: "t"):
      try word("true")
      return JSONValue(tag: .bool, number: 1)
    case UInt8(ascii: "f"):
      try word("false")
      return JSONValue(tag: .bool)
    case UInt8(ascii: "n"):
      try word("null")
      return JSONValue(tag: .null)
    default: throw JSONFault("a value expected, \(found) found")
    }
  }

  private mutating func word(_ word: StaticString) throws(JSONFault) {
    let count = word.utf8CodeUnitCount
    guard end - at >= count else { throw JSONFault("`\(word)` expected") }
    for index in 0..<count where base[at + index] != word.utf8Start[index] {
      throw JSONFault("`\(word)` expected")
    }
    at += count
  }

  private mutating func number() throws(JSONFault) -> JSONValue {
    var isWhole = true
    if base[at] == UInt8(ascii: "-") {
      isWhole = false
      at += 1
    }
    let first = at
    var value: UInt64 = 0
    while at < end, base[at] &- 48 < 10 {
      let (product, high) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(base[at] &- 48))
      if high || carry { isWhole = false }
      value = sum
      at &+= 1
    }
    guard at > first else { throw JSONFault("a digit expected, \(found) found") }
    guard at == first + 1 || base[first] != 48 else { throw JSONFault("a number with a leading zero") }
    if at < end, base[at] == UInt8(ascii: ".") {
      isWhole = false
      at += 1
      try digits()
    }
    if at < end, base[at] | 32 == UInt8(ascii: "e") {
      isWhole = false
      at += 1
      if at < end, base[at] == UInt8(ascii: "+") || base[at] == UInt8(ascii: "-") { at += 1 }
      try digits()
    }
    return isWhole ? JSONValue(tag: .integer, number: value) : JSONValue(tag: .number)
  }

  private mutating func digits() throws(JSONFault) {
    let first = at
    while at < end, base[at] &- 48 < 10 { at &+= 1 }
    guard at > first else { throw JSONFault("a digit expected, \(found) found") }
  }

  private mutating func skipContainer(depth: Int) throws(JSONFault) -> JSONValue {
    guard depth < Self.deepest else { throw JSONFault("more than \(Self.deepest) nested arrays and objects") }
    let start = at
    let isObject = base[at] == UInt8(ascii: "{")
    let close = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
    at += 1
    if !accept(close) {
      repeat {
        if isObject {
          skipSpace()
          _ = try string(resolving: false)
          try expect(UInt8(ascii: ":"))
        }
        _ = try value(depth: depth + 1, resolving: false)
      } while accept(UInt8(ascii: ","))
      try expect(close)
    }
    return JSONValue(tag: isObject ? .object : .array, start: start, end: at)
  }

  /// Reads a string; with `resolving`, its escapes are replaced by what they stand for.
  mutating func string(resolving: Bool = true) throws(JSONFault) -> JSONValue {
    guard at < end, base[at] == UInt8(ascii: "\"") else {
      throw JSONFault("a string expected, \(found) found")
    }
    at &+= 1
    let start = at
    while at < end {
      let byte = base[at]
      if byte == UInt8(ascii: "\"") {
        at &+= 1
        return JSONValue(tag: .string, start: start, end: at &- 1)
      }
      if byte == UInt8(ascii: "\\") || byte >= 0x80 || byte < 32 { break }
      at &+= 1
    }
    return try longString(from: start, resolving: resolving)
  }

  /// The rest of a string that holds something other than plain ASCII.
  private mutating func longString(from start: Int, resolving: Bool) throws(JSONFault) -> JSONValue {
    var put = at
    while at < end {
      let byte = base[at]
      switch byte {
      case UInt8(ascii: "\""):
        at += 1
        return JSONValue(tag: .string, start: start, end: put)
      case UInt8(ascii: "\\"):
        let scalar = try escape()
        guard resolving else { continue }
        for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
          base[put] = unit
          put += 1
        }
      case 0..<32: throw JSONFault("a control character inside a string")
      default:
        let count = try scalarLength()
        if resolving { for index in 0..<count { base[put + index] = base[at + index] } }
        put += count
        at += count
      }
    }
    throw JSONFault("a string without its closing quote")
  }

  /// Length of the UTF-8 sequence here (Unicode, table 3-7).
  private func scalarLength() throws(JSONFault) -> Int {
    let first = base[at]
    if first < 0x80 { return 1 }
    let count = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0
    guard count > 0, end - at >= count else { throw JSONFault("bytes that are not UTF-8") }
    let second = base[at + 1]
    let lowest: UInt8 = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80
    let highest: UInt8 = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF
    guard second >= lowest, second <= highest else { throw JSONFault("bytes that are not UTF-8") }
    for index in 2..<max(count, 2) where base[at + index] & 0xC0 != 0x80 {
      throw JSONFault("bytes that are not UTF-8")
    }
    return count
  }

  private mutating func escape() throws(JSONFault) -> Unicode.Scalar {
    at += 1
    guard at < end else { throw JSONFault("a string without its closing quote") }
    let byte = base[at]
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let unit = try fourDigits()
      if let scalar = Unicode.Scalar(unit) { return scalar }
      // A surrogate: only a high one with its low one after it stands for a character.
      guard unit < 0xDC00, end - at >= 6, base[at] == UInt8(ascii: "\\"), base[at + 1] == UInt8(ascii: "u")
      else {
        throw JSONFault("half of a surrogate pair")
      }
      at += 2
      let low = try fourDigits()
      guard low >= 0xDC00, low < 0xE000,
        let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
      else { throw JSONFault("half of a surrogate pair") }
      return scalar
    default: throw JSONFault("an unknown escape in a string")
    }
  }

  private mutating func fourDigits() throws(JSONFault) -> UInt32 {
    guard end - at >= 4 else { throw JSONFault("four hex digits expected after `\\u`") }
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = hexDigit(base[at]) else { throw JSONFault("four hex digits expected after `\\u`") }
      value = value << 4 | UInt32(digit)
      at += 1
    }
    return value
  }
}

/// The value of a hex digit of either case.
@inline(__always)
func hexDigit(_ byte: UInt8) -> UInt8? {
  let digit = byte &- 48
  if digit < 10 { return digit }
  let letter = (byte | 32) &- 97
  return letter < 6 ? letter &+ 10 : nil
}

/// The value of `0x` and one to sixteen hex digits.
@inline(__always)
func hexNumber(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64? {
  guard bytes.count >= 3, bytes.count <= 18, bytes[0] == 48, bytes[1] | 32 == 120 else { return nil }
  var value: UInt64 = 0
  for index in 2..<bytes.count {
    guard let digit = hexDigit(bytes[index]) else { return nil }
    value = value << 4 | UInt64(digit)
  }
  return value
}

/// The bytes of a key of at most eight bytes as a number; 0 for longer ones and the empty one.
@inline(__always)
func packedKey(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
  guard bytes.count <= 8 else { return 0 }
  var packed: UInt64 = 0
  for byte in bytes { packed = packed << 8 | UInt64(byte) }
  return packed
}

/// The same for a key of this program.
func packedKey(_ text: StaticString) -> UInt64 {
  packedKey(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
}
