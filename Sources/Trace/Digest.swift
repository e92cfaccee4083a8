/// A 64-bit digest for programs, configurations, memory and check sums.
///
/// FNV-1a over little-endian 64-bit words, the last one filled up with zeros, finished with the
/// length; it finds accidents, it does not resist attacks.
@frozen
public struct Digest: Sendable {
  @usableFromInline var state: UInt64 = 0xCBF2_9CE4_8422_2325
  @usableFromInline var length: UInt64 = 0

  /// The digest of nothing yet.
  @inlinable public init() {}

  /// Adds one 64-bit word.
  @inlinable public mutating func add(word: UInt64) {
    // The rotation carries high bits down, which a multiplication alone never does.
    state = (state ^ word) &* 0x0000_0100_0000_01B3
    state = (state << 23) | (state >> 41)
    length &+= 8
  }

  /// Adds bytes; every call starts at a fresh word.
  @inlinable public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var index = 0
    while index + 8 <= bytes.count {
      add(word: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
      index += 8
    }
    if index < bytes.count {
      var last: UInt64 = 0
      var shift: UInt64 = 0
      while index < bytes.count {
        last |= UInt64(bytes[index]) << shift
        shift += 8
        index += 1
      }
      add(word: last)
    }
    length &+= UInt64(bytes.count & 7)
  }

  /// Adds bytes; every call starts at a fresh word.
  @inlinable public mutating func add(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { add($0) }
  }

  /// Adds the UTF-8 bytes of a string and its length.
  @inlinable public mutating func add(_ string: String) {
    add(Array(string.utf8))
    add(word: UInt64(string.utf8.count))
  }

  /// The digest of all that was added.
  @inlinable public var value: UInt64 {
    var mixed = state ^ length
    mixed = (mixed ^ (mixed >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    return mixed ^ (mixed >> 33)
  }

  /// The digest of these bytes.
  @inlinable public static func of(_ bytes: [UInt8]) -> UInt64 {
    var digest = Digest()
    digest.add(bytes)
    return digest.value
  }
}
