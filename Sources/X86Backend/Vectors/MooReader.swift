/// Reads vectors from MOO files, the chunked binary form in which newer captures are published.
///
/// A chunk is four letters, a 32-bit length and so many bytes; unknown ones are passed over.
package struct MooReader {
  private let bytes: [UInt8]
  private var position: Int
  /// Which processor the file says it is about; `nil` if that is none of the models.
  package let model: X86CPUModel?
  /// Masks for all vectors of the file.
  private var masks: [HardwareVector.RegisterValue] = []

  /// Registers of the 16-bit chunks, by bit.
  private static let registers16: [X86Register] = [
    .rax, .rbx, .rcx, .rdx, .cs, .ss, .ds, .es, .rsp, .rbp, .rsi, .rdi, .rip, .rflags,
  ]
  /// Registers of the 32-bit chunks, by bit.
  private static let registers32: [X86Register] = [
    .cr0, .cr3, .rax, .rbx, .rcx, .rdx, .rsi, .rdi, .rbp, .rsp, .cs, .ds, .es, .fs, .gs, .ss, .rip, .rflags,
    .dr6, .dr7,
  ]

  /// Whether a file begins like one of these.
  package static func isMoo(_ bytes: [UInt8]) -> Bool { bytes.starts(with: Array("MOO ".utf8)) }

  /// A reader of the whole contents of a file.
  package init(_ bytes: [UInt8]) throws(VectorError) {
    self.bytes = bytes
    let length = Self.number(bytes, 4, 4)
    guard Self.isMoo(bytes), let length, length >= 12, length <= bytes.count - 8 else {
      throw VectorError(offset: 0, text: "no whole header of a MOO file")
    }
    position = 8 + length
    switch String(decoding: bytes[16..<20], as: UTF8.self).filter({ $0 != " " }) {
    case "8086", "8088": model = .i8086
    case "C286", "286", "80286": model = .i80286
    case "386E", "386", "80386": model = .i80386
    default: model = nil
    }
  }

  /// A little-endian number, or `nil` outside the bytes.
  private static func number(_ bytes: [UInt8], _ place: Int, _ width: Int) -> Int? {
    guard place >= 0, place <= bytes.count - width else { return nil }
    return (0..<width).reduce(0) { $0 | Int(bytes[place + $1]) << ($1 * 8) }
  }

  private func fail(_ offset: Int, _ text: String) -> VectorError { VectorError(offset: offset, text: text) }

  private func number(_ place: Int, _ width: Int, _ end: Int) throws(VectorError) -> Int {
    guard place <= end - width, let value = Self.number(bytes, place, width) else {
      throw fail(place, "a chunk is too short for what it holds")
    }
    return value
  }

  /// Tag, first byte and end of the contents of the chunk at `place`.
  private func chunk(_ place: Int, _ end: Int) throws(VectorError) -> (tag: UInt32, start: Int, end: Int) {
    let tag = try number(place, 4, end)
    let length = try number(place + 4, 4, end)
    guard length <= end - place - 8 else { throw fail(place, "a chunk is longer than what it is in") }
    return (UInt32(tag), place + 8, place + 8 + length)
  }

  private static func tag(_ text: String) -> UInt32 {
    var tag: UInt32 = 0
    for letter in text.utf8.reversed() { tag = tag << 8 | UInt32(letter) }
    return tag
  }
  private static let test = tag("TEST")
  private static let name = tag("NAME")
  private static let code = tag("BYTS")
  private static let initial = tag("INIT")
  private static let final = tag("FINA")
  private static let exception = tag("EXCP")
  private static let hash = tag("HASH")
  private static let words = tag("REGS")
  private static let doubles = tag("RG32")
  private static let wordMasks = tag("RMSK")
  private static let doubleMasks = tag("RM32")
  private static let memory = tag("RAM ")

  /// Reads the next vector; `false` after the last one.
  package mutating func next(_ vector: inout HardwareVector) throws(VectorError) -> Bool {
    vector.clear()
    while position < bytes.count {
      let found = try chunk(position, bytes.count)
      position = found.end
      switch found.tag {
      case Self.wordMasks, Self.doubleMasks:
        masks = []
        try registers(found.start, found.end, found.tag == Self.doubleMasks, &masks)
      case Self.test:
        vector.registerMasks = masks
        try test(found.start, found.end, &vector)
        for mask in vector.registerMasks where mask.register == .rflags { vector.flagsMask = mask.value }
        guard !vector.bytes.isEmpty, !vector.initialRegisters.isEmpty else {
          throw fail(found.start, "a vector without bytes or initial registers")
        }
        return true
      default: break
      }
    }
    return false
  }

  private func test(_ start: Int, _ end: Int, _ vector: inout HardwareVector) throws(VectorError) {
    vector.index = try number(start, 4, end)
    var place = start + 4
    var masks: [HardwareVector.RegisterValue] = []
    while place < end {
      let found = try chunk(place, end)
      place = found.end
      switch found.tag {
      case Self.name:
        vector.name = String(decoding: try counted(found.start, found.end), as: UTF8.self)
      case Self.code: vector.bytes = Array(try counted(found.start, found.end))
      case Self.initial:
        try state(found.start, found.end, &vector.initialRegisters, &vector.initialMemory, &masks)
      case Self.final:
        try state(found.start, found.end, &vector.finalRegisters, &vector.finalMemory, &masks)
      case Self.exception:
        vector.exception = UInt64(try number(found.start, 1, found.end))
        vector.flagAddress = UInt64(try number(found.start + 1, 4, found.end))
      case Self.hash:
        let digits = Array("0123456789abcdef".utf8)
        vector.hash = String(
          decoding: bytes[found.start..<found.end].flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
          as: UTF8.self)
      default: break
      }
    }
    vector.registerMasks += masks
  }

  /// Bytes with their number before them.
  private func counted(_ start: Int, _ end: Int) throws(VectorError) -> ArraySlice<UInt8> {
    let count = try number(start, 4, end)
    guard count <= end - start - 4 else { throw fail(start, "a chunk is too short for what it holds") }
    return bytes[start + 4..<start + 4 + count]
  }

  private func state(
    _ start: Int, _ end: Int, _ values: inout [HardwareVector.RegisterValue],
    _ contents: inout [HardwareVector.ByteValue], _ masks: inout [HardwareVector.RegisterValue]
  ) throws(VectorError) {
    var place = start
    while place < end {
      let found = try chunk(place, end)
      place = found.end
      switch found.tag {
      case Self.words, Self.doubles:
        try registers(found.start, found.end, found.tag == Self.doubles, &values)
      case Self.wordMasks, Self.doubleMasks:
        try registers(found.start, found.end, found.tag == Self.doubleMasks, &masks)
      case Self.memory:
        let count = try number(found.start, 4, found.end)
        guard count <= (found.end - found.start - 4) / 5 else {
          throw fail(found.start, "a chunk is too short for what it holds")
        }
        for entry in 0..<count {
          let entry = found.start + 4 + entry * 5
          contents.append((UInt64(try number(entry, 4, found.end)), bytes[entry + 4]))
        }
      default: break
      }
    }
  }

  private func registers(
    _ start: Int, _ end: Int, _ isWide: Bool, _ values: inout [HardwareVector.RegisterValue]
  ) throws(VectorError) {
    let width = isWide ? 4 : 2
    let order = isWide ? Self.registers32 : Self.registers16
    let present = try number(start, width, end)
    var place = start + width
    for bit in 0..<width * 8 where present >> bit & 1 != 0 {
      guard bit < order.count else { throw fail(start, "register number \(bit) is unknown") }
      values.append((order[bit], UInt64(try number(place, width, end))))
      place += width
    }
  }
}
