internal import MachineCore
internal import Trace

// The format, all numbers little-endian:
//
//   "TRIADIMG", u16 version (1), u16 0, u32 entry,
//   u32 segments, u32 symbols, u32 files, u32 lines,
//   segments: u32 address, u64 size, u32 byte count, name, bytes
//   symbols:  u32 value, u32 address, u8 kind (1 label, 0 constant), name
//   files:    name, u8 has text, [u32 length, UTF-8 text]
//   lines:    u32 address, u32 file, u32 line
//   u64 digest of everything before it.
//
// A name is u16 length and UTF-8.

extension ToyImage {
  /// First bytes of an image.
  public static let magic = Array("TRIADIMG".utf8)
  /// Version of the format.
  public static let version: UInt16 = 1

  /// Whether bytes begin like an image.
  public static func isImage(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: magic) }

  /// The image as bytes.
  ///
  /// - Parameter includeText: carry the source text, so that traces can show lines without the files.
  public func encode(includeText: Bool = true) -> [UInt8] {
    var writer = ImageWriter()
    writer.bytes += Self.magic
    writer.add(Self.version)
    writer.add(UInt16(0))
    writer.add(entry)
    for count in [segments.count, symbols.count, files.count, lines.count] { writer.add(UInt32(count)) }
    for segment in segments {
      writer.add(segment.address)
      writer.add(UInt64(segment.size))
      writer.add(UInt32(segment.bytes.count))
      writer.add(name: segment.name)
      writer.bytes += segment.bytes
    }
    for symbol in symbols {
      writer.add(symbol.value)
      writer.add(symbol.address)
      writer.bytes.append(symbol.isLabel ? 1 : 0)
      writer.add(name: symbol.name)
    }
    for file in files {
      writer.add(name: file.name)
      let text = includeText ? file.text : nil
      writer.bytes.append(text == nil ? 0 : 1)
      if let text {
        writer.add(UInt32(text.utf8.count))
        writer.bytes += text.utf8
      }
    }
    for line in lines {
      writer.add(line.address)
      writer.add(line.file)
      writer.add(line.line)
    }
    writer.add(Digest.of(writer.bytes))
    return writer.bytes
  }

  /// An image from bytes.
  ///
  /// - Throws: ``ImageError`` for anything that ``encode(includeText:)`` would not have written.
  public init(decoding bytes: [UInt8]) throws(ImageError) {
    guard Self.isImage(bytes) else { throw .notAnImage }
    var reader = ImageReader(bytes: bytes, limit: bytes.count, position: Self.magic.count)
    let version = try reader.number(UInt16.self)
    guard version == Self.version else { throw .version(version) }
    guard bytes.count >= 44 else { throw .truncated(offset: bytes.count) }
    reader.limit = bytes.count - 8
    var tail = ImageReader(bytes: bytes, limit: bytes.count, position: bytes.count - 8)
    guard try tail.number(UInt64.self) == Digest.of(Array(bytes[..<(bytes.count - 8)])) else {
      throw .checksum
    }
    guard try reader.number(UInt16.self) == 0 else { throw reader.malformed("reserved bits are not zero") }
    entry = try reader.number(UInt32.self)
    // Least bytes of one element, so that a count that cannot be true is found before it costs memory.
    let segmentCount = try reader.count(of: 18)
    let symbolCount = try reader.count(of: 11)
    let fileCount = try reader.count(of: 3)
    let lineCount = try reader.count(of: 12)
    segments = []
    symbols = []
    files = []
    lines = []
    for _ in 0..<segmentCount { segments.append(try reader.segment(after: segments.last?.end ?? 0)) }
    for _ in 0..<symbolCount {
      let value = try reader.number(UInt32.self)
      let address = try reader.number(UInt32.self)
      let kind = try reader.number(UInt8.self)
      guard kind <= 1 else { throw reader.malformed("symbol kind \(kind)") }
      guard address >= symbols.last?.address ?? 0 else { throw reader.malformed("symbols out of order") }
      symbols.append(
        Symbol(name: try reader.name(), value: value, address: address, isLabel: kind == 1))
    }
    for _ in 0..<fileCount {
      let name = try reader.name()
      let hasText = try reader.number(UInt8.self)
      guard hasText <= 1 else { throw reader.malformed("text flag \(hasText)") }
      let text = hasText == 1 ? try reader.text(Int(try reader.number(UInt32.self))) : nil
      files.append(File(name: name, text: text))
    }
    for _ in 0..<lineCount {
      let line = Line(
        address: try reader.number(UInt32.self), file: try reader.number(UInt32.self),
        line: try reader.number(UInt32.self))
      guard line.file < fileCount, line.line > 0 else { throw reader.malformed("line of no file") }
      guard line.address >= lines.last?.address ?? 0 else { throw reader.malformed("lines out of order") }
      lines.append(line)
    }
    guard reader.position == reader.limit else { throw reader.malformed("bytes left over") }
  }
}

private struct ImageWriter {
  var bytes: [UInt8] = []

  mutating func add(_ value: some FixedWidthInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  /// A name, cut at 65535 bytes.
  mutating func add(name: String) {
    var name = name
    while name.utf8.count > Int(UInt16.max) { name.removeLast() }
    add(UInt16(name.utf8.count))
    bytes += name.utf8
  }
}

private struct ImageReader {
  let bytes: [UInt8]
  /// Reading stops here.
  var limit: Int
  var position: Int

  func malformed(_ what: String) -> ImageError { .malformed(what, offset: position) }

  mutating func number<T: FixedWidthInteger>(_: T.Type) throws(ImageError) -> T {
    let width = T.bitWidth / 8
    guard position + width <= limit else { throw .truncated(offset: limit) }
    var value: T = 0
    for index in 0..<width { value |= T(truncatingIfNeeded: bytes[position + index]) << (index * 8) }
    position += width
    return value
  }

  /// How many elements follow that take at least so many bytes each.
  mutating func count(of least: Int) throws(ImageError) -> Int {
    let count = Int(try number(UInt32.self))
    guard count <= (limit - position) / least else { throw malformed("\(count) elements cannot be there") }
    return count
  }

  mutating func take(_ count: Int) throws(ImageError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= limit - position else { throw .truncated(offset: limit) }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func text(_ count: Int) throws(ImageError) -> String {
    let start = position
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw .malformed("text that is not UTF-8", offset: start)
    }
    return text
  }

  mutating func name() throws(ImageError) -> String { try text(Int(try number(UInt16.self))) }

  mutating func segment(after previous: Int) throws(ImageError) -> ToyImage.Segment {
    let address = try number(UInt32.self)
    let size = try number(UInt64.self)
    let count = try number(UInt32.self)
    guard size > 0, size <= 1 << 32, UInt64(count) <= size, UInt64(address) + size <= 1 << 32 else {
      throw malformed("a segment of \(size) bytes at \(hex(UInt64(address)))")
    }
    guard Int(address) >= previous else { throw malformed("segments overlap or are out of order") }
    let name = try name()
    return ToyImage.Segment(name: name, address: address, bytes: Array(try take(Int(count))), size: Int(size))
  }
}
