/// Cuts the bytes of a conversation into messages; any bytes at all may come.
///
/// A message is a header of lines, one of them `Content-Length: N`, an empty line, and N bytes of JSON
/// (Debug Adapter Protocol, "Base protocol").
public struct MessageReader: Sendable {
  /// What the bytes were.
  public enum Event: Sendable, Equatable {
    /// A whole message's content.
    case message([UInt8])
    /// From here on nobody can tell where a message begins.
    case damaged(String)
  }

  /// The most bytes of content in a message.
  public static let contentLimit = 8 << 20
  /// The most bytes of a header.
  public static let headerLimit = 4096

  private var header: [UInt8] = []
  private var content: [UInt8] = []
  private var missing: Int?
  private var isDamaged = false

  /// A reader at the beginning of a conversation.
  public init() {}

  /// Nothing of a message that is not whole has come.
  public var isBetweenMessages: Bool { header.isEmpty && missing == nil }

  /// Takes bytes; the messages that they complete.
  public mutating func take(_ bytes: some Sequence<UInt8>) -> [Event] {
    var rest = Array(bytes)[...]
    var events: [Event] = []
    while !isDamaged, !rest.isEmpty {
      if let count = missing {
        let part = rest.prefix(count)
        content += part
        rest = rest.dropFirst(part.count)
        missing = count - part.count
      } else if let byte = rest.popFirst() {
        header.append(byte)
        if byte == 0x0A, let failure = endOfLine() {
          isDamaged = true
          events.append(.damaged(failure))
        } else if header.count > Self.headerLimit {
          isDamaged = true
          events.append(.damaged("a header has more than \(Self.headerLimit) bytes"))
        }
      }
      if missing == 0 {
        events.append(.message(content))
        content = []
        missing = nil
      }
    }
    return events
  }

  /// Looks whether the header is whole, and reads it then; what is wrong with it.
  private mutating func endOfLine() -> String? {
    guard
      header.suffix(4) == [0x0D, 0x0A, 0x0D, 0x0A] || header.suffix(2) == [0x0A, 0x0A] || header.count <= 2
    else { return nil }
    var length: Int?
    for line in header.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
      let text = String(decoding: line, as: UTF8.self)
      guard let colon = text.firstIndex(of: ":") else {
        return "the header line `\(text.prefix(40))` has no colon"
      }
      guard text[..<colon].trimmed.lowercased() == "content-length" else { continue }
      let value = text[text.index(after: colon)...].trimmed
      guard !value.isEmpty, value.utf8.allSatisfy({ $0 &- 48 < 10 }), let number = Int(value) else {
        return "Content-Length is `\(value.prefix(40))`, which is no length"
      }
      guard length == nil || length == number else { return "two Content-Lengths" }
      length = number
    }
    guard let length else { return "a header without Content-Length" }
    guard length <= Self.contentLimit else {
      return "a message of \(length) bytes; the most is \(Self.contentLimit)"
    }
    header = []
    missing = length
    return nil
  }

  /// A message with this content.
  public static func message(_ content: JSON) -> [UInt8] {
    let bytes = content.bytes
    return Array("Content-Length: \(bytes.count)\r\n\r\n".utf8) + bytes
  }
}
