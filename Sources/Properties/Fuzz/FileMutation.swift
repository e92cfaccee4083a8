internal import Trace
package import X86Backend

/// Damage to the bytes of a file, as accidents and attackers do it.
package enum FileMutation {
  /// Numbers at which sizes and counts go wrong.
  private static let corners: [UInt64] = [
    0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0xFFF, 0x1000, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x10_0000,
    0x7FFF_FFFF, 0x8000_0000, 0xFFFF_F000, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF,
    0x8000_0000_0000_0000, .max - 7, .max,
  ]

  /// One to six changes: bits, numbers, pieces that are cut out, doubled or new, an end that is missing.
  ///
  /// - Parameters:
  ///   - head: bytes at the start in which half of the changes happen; 0 for files that are alike everywhere.
  ///   - isText: numbers are put in as digits.
  package static func apply(
    to bytes: [UInt8], head: Int, isText: Bool, _ random: inout SplitMix
  ) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<1 + random.below(6) {
      let end = head > 0 && random.chance(50) ? min(head, bytes.count) : bytes.count
      let place = random.below(end + 1)
      let length = min(1 + random.below(random.chance(80) ? 16 : 4096), bytes.count - place)
      switch random.below(8) {
      case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.below(8))
      case 1 where place < bytes.count: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      case 2, 3: putNumber(&bytes, place, isText: isText, &random)
      case 4: bytes.removeSubrange(place..<place + length)
      case 5:
        bytes.insert(contentsOf: Array(bytes[place..<place + length]), at: random.below(bytes.count + 1))
      case 6:
        let noise = (0..<1 + random.below(16)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        bytes.insert(contentsOf: noise, at: place)
      default: if random.chance(25) { bytes.removeSubrange(place...) }
      }
    }
    return bytes
  }

  private static func putNumber(
    _ bytes: inout [UInt8], _ place: Int, isText: Bool, _ random: inout SplitMix
  ) {
    let value = random.chance(75) ? random.pick(corners) : random.next()
    if isText {
      let digits = (random.chance(20) ? "-" : "") + String(value)
      // In the place of digits that are there, if any.
      let end = bytes[place...].firstIndex { !(48...57).contains($0) } ?? bytes.count
      bytes.replaceSubrange(place..<end, with: Array(digits.utf8))
      return
    }
    let width = 1 << random.below(4)
    let start = random.chance(75) ? place & ~(width - 1) : place
    for index in 0..<width where start + index < bytes.count {
      bytes[start + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
    }
  }

  /// Makes the digest in the last eight bytes fit what comes before, so that damage is not found by it.
  static func repairDigest(_ bytes: inout [UInt8]) {
    guard bytes.count >= 8 else { return }
    let digest = Digest.of(Array(bytes.dropLast(8)))
    for index in 0..<8 {
      bytes[bytes.count - 8 + index] = UInt8(truncatingIfNeeded: digest >> UInt64(index * 8))
    }
  }
}
