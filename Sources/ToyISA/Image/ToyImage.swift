public import MachineCore
internal import Trace

/// An assembled program: bytes at fixed addresses, an entry, symbols and source lines.
public struct ToyImage: Sendable, Equatable {
  /// Consecutive bytes of storage.
  public struct Segment: Sendable, Equatable {
    /// Section it came from.
    public var name: String
    /// First address in storage.
    public var address: UInt32
    /// Contents; zeros follow up to `size`.
    public var bytes: [UInt8]
    /// Bytes it takes in storage.
    public var size: Int

    /// A segment.
    public init(name: String, address: UInt32, bytes: [UInt8], size: Int) {
      self.name = name
      self.address = address
      self.bytes = bytes
      self.size = size
    }

    /// First address after it.
    public var end: Int { Int(address) + size }
  }

  /// A name for a number.
  public struct Symbol: Sendable, Equatable {
    /// Name.
    public var name: String
    /// Value as the program uses it.
    public var value: UInt32
    /// Of a label: its address in storage; differs from `value` after `.phase`.
    public var address: UInt32
    /// A label, else a constant.
    public var isLabel: Bool

    /// A symbol.
    public init(name: String, value: UInt32, address: UInt32, isLabel: Bool) {
      self.name = name
      self.value = value
      self.address = address
      self.isLabel = isLabel
    }
  }

  /// A source file.
  public struct File: Sendable, Equatable {
    /// Name.
    public var name: String
    /// Text, when the image carries it.
    public var text: String?

    /// A file.
    public init(name: String, text: String?) {
      self.name = name
      self.text = text
    }
  }

  /// Where an instruction came from.
  public struct Line: Sendable, Equatable {
    /// Address in storage.
    public var address: UInt32
    /// Index into ``ToyImage/files``.
    public var file: UInt32
    /// Line, from 1.
    public var line: UInt32

    /// A line.
    public init(address: UInt32, file: UInt32, line: UInt32) {
      self.address = address
      self.file = file
      self.line = line
    }
  }

  /// A source line found for an address.
  public struct SourceLine: Sendable, Equatable {
    /// File name.
    public var file: String
    /// Line, from 1.
    public var line: Int
    /// The line's text without spaces around it, when the image carries it.
    public var text: String?
  }

  /// Address of the first instruction.
  public var entry: UInt32
  /// Segments by ascending address; they do not overlap.
  public var segments: [Segment]
  /// Symbols by ascending address, then name.
  public var symbols: [Symbol]
  /// Source files.
  public var files: [File]
  /// Source lines by ascending address.
  public var lines: [Line]

  /// An image.
  public init(
    entry: UInt32, segments: [Segment], symbols: [Symbol] = [], files: [File] = [], lines: [Line] = []
  ) {
    self.entry = entry
    self.segments = segments
    self.symbols = symbols
    self.files = files
    self.lines = lines
  }

  /// First address after the last segment: storage must be at least so large.
  public var end: Int { segments.map(\.end).max() ?? 0 }

  /// Digest of what gets into storage and where it starts; names and lines do not count.
  public var digest: UInt64 {
    var digest = Digest()
    digest.add(word: UInt64(entry))
    for segment in segments {
      digest.add(word: UInt64(segment.address))
      digest.add(word: UInt64(segment.size))
      digest.add(segment.bytes)
    }
    return digest.value
  }

  /// Puts the program into storage.
  ///
  /// - Throws: ``ImageError/doesNotFit(end:storage:)``, with nothing written.
  public func load(into memory: GuestMemory) throws(ImageError) {
    guard end <= memory.size else { throw .doesNotFit(end: end, storage: memory.size) }
    do {
      for segment in segments {
        let zeros = max(0, segment.size - segment.bytes.count)
        try memory.write(segment.bytes + [UInt8](repeating: 0, count: zeros), at: Int(segment.address))
      }
    } catch {
      throw .doesNotFit(end: end, storage: memory.size)
    }
  }

  /// The symbol with this name.
  public func symbol(named name: String) -> Symbol? { symbols.first { $0.name == name } }

  /// The nearest label at or before a storage address, and how far behind it the address is.
  public func symbol(at address: UInt32) -> (symbol: Symbol, offset: UInt32)? {
    guard segments.contains(where: { $0.address <= address && Int(address) < $0.end }) else { return nil }
    var low = 0
    var high = symbols.count
    while low < high {
      let middle = (low + high) / 2
      if symbols[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    while low > 0 {
      low -= 1
      let symbol = symbols[low]
      guard symbol.isLabel else { continue }
      let segment = segments.last { $0.address <= address }
      // A label of an earlier segment says nothing about this one.
      guard let segment, symbol.address >= segment.address else { return nil }
      return (symbol, address - symbol.address)
    }
    return nil
  }

  /// The source line of the instruction at a storage address.
  public func line(for address: UInt32) -> SourceLine? {
    guard let (index, number) = sourcePosition(of: address) else { return nil }
    return SourceLine(
      file: files[index].name, line: number,
      text: files[index].text.flatMap { Self.text(ofLine: number, in: $0) })
  }

  /// File number and line of the instruction at a storage address.
  func sourcePosition(of address: UInt32) -> (file: Int, line: Int)? {
    var low = 0
    var high = lines.count
    while low < high {
      let middle = (low + high) / 2
      if lines[middle].address < address { low = middle + 1 } else { high = middle }
    }
    guard low < lines.count, lines[low].address == address, Int(lines[low].file) < files.count else {
      return nil
    }
    return (Int(lines[low].file), Int(lines[low].line))
  }

  private static func text(ofLine number: Int, in text: String) -> String? {
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard number >= 1, number <= lines.count else { return nil }
    return SourceText.display(Array(lines[number - 1].drop { $0.isSpace })[...])
  }
}

/// What can be wrong with an image.
public enum ImageError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The bytes do not begin with the magic.
  case notAnImage
  /// Another version of the format.
  case version(UInt16)
  /// The bytes end too early.
  case truncated(offset: Int)
  /// The check sum does not fit.
  case checksum
  /// Something impossible is in it.
  case malformed(String, offset: Int)
  /// The storage is too small.
  case doesNotFit(end: Int, storage: Int)

  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .notAnImage: "not a toy image: it does not begin with TRIADIMG; is it a source file?"
    case .version(let version):
      "image format version \(version) is not known here; assemble the program again"
    case .truncated(let offset): "the image ends too early, at byte \(offset); assemble the program again"
    case .checksum: "the image is damaged: its check sum is wrong; assemble the program again"
    case .malformed(let what, let offset): "the image is malformed at byte \(offset): \(what)"
    case .doesNotFit(let end, let storage):
      "the program needs storage up to \(hex(UInt64(end))), the machine has \(hex(UInt64(storage))): give it more memory"
    }
  }
}
