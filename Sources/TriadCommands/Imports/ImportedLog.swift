import Trace

/// The lines of a log, one after the other, in constant memory.
final class ImportedLog {
  /// Number of the line read last, from 1.
  private(set) var number = 0
  /// Whether the line read last had no line feed: the log ends inside it.
  private(set) var isCut = false
  /// Name for messages.
  var name: String { input.name }

  /// The longest line, in bytes.
  static let longestLine = 1 << 16

  private let input: any TraceInput
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var isExhausted = false

  init(_ input: any TraceInput) {
    self.input = input
    buffer = .allocate(byteCount: Self.longestLine * 4, alignment: 1)
  }

  deinit { buffer.deallocate() }

  /// The next line without its line feed, `nil` at the end; valid until the next call.
  func next() throws(TraceError) -> LogText? {
    var searched = 0
    while true {
      while start + searched < end {
        if buffer[start + searched] == 10 {
          let line = text(searched)
          start += searched + 1
          number += 1
          return line
        }
        searched += 1
      }
      guard searched <= Self.longestLine else {
        number += 1
        throw failure("a line longer than \(Self.longestLine) bytes: this is no log of QEMU's")
      }
      if isExhausted {
        guard searched > 0 else { return nil }
        let line = text(searched)
        start = end
        number += 1
        isCut = true
        return line
      }
      try fill()
    }
  }

  /// An error in the line read last, or another one.
  func failure(_ message: String, line: Int? = nil) -> TraceError {
    TraceError(.corrupted, message, place: .line(line ?? number), name: name)
  }

  private func text(_ count: Int) -> LogText {
    // SAFETY: the bytes lie in the buffer, which lives as long as this object and is written by `fill` only.
    LogText(UnsafeRawBufferPointer(rebasing: buffer[start..<start + count]))
  }

  private func fill() throws(TraceError) {
    if start > 0 {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
      end -= start
      start = 0
    }
    let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
    if count <= 0 { isExhausted = true } else { end += min(count, buffer.count - end) }
  }
}

/// A piece of a line that is read from its front.
struct LogText {
  private var rest: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

  var isEmpty: Bool { rest.isEmpty }
  var first: UInt8? { rest.first }
  /// The text, for messages and names; cut to forty bytes.
  var string: String { String(decoding: rest.prefix(40), as: UTF8.self) }

  /// Whether this text comes next.
  func starts(with text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard rest.count >= count else { return false }
    // SAFETY: a static string's bytes are there for ever; `count` of them are.
    for index in 0..<count where rest[index] != text.utf8Start[index] { return false }
    return true
  }

  /// Takes this text away if it comes next.
  mutating func accept(_ text: StaticString) -> Bool {
    guard starts(with: text) else { return false }
    drop(text.utf8CodeUnitCount)
    return true
  }

  mutating func skipSpaces() {
    var count = 0
    while count < rest.count, rest[count] == 32 || rest[count] == 9 { count += 1 }
    drop(count)
  }

  /// One to sixteen hex digits, with or without `0x`; takes nothing if there are none or more.
  mutating func hex() -> UInt64? {
    var at = starts(with: "0x") ? 2 : 0
    let first = at
    var value: UInt64 = 0
    while at < rest.count, let digit = Self.digit(rest[at]) {
      guard at - first < 16 else { return nil }
      value = value << 4 | UInt64(digit)
      at += 1
    }
    guard at > first else { return nil }
    drop(at)
    return value
  }

  /// Two hex digits.
  mutating func byte() -> UInt8? {
    guard rest.count >= 2, let high = Self.digit(rest[0]), let low = Self.digit(rest[1]) else { return nil }
    drop(2)
    return high << 4 | low
  }

  /// Decimal digits, nine at most.
  mutating func decimal() -> Int? {
    var at = 0
    var value = 0
    while at < rest.count, rest[at] &- 48 < 10 {
      guard at < 9 else { return nil }
      value = value * 10 + Int(rest[at] - 48)
      at += 1
    }
    guard at > 0 else { return nil }
    drop(at)
    return value
  }

  /// The text before the next of these characters; all of it if there is none.
  mutating func upTo(_ character: Character) -> LogText {
    let byte = character.asciiValue ?? 0
    var count = 0
    while count < rest.count, rest[count] != byte { count += 1 }
    let found = LogText(UnsafeRawBufferPointer(rebasing: rest[..<count]))
    drop(count)
    return found
  }

  /// Up to seven bytes as a number; more are `max`.
  var packed: UInt64 { rest.count > 7 ? .max : rest.reduce(0) { $0 << 8 | UInt64($1) } }

  /// The text up to the last of these characters, which is taken away, too; `nil` if there is none.
  mutating func upToLast(_ character: Character) -> LogText? {
    guard let at = rest.lastIndex(of: character.asciiValue ?? 0) else { return nil }
    let found = LogText(UnsafeRawBufferPointer(rebasing: rest[..<at]))
    drop(at + 1)
    return found
  }

  /// The next name of `NAME=VALUE` or `NAME =VALUE` as a number: up to seven letters and digits, packed as bytes; 0 at the end.
  mutating func name() -> UInt64 {
    while !rest.isEmpty {
      skipSpaces()
      var packed: UInt64 = 0
      var count = 0
      while count < rest.count, rest[count] > 32, rest[count] != 61 {
        packed = count < 7 ? packed << 8 | UInt64(rest[count]) : .max
        count += 1
      }
      drop(count)
      if first == 32, rest.count > 1, rest[1] == 61 { drop(1) }
      guard first == 61 else {
        // A character that is neither space nor name stands alone.
        if count == 0, !rest.isEmpty { drop(1) }
        continue
      }
      drop(1)
      return packed
    }
    return 0
  }

  private mutating func drop(_ count: Int) {
    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    if byte &- 48 < 10 { return byte - 48 }
    let letter = (byte | 32) &- 97
    return letter < 6 ? letter + 10 : nil
  }
}

/// A name of at most seven letters as ``LogText/name()`` gives it.
func packedName(_ text: String) -> UInt64 {
  text.utf8.reduce(0) { $0 << 8 | UInt64($1) }
}
