internal import Trace

/// The file form of a snapshot.
///
/// Little-endian throughout: eight bytes `TRIADSNP`, the version (4 bytes), then the fields in the order of
/// ``MachineSnapshot``, texts and lists with their count (8 bytes) before them, and last the digest of all
/// that comes before (8 bytes). Nothing may follow.
extension MachineSnapshot {
  /// Version of the file form.
  public static let version: UInt32 = 2
  private static let magic = Array("TRIADSNP".utf8)

  /// The snapshot as bytes of a file; the same snapshot always gives the same bytes.
  public var encoded: [UInt8] {
    var writer = SnapshotWriter()
    writer.bytes += Self.magic
    writer.put(Self.version)
    writer.put(isa)
    writer.put(variant)
    writer.put(program)
    writer.put(programDigest)
    writer.put(configurationDigest)
    writer.put(UInt64(registerNames.count))
    for (name, value) in zip(registerNames, processor.registers) {
      writer.put(name)
      writer.put(value)
    }
    writer.put(UInt64(processor.auxiliaries.count))
    for table in processor.auxiliaries {
      writer.put(UInt64(table.count))
      for (key, value) in table.sorted(by: { $0.key < $1.key }) {
        writer.put(key)
        writer.put(value)
      }
    }
    writer.put(UInt64(processor.deliveries))
    writer.put(processor.extended)
    writer.put(retired)
    writer.put(idle)
    writer.put(UInt64(pending))
    writer.put(UInt64(powerOff == nil ? 0 : 1))
    writer.put(powerOff ?? 0)
    writer.put(view.addressMask)
    writer.put(UInt64(view.protected.count))
    for range in view.protected {
      writer.put(range.lowerBound)
      writer.put(range.upperBound)
    }
    writer.put(console)
    writer.put(UInt64(devices.count))
    for device in devices {
      writer.put(device.name)
      writer.put(UInt64(device.space))
      writer.put(device.start)
      writer.put(device.count)
      writer.put(UInt64(device.state.count))
      for word in device.state { writer.put(word) }
      writer.put(device.contents)
    }
    writer.put(UInt64(memorySize))
    writer.put(UInt64(pages.count))
    for (page, bytes) in pages.sorted(by: { $0.key < $1.key }) {
      writer.put(page)
      writer.bytes += bytes
    }
    writer.put(Digest.of(writer.bytes))
    return writer.bytes
  }

