/// Finds the number of a name in UTF-8 without allocating.
///
/// A name is *usable* when it is not empty, at most 64 bytes, does not begin with `#`, and no earlier number
/// has it; only usable names are written, so every name that is written can be read back.
struct Vocabulary {
  /// The usable names by number, as the text between the quotes of a JSON string; empty if there is none.
  private(set) var escaped: [[UInt8]] = []
  private var names: [[UInt8]] = []
  private var numbers: [UInt32] = []
  private var slots: [Int32]
  private let mask: Int

  static let longestName = 64

  /// A vocabulary that numbers `names` from 0.
  init(_ names: [String]) {
    self.init(names.enumerated().map { (UInt32($0.offset), $0.element) })
  }

  /// A vocabulary of these pairs.
  init(_ pairs: [(UInt32, String)]) {
    var size = 16
    while size < pairs.count * 3 { size *= 2 }
    mask = size - 1
    slots = Array(repeating: -1, count: size)
    for (number, name) in pairs {
      let bytes = Array(name.utf8)
      var text: [UInt8] = []
      if !bytes.isEmpty, bytes.count <= Self.longestName, bytes[0] != UInt8(ascii: "#"), insert(bytes, number)
      {
        text = JSONEscape.bytes(of: name)
      }
      while escaped.count < Int(number) { escaped.append([]) }
      if escaped.count == Int(number) { escaped.append(text) }
    }
  }

  private mutating func insert(_ bytes: [UInt8], _ number: UInt32) -> Bool {
    bytes.withUnsafeBufferPointer { buffer in
      guard lookUp(buffer) == nil else { return false }
      var slot = Self.hash(buffer) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(truncatingIfNeeded: names.count)
      names.append(bytes)
      numbers.append(number)
      return true
    }
  }

  /// The number of the name with these bytes.
  func lookUp(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32? {
    var slot = Self.hash(bytes) & mask
    // The table is at most a third full, so the search always meets a free slot.
    while slots[slot] >= 0 {
      let index = Int(slots[slot])
      let name = names[index]
      if name.count == bytes.count, name.withUnsafeBufferPointer({ $0.elementsEqual(bytes) }) {
        return numbers[index]
      }
      slot = (slot + 1) & mask
    }
    return nil
  }

  private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var state: UInt32 = 0x811C_9DC5
    for byte in bytes { state = (state ^ UInt32(byte)) &* 0x0100_0193 }
    return Int(state ^ (state >> 15))
  }
}

/// Escapes text for JSON strings.
package enum JSONEscape {
  private static let digits = Array("0123456789abcdef".utf8)

  /// The text between the quotes of the JSON string for `text`.
  package static func bytes(of text: String) -> [UInt8] {
    var result: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        result += [UInt8(ascii: "\\"), byte]
      case 0..<32:
        result += Array("\\u00".utf8)
        result += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default:
        result.append(byte)
      }
    }
    return result
  }
}

/// How the JSON encoding writes the four fields whose meaning depends on the kind.
struct FieldStyle {
  /// How `code` is written.
  enum Code: UInt8 {
    case number
    case hex
    case register
    case cause
    case exit
    case stop
  }

  var codeKey: StaticString = "code"
  var code = Code.number
  var addressKey: StaticString = "addr"
  var addressIsDecimal = false
  var valueKey: StaticString = "value"
  var valueIsDecimal = false
  var auxKey: StaticString = "aux"
  var auxIsDecimal = false

  /// The style of a kind; kinds without a name have the general one.
  static func of(_ kind: EventKind?) -> FieldStyle {
    var style = FieldStyle()
    switch kind {
    case .retire:
      style.addressKey = "next"
    case .trap, .reflect, .inject:
      (style.codeKey, style.code) = ("cause", .cause)
      (style.valueKey, style.auxKey) = ("tval", "handler")
    case .interrupt:
      (style.codeKey, style.code) = ("cause", .cause)
      (style.valueKey, style.auxKey) = ("line", "handler")
    case .device:
      (style.codeKey, style.code) = ("port", .hex)
      style.valueKey = "data"
      (style.auxKey, style.auxIsDecimal) = ("size", true)
    case .halt:
      (style.codeKey, style.code) = ("stop", .stop)
      style.valueKey = "status"
    case .registerWrite:
      (style.codeKey, style.code) = ("reg", .register)
    case .memoryRead, .memoryWrite:
      style.valueKey = "data"
      (style.auxKey, style.auxIsDecimal) = ("size", true)
    case .exit:
      (style.codeKey, style.code) = ("reason", .exit)
      (style.addressKey, style.valueKey) = ("fault", "detail")
    case .emulate:
      (style.codeKey, style.code) = ("reason", .exit)
    case .schedule:
      (style.valueKey, style.valueIsDecimal) = ("domain", true)
      (style.auxKey, style.auxIsDecimal) = ("slice", true)
    case .shadow:
      style.codeKey = "op"
      (style.addressKey, style.valueKey) = ("page", "entry")
    case .hypercall:
      style.codeKey = "number"
      (style.valueKey, style.auxKey) = ("arg", "result")
    case .final:
      (style.codeKey, style.code) = ("stop", .stop)
      (style.addressKey, style.addressIsDecimal) = ("outbytes", true)
      (style.valueKey, style.auxKey) = ("memsum", "outsum")
    case .digest:
      (style.valueKey, style.auxKey) = ("regsum", "memsum")
    case .host:
      (style.valueKey, style.valueIsDecimal) = ("ns", true)
    case .end:
      (style.valueKey, style.valueIsDecimal) = ("records", true)
      style.auxKey = "check"
    case nil:
      break
    }
    return style
  }

  /// The styles of all 256 kinds, by number.
  static let table: [FieldStyle] = (0...255).map { of(EventKind(rawValue: UInt8($0))) }
}

/// The four vocabularies of a header.
struct Vocabularies {
  let registers: Vocabulary
  let causes: Vocabulary
  let exits: Vocabulary
  let stops: Vocabulary

  init(_ header: TraceHeader) {
    registers = Vocabulary(header.registers)
    causes = Vocabulary(header.causes)
    exits = Vocabulary(header.exits)
    stops = Vocabulary(header.stops)
  }

  /// The words of the kinds.
  static let kinds = Vocabulary(EventKind.allCases.map { (UInt32($0.rawValue), $0.name) })
}
