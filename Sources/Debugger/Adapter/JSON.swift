internal import Foundation

/// A JSON value: what messages of the Debug Adapter Protocol are made of.
public enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  /// A number that is not whole, or too large for an `Int`.
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

  /// A string's text; `nil` for anything else.
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
  /// `true` or `false`; `nil` for anything else.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }
  /// An array's values; `nil` for anything else.
  public var array: [JSON]? {
    if case .array(let values) = self { values } else { nil }
  }
  /// An object's fields; `nil` for anything else.
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

extension JSON: Codable {
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let flag = try? value.decode(Bool.self) {
      self = .bool(flag)
    } else if let number = try? value.decode(Int.self) {
      self = .integer(number)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else if let text = try? value.decode(String.self) {
      self = .string(text)
    } else if let values = try? value.decode([JSON].self) {
      self = .array(values)
    } else {
      self = .object(try value.decode([String: JSON].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    switch self {
    case .null: try value.encodeNil()
    case .bool(let flag): try value.encode(flag)
    case .integer(let number): try value.encode(number)
    // JSON has no words for what is not finite.
    case .number(let number): number.isFinite ? try value.encode(number) : try value.encodeNil()
    case .string(let text): try value.encode(text)
    case .array(let values): try value.encode(values)
    case .object(let fields): try value.encode(fields)
    }
  }

  /// Why bytes are no JSON.
  public struct Fault: Error, CustomStringConvertible {
    /// What is wrong, and where.
    public var description: String
  }

  /// The value that a text in UTF-8 is.
  public init(reading bytes: [UInt8]) throws(Fault) {
    do {
      self = try JSONDecoder().decode(JSON.self, from: Data(bytes))
    } catch DecodingError.dataCorrupted(let context) {
      throw Fault(description: context.debugDescription)
    } catch {
      throw Fault(description: "\(error)")
    }
  }

  /// Its text as UTF-8, with the fields of objects in alphabetical order.
  public var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Values of these kinds can all be written.
    return (try? encoder.encode(self)).map(Array.init) ?? Array("null".utf8)
  }

  /// Its text.
  public var text: String { String(decoding: bytes, as: UTF8.self) }
}