  /// Reads the file form.
  ///
  /// - Throws: ``SnapshotError/malformed(_:offset:)``, ``SnapshotError/version(_:)``.
  public init(decoding bytes: [UInt8]) throws(SnapshotError) {
    guard bytes.starts(with: Self.magic) else {
      throw .malformed("this is not a snapshot of Triad", offset: 0)
    }
    guard bytes.count >= 20 else { throw .malformed("the file ends early", offset: bytes.count) }
    var reader = SnapshotReader(bytes: bytes, end: bytes.count - 8, position: 8)
    let version = UInt32(truncatingIfNeeded: try reader.number(width: 4))
    guard version == Self.version else { throw .version(version) }
    var tail = SnapshotReader(bytes: bytes, end: bytes.count, position: bytes.count - 8)
    guard try tail.number() == Digest.of(Array(bytes.dropLast(8))) else {
      throw .malformed("the digest at the end does not fit the contents", offset: bytes.count - 8)
    }
    isa = try reader.text()
    variant = try reader.text()
    program = try reader.text()
    programDigest = try reader.number()
    configurationDigest = try reader.number()
    registerNames = []
    processor = ProcessorState(registers: [])
    for _ in 0..<(try reader.count(of: 16)) {
      registerNames.append(try reader.text())
      processor.registers.append(try reader.number())
    }
    for _ in 0..<(try reader.count(of: 8)) {
      var table: [UInt64: UInt64] = [:]
      for _ in 0..<(try reader.count(of: 16)) {
        let key = try reader.number()
        guard table.updateValue(try reader.number(), forKey: key) == nil else {
          throw .malformed("a table has an entry twice", offset: reader.position)
        }
      }
      processor.auxiliaries.append(table)
    }
    let deliveries = try reader.number()
    guard deliveries <= 0xFFFF else {
      throw .malformed("an impossible count of deliveries", offset: reader.position)
    }
    processor.deliveries = Int(deliveries)
    processor.extended = try reader.data()
    retired = try reader.number()
    idle = try reader.number()
    guard let lines = UInt32(exactly: try reader.number()) else {
      throw .malformed("there are no more than 32 interrupt lines", offset: reader.position)
    }
    pending = lines
    let isOff = try reader.flag()
    let status = try reader.number()
    powerOff = isOff ? status : nil
    view = StorageView(addressMask: try reader.number())
    for _ in 0..<(try reader.count(of: 16)) {
      let start = try reader.number()
      let end = try reader.number()
      guard start < end, start >= view.protected.last?.upperBound ?? 0 else {
        throw .malformed("the protected ranges are not in order", offset: reader.position)
      }
      view.protected.append(start..<end)
    }
    console = try reader.data()
    devices = []
    for _ in 0..<(try reader.count(of: 48)) { devices.append(try reader.device()) }
    let size = try reader.number()
    guard size > 0, size <= 1 << 36, size % UInt64(GuestMemory.pageSize) == 0 else {
      throw .malformed("the size of the storage is impossible", offset: reader.position)
    }
    memorySize = Int(size)
    pages = [:]
    for _ in 0..<(try reader.count(of: 8 + GuestMemory.pageSize)) {
      let page = try reader.number()
      guard page < size / UInt64(GuestMemory.pageSize) else {
        throw .malformed("a page lies outside the storage", offset: reader.position)
      }
      let contents = try reader.take(GuestMemory.pageSize)
      guard pages.updateValue(contents, forKey: page) == nil else {
        throw .malformed("a page comes twice", offset: reader.position)
      }
    }
    guard reader.position == reader.end else {
      throw .malformed("something follows the last page", offset: reader.position)
    }
  }
}

private struct SnapshotWriter {
  var bytes: [UInt8] = []

  mutating func put(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
  mutating func put(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
  mutating func put(_ data: [UInt8]) {
    put(UInt64(data.count))
    bytes += data
  }
  mutating func put(_ text: String) { put(Array(text.utf8)) }
}

/// Every read is bounded by what the file has left.
private struct SnapshotReader {
  let bytes: [UInt8]
  let end: Int
  var position: Int

  mutating func take(_ count: Int) throws(SnapshotError) -> [UInt8] {
    guard count >= 0, count <= end - position else {
      throw .malformed("the file ends early", offset: position)
    }
    position += count
    return Array(bytes[(position - count)..<position])
  }

  mutating func number(width: Int = 8) throws(SnapshotError) -> UInt64 {
    try take(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// A count of things that take at least `size` bytes each.
  mutating func count(of size: Int) throws(SnapshotError) -> Int {
    let start = position
    let value = try number()
    guard value <= UInt64((end - position) / size) else {
      throw .malformed("a count of \(value) is more than the file can hold", offset: start)
    }
    return Int(value)
  }

  mutating func flag() throws(SnapshotError) -> Bool {
    let start = position
    let value = try number()
    guard value <= 1 else { throw .malformed("a flag is neither 0 nor 1", offset: start) }
    return value == 1
  }

  mutating func data() throws(SnapshotError) -> [UInt8] { try take(try count(of: 1)) }

  mutating func text() throws(SnapshotError) -> String {
    let start = position
    guard let text = String(validating: try data(), as: UTF8.self) else {
      throw .malformed("a name is not UTF-8", offset: start)
    }
    return text
  }

  mutating func device() throws(SnapshotError) -> MachineSnapshot.DeviceRecord {
    let name = try text()
    let start = position
    let space = try number()
    guard space <= 1 else { throw .malformed("a device is on no known bus", offset: start) }
    let address = try number()
    let size = try number()
    var state: [UInt64] = []
    for _ in 0..<(try count(of: 8)) { state.append(try number()) }
    return MachineSnapshot.DeviceRecord(
      name: name, space: UInt8(space), start: address, count: size, state: state, contents: try data())
  }
}
