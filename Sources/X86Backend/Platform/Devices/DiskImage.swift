/// The sectors of a disk: an image that is never changed, and what the guest has written over it.
public final class DiskImage {
  /// Bytes in a sector.
  public static let sectorSize = 512
  private let base: [UInt8]
  private var written: [Int: [UInt8]] = [:]
  /// Whole sectors.
  public let sectorCount: Int

  /// A disk with these contents; a last part of a sector is filled up with zeros.
  public init(_ contents: [UInt8]) {
    base = contents
    sectorCount = (contents.count + Self.sectorSize - 1) / Self.sectorSize
  }

  /// Whether the guest has written anything.
  public var isChanged: Bool { !written.isEmpty }

  /// The sector's bytes; zeros behind the end.
  public func read(_ sector: Int) -> [UInt8] {
    if let bytes = written[sector] { return bytes }
    guard sector >= 0, sector < sectorCount else { return [UInt8](repeating: 0, count: Self.sectorSize) }
    let start = sector * Self.sectorSize
    let part = base[start..<min(start + Self.sectorSize, base.count)]
    return Array(part) + [UInt8](repeating: 0, count: Self.sectorSize - part.count)
  }

  /// Replaces a sector; nothing happens behind the end.
  public func write(_ sector: Int, _ bytes: [UInt8]) {
    guard sector >= 0, sector < sectorCount, bytes.count == Self.sectorSize else { return }
    written[sector] = bytes
  }

  /// The whole contents as the guest sees them now, of the image's own length.
  public var contents: [UInt8] {
    var bytes = base
    for (sector, new) in written {
      let start = sector * Self.sectorSize
      let end = min(start + Self.sectorSize, bytes.count)
      bytes.replaceSubrange(start..<end, with: new.prefix(end - start))
    }
    return bytes
  }

  /// What was written, for device states: count, then number and bytes of each sector, in order.
  var words: [UInt64] {
    [UInt64(written.count)]
      + written.sorted { $0.key < $1.key }.flatMap { [UInt64($0.key)] + ByteWords.pack($0.value) }
  }

  /// Takes back what ``words`` gave.
  func restore(_ words: ArraySlice<UInt64>) {
    written = [:]
    var rest = words.dropFirst()
    let size = Self.sectorSize / 8
    while rest.count > size, let number = rest.popFirst() {
      if number < UInt64(sectorCount) { written[Int(number)] = ByteWords.unpack(rest.prefix(size)) }
      rest = rest.dropFirst(size)
    }
  }
}
