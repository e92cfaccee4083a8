internal import Trace

/// A JSON value: what messages of the Debug Adapter Protocol are made of.
public enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// An object of the fields that are there.
  public static func fields(_ fields: [String: JSON?]) -> JSON { .object(fields.compactMapValues { $0 }) }

  /// A field of an object; `nil` if there is none, or it is `null`.
  public subscript(_ key: String) -> JSON? {
    guard case .object(let fields) = self, let value = fields[key], value != .null else { return nil }
    return value
  }

  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }
  /// A whole number that every client can hold, up to 2^53 in size: sums of a few of them fit.
  public var int: Int? {
    let number: Int? =
      switch self {
      case .integer(let number): number
      case .number(let number): Int(exactly: number)
      default: nil
      }
    return number.flatMap { $0.magnitude <= 1 << 53 ? $0 : nil }
  }
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }
  public var array: [JSON]? {
    if case .array(let values) = self { values } else { nil }
  }
  public var object: [String: JSON]? {
    if case .object(let fields) = self { fields } else { nil }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(elements) { $1 })
  }
}

extension JSON {
  /// Its text, with the fields of objects in alphabetical order.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Its text as UTF-8.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .null: bytes += Array("null".utf8)
    case .bool(let value): bytes += Array((value ? "true" : "false").utf8)
    case .integer(let number): bytes += Array("\(number)".utf8)
    // JSON has no words for what is not finite.
    case .number(let number): bytes += Array((number.isFinite ? "\(number)" : "null").utf8)
    case .string(let text): Self.write(text, to: &bytes)
    case .array(let values):
      bytes.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        value.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let fields):
      bytes.append(UInt8(ascii: "{"))
      for (index, key) in fields.keys.sorted().enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.write(key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        fields[key]?.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    bytes += JSONEscape.bytes(of: text)
    bytes.append(UInt8(ascii: "\""))
  }
}

extension JSON {
  /// The value that a text in UTF-8 is.
  ///
  /// - Throws: an error that tells what is wrong, and at which byte.
  public init(reading bytes: [UInt8]) throws { self = try JSONReader.read(bytes) }
}
