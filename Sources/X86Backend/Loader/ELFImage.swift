/// The parts of an ELF file that a bare machine needs, read with every number checked.
///
/// Layout: System V ABI, chapter 4 and 5, edition 4.1.
struct ELFImage {
  /// More program headers than this are refused; linkers make about ten.
  static let maximumHeaders = 256
  /// More symbols than this are not read.
  private static let maximumSymbols = 65_536

  private let bytes: [UInt8]
  /// 64-bit class.
  let is64: Bool
  /// Address of the first instruction.
  let entry: UInt64
  /// PT_LOAD segments with a size, in file order, each with the number of its header.
  private(set) var segments: [(index: Int, segment: LoadSegment)] = []

  /// Whether bytes begin like ELF.
  static func isELF(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) }

  /// Reads headers and segments of bytes that begin like ELF.
  init(_ bytes: [UInt8]) throws(LoaderError) {
    self.bytes = bytes
    guard bytes.count >= 16 else { throw .truncated(what: "the ELF header", needed: 52, size: bytes.count) }
    switch bytes[4] {
    case 1: is64 = false
    case 2: is64 = true
    case let other: throw .badClass(other)
    }
    guard bytes[5] == 1 else { throw .badByteOrder(bytes[5]) }
    guard bytes[6] == 1 else { throw .badVersion(UInt32(bytes[6])) }
    let headerSize = is64 ? 64 : 52
    guard bytes.count >= headerSize else {
      throw .truncated(what: "the ELF header", needed: UInt64(headerSize), size: bytes.count)
    }
    let type = UInt16(Self.number(bytes, 16, 2))
    guard type == 2 else { throw .notExecutable(type: type) }
    let machine = UInt16(Self.number(bytes, 18, 2))
    guard machine == (is64 ? 62 : 3) else { throw .wrongMachine(machine) }
    let version = UInt32(Self.number(bytes, 20, 4))
    guard version == 1 else { throw .badVersion(version) }
    entry = Self.number(bytes, 24, is64 ? 8 : 4)
    try readSegments()
  }

  private mutating func readSegments() throws(LoaderError) {
    let start = Self.number(bytes, is64 ? 32 : 28, is64 ? 8 : 4)
    let size = UInt16(Self.number(bytes, is64 ? 54 : 42, 2))
    let count = Int(Self.number(bytes, is64 ? 56 : 44, 2))
    guard count > 0 else { throw .noSegments }
    guard count <= Self.maximumHeaders else { throw .tooManyHeaders(count) }
    guard size == (is64 ? 56 : 32) else { throw .badEntrySize(what: "program header", size) }
    let total = UInt64(size) * UInt64(count)
    guard start <= UInt64(bytes.count), total <= UInt64(bytes.count) - start else {
      throw .truncated(what: "the program headers", needed: start &+ total, size: bytes.count)
    }
    for index in 0..<count {
      // In range: the whole table was checked just above.
      let at = Int(start) + index * Int(size)
      guard Self.number(bytes, at, 4) == 1 else { continue }
      if let segment = try readSegment(index, at) { segments.append((index, segment)) }
    }
    guard !segments.isEmpty else { throw .noSegments }
  }

  private func readSegment(_ index: Int, _ at: Int) throws(LoaderError) -> LoadSegment? {
    let width = is64 ? 8 : 4
    let offset = Self.number(bytes, at + (is64 ? 8 : 4), width)
    // The physical address: what matters before the program has made page tables of its own.
    let address = Self.number(bytes, at + (is64 ? 24 : 12), width)
    let fileSize = Self.number(bytes, at + (is64 ? 32 : 16), width)
    let memorySize = Self.number(bytes, at + (is64 ? 40 : 20), width)
    guard memorySize > 0 else {
      guard fileSize == 0 else { throw .badSegment(index: index, "bytes in the file but none in memory") }
      return nil
    }
    guard fileSize <= memorySize else {
      throw .badSegment(index: index, "\(fileSize) bytes in the file, but only \(memorySize) in memory")
    }
    guard address <= UInt64.max - memorySize else {
      throw .badSegment(index: index, "its end overflows the address space")
    }
    guard offset <= UInt64(bytes.count), fileSize <= UInt64(bytes.count) - offset else {
      throw .truncated(what: "segment \(index)", needed: offset &+ fileSize, size: bytes.count)
    }
    let start = Int(offset)
    return LoadSegment(
      address: address, bytes: Array(bytes[start..<(start + Int(fileSize))]), memorySize: memorySize)
  }

  /// Named addresses from the symbol table; what is damaged in it is left out.
  func symbols() -> [String: UInt64] {
    let start = Self.number(bytes, is64 ? 40 : 32, is64 ? 8 : 4)
    let size = Self.number(bytes, is64 ? 58 : 46, 2)
    let count = Self.number(bytes, is64 ? 60 : 48, 2)
    guard size == (is64 ? 64 : 40), start <= UInt64(bytes.count),
      size * count <= UInt64(bytes.count) - start
    else { return [:] }
    for index in 0..<Int(count) {
      let at = Int(start) + index * Int(size)
      guard Self.number(bytes, at + 4, 4) == 2 else { continue }
      let link = Self.number(bytes, at + (is64 ? 40 : 24), 4)
      guard link < count, let table = section(at) else { return [:] }
      guard let names = section(Int(start) + Int(link) * Int(size)) else { return [:] }
      return readSymbols(table, names)
    }
    return [:]
  }

  /// Where a section lies in the file, by the offset of its header.
  private func section(_ at: Int) -> Range<Int>? {
    let offset = Self.number(bytes, at + (is64 ? 24 : 16), is64 ? 8 : 4)
    let size = Self.number(bytes, at + (is64 ? 32 : 20), is64 ? 8 : 4)
    guard offset <= UInt64(bytes.count), size <= UInt64(bytes.count) - offset else { return nil }
    return Int(offset)..<(Int(offset) + Int(size))
  }

  private func readSymbols(_ table: Range<Int>, _ names: Range<Int>) -> [String: UInt64] {
    let stride = is64 ? 24 : 16
    var symbols: [String: UInt64] = [:]
    for index in 0..<min(table.count / stride, Self.maximumSymbols) {
      let at = table.lowerBound + index * stride
      // Not: sections and files, and what is defined elsewhere.
      let kind = bytes[at + (is64 ? 4 : 12)] & 15
      let place = Self.number(bytes, at + (is64 ? 6 : 14), 2)
      guard kind <= 2, place != 0, place < 0xFF00 else { continue }
      let name = Int(Self.number(bytes, at, 4))
      guard name > 0, name < names.count else { continue }
      let text = bytes[(names.lowerBound + name)..<names.upperBound].prefix(256).prefix { $0 != 0 }
      guard !text.isEmpty else { continue }
      symbols[String(decoding: text, as: UTF8.self)] = Self.number(bytes, at + (is64 ? 8 : 4), is64 ? 8 : 4)
    }
    return symbols
  }

  /// The little-endian number at an offset that the caller has checked.
  private static func number(_ bytes: [UInt8], _ at: Int, _ width: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<width { value |= UInt64(bytes[at + index]) << UInt64(index * 8) }
    return value
  }
}
