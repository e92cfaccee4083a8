/// A source file cut into lines, with its comments blanked out.
struct SourceText {
  let name: String
  /// The bytes as they came, for excerpts.
  let bytes: [UInt8]
  /// The same length, comments replaced by spaces.
  let code: [UInt8]
  /// Where each line begins.
  let lineStarts: [Int]
  /// Where a block comment begins that never ends.
  let unterminatedComment: Int?

  init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
    var code = bytes
    var starts = [0]
    var quote: UInt8 = 0
    var blockStart: Int?
    var inLineComment = false
    var index = 0
    while index < code.count {
      let byte = code[index]
      if byte == .newline {
        starts.append(index + 1)
        quote = 0
        inLineComment = false
      } else if inLineComment {
        code[index] = .space
      } else if blockStart != nil {
        code[index] = .space
        if byte == UInt8(ascii: "*"), index + 1 < code.count, code[index + 1] == UInt8(ascii: "/") {
          index += 1
          code[index] = .space
          blockStart = nil
        }
      } else if quote != 0 {
        if byte == UInt8(ascii: "\\"), index + 1 < code.count, code[index + 1] != .newline {
          index += 1
        } else if byte == quote {
          quote = 0
        }
      } else {
        switch byte {
        case UInt8(ascii: "\""): quote = byte
        case UInt8(ascii: "'"): quote = byte
        case UInt8(ascii: ";"), UInt8(ascii: "#"):
          inLineComment = true
          code[index] = .space
        case UInt8(ascii: "/"):
          let next = index + 1 < code.count ? code[index + 1] : 0
          if next == UInt8(ascii: "/") {
            inLineComment = true
            code[index] = .space
          } else if next == UInt8(ascii: "*") {
            blockStart = index
            code[index] = .space
            code[index + 1] = .space
            index += 1
          }
        case .return: code[index] = .space
        default: break
        }
      }
      index += 1
    }
    self.code = code
    lineStarts = starts
    unterminatedComment = blockStart
  }

  /// The place of `count` bytes of one line.
  func place(ofByte byte: Int, count: Int32, source: Int32, context: Int32) -> Place {
    let line = lineStarts.lastIndex { $0 <= byte } ?? 0
    let offset = Int32(clamping: byte - lineStarts[line])
    return Place(
      source: source, line: Int32(clamping: line), start: offset, end: offset &+ count, context: context)
  }

  /// Where a line's bytes are, without the line break.
  func range(ofLine line: Int) -> Range<Int> {
    let start = lineStarts[line]
    let end = line + 1 < lineStarts.count ? lineStarts[line + 1] - 1 : bytes.count
    return start..<max(start, end)
  }

  /// A line for display: one character per column, nothing that moves the cursor.
  func display(line: Int) -> String { Self.display(bytes[range(ofLine: line)]) }

  /// Bytes for display, shortened if very long.
  static func display(_ bytes: ArraySlice<UInt8>) -> String {
    visible(String(decoding: (bytes.last == .return ? bytes.dropLast() : bytes).prefix(400), as: UTF8.self))
  }

  /// The same number of characters, those that a terminal would act on replaced.
  static func visible(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        result.append(scalar == "\t" ? " " : "\u{FFFD}")
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The first byte outside comments that belongs to no UTF-8 character, if any.
  var firstInvalidByte: Int? {
    var index = 0
    // What was in a comment is blank in `code`.
    while index < code.count {
      guard code[index] >= 0x80 else {
        index += 1
        continue
      }
      var parser = Unicode.UTF8.ForwardParser()
      var rest = code[index...].makeIterator()
      guard case .valid(let character) = parser.parseScalar(from: &rest) else { return index }
      index += character.count
    }
    return nil
  }

  /// How many characters a range of bytes shows as.
  func width(_ range: Range<Int>) -> Int {
    String(decoding: bytes[range.clamped(to: bytes.indices)], as: UTF8.self).unicodeScalars.count
  }
}

extension UInt8 {
  static let newline = UInt8(ascii: "\n")
  static let `return` = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")

  var isSpace: Bool { self == .space || self == 9 || self == .return }
  var isDigit: Bool { self >= 48 && self <= 57 }
  var isIdentifierStart: Bool {
    (self >= 97 && self <= 122) || (self >= 65 && self <= 90) || self == UInt8(ascii: "_")
      || self == UInt8(ascii: ".") || self == UInt8(ascii: "$")
  }
  var isIdentifier: Bool { isIdentifierStart || isDigit || self == UInt8(ascii: "@") }
  /// Value as a digit in a base up to 16; 255 if it is none.
  var digit: UInt8 {
    switch self {
    case 48...57: self - 48
    case 97...102: self - 87
    case 65...70: self - 55
    default: 255
    }
  }
}

/// A place in the sources, kept small because there are many.
struct Place: Hashable {
  /// Index of the source.
  var source: Int32
  /// Line, from 0.
  var line: Int32
  /// Byte range in the line; meaningless when the line was altered by a macro.
  var start: Int32
  var end: Int32
  /// Index of the expansion that the line came from, or -1.
  var context: Int32
}

/// One line of code on its way through the assembler.
struct CodeLine {
  /// Bytes that hold the line; a whole file, or one expanded line.
  var bytes: [UInt8]
  var range: Range<Int>
  var source: Int32
  var line: Int32
  var context: Int32
  /// A macro's arguments changed the line, so its columns are not those of the file.
  var altered: Bool
}

/// Reads a line from left to right.
struct LineCursor {
  let line: CodeLine
  var position: Int

  init(_ line: CodeLine) {
    self.line = line
    position = line.range.lowerBound
  }

  var end: Int { line.range.upperBound }
  var isAtEnd: Bool { position >= end }
  /// The byte at the cursor, 0 at the end.
  var byte: UInt8 { position < end ? line.bytes[position] : 0 }
  func byte(ahead: Int) -> UInt8 { position + ahead < end ? line.bytes[position + ahead] : 0 }

  mutating func skipSpaces() {
    while position < end, line.bytes[position].isSpace { position += 1 }
  }

  /// Takes a character if it is next.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpaces()
    guard byte == UInt8(ascii: character), !isAtEnd else { return false }
    position += 1
    return true
  }

  /// Takes an identifier if one is next.
  mutating func identifier() -> String? {
    skipSpaces()
    guard byte.isIdentifierStart else { return nil }
    let start = position
    while byte.isIdentifier { position += 1 }
    return text(start..<position)
  }

  func text(_ range: Range<Int>) -> String { String(decoding: line.bytes[range], as: UTF8.self) }

  /// The rest of the line without spaces around it.
  mutating func rest() -> Range<Int> {
    skipSpaces()
    var last = end
    while last > position, line.bytes[last - 1].isSpace { last -= 1 }
    return position..<last
  }

  /// The place of a range of bytes.
  func place(_ range: Range<Int>) -> Place {
    let low = line.range.lowerBound
    guard !line.altered else {
      return Place(source: line.source, line: line.line, start: 0, end: .max, context: line.context)
    }
    return Place(
      source: line.source, line: line.line, start: Int32(clamping: range.lowerBound - low),
      end: Int32(clamping: range.upperBound - low), context: line.context)
  }

  /// The place from `start` to the cursor.
  func place(from start: Int) -> Place { place(start..<max(position, start)) }

  /// The place of the word at the cursor, for messages.
  mutating func placeOfNext() -> Place {
    skipSpaces()
    let start = position
    var last = start
    if byte.isIdentifier {
      while last < end, line.bytes[last].isIdentifier { last += 1 }
    } else if !isAtEnd {
      last += 1
    }
    return place(start..<last)
  }
}
