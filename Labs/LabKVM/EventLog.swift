#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What happens, a line of JSON each, on what standard output was at the start.
final class EventLog {
  private let descriptor: Int32

  /// Takes standard output for itself; whatever else prints there goes to standard error.
  init() {
    descriptor = dup(1)
    dup2(2, 1)
  }

  /// Writes a line at once, so that it is there whatever comes next.
  func write(_ event: Event) {
    let bytes = Array("{\(event.text)}\n".utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        systemWrite(descriptor, $0.baseAddress! + done, bytes.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { exit(4) }
      done += count
    }
  }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

/// Members of a line.
struct Event {
  private(set) var text = ""

  init(_ kind: String, _ name: String) { add(kind, name) }

  mutating func add(_ name: String, _ value: String) {
    separate(name)
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar.value {
      case 0x22, 0x5C: text += "\\\(scalar)"
      case 0x20..<0x7F: text.unicodeScalars.append(scalar)
      default: text += "?"
      }
    }
    text += "\""
  }

  mutating func add(_ name: String, _ value: some BinaryInteger) {
    separate(name)
    text += "\(value)"
  }

  mutating func add(_ name: String, _ values: [UInt64]) {
    separate(name)
    text += "[" + values.map { "\($0)" }.joined(separator: ",") + "]"
  }

  /// Bytes, as hexadecimal digits.
  mutating func add(_ name: String, bytes: some Sequence<UInt8>) { add(name, Hex.text(bytes)) }

  private mutating func separate(_ name: String) { text += (text.isEmpty ? "" : ",") + "\"\(name)\":" }
}

/// Bytes as hexadecimal digits.
enum Hex {
  static func text(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".unicodeScalars)
    var text = ""
    for byte in bytes {
      text.unicodeScalars.append(digits[Int(byte >> 4)])
      text.unicodeScalars.append(digits[Int(byte & 15)])
    }
    return text
  }

  /// `nil` when the text is not pairs of digits.
  static func bytes(_ text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var result: [UInt8] = []
    for at in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Character(UnicodeScalar(digits[at])).hexDigitValue,
        let low = Character(UnicodeScalar(digits[at + 1])).hexDigitValue
      else { return nil }
      result.append(UInt8(high << 4 | low))
    }
    return result
  }
}
