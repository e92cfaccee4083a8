internal import MachineCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The storage of engines that run the same cases: compared and put back piece by piece, so that a case costs
/// as much as it changed.
final class FuzzStorage {
  private let memories: [GuestMemory]
  /// What each storage holds between two cases; zero behind its end.
  private let contents: [UInt8]
  /// The range that engines have written since the last call of ``restore()``.
  private var low = Int.max
  private var high = 0
  /// Bytes that are compared at once, and those that are put back at once.
  private static let block = 2048
  private static let piece = 64

  /// Fills storages of one size, and watches them from now on.
  init(_ memories: [GuestMemory], contents: [UInt8]) throws {
    self.memories = memories
    let size = memories.map(\.size).min() ?? 0
    let padding = (0 - contents.count) & (Self.block - 1)
    self.contents = Array((contents + [UInt8](repeating: 0, count: padding)).prefix(size))
    for memory in memories {
      try memory.write(contents, at: 0)
      memory.observer = { [weak self] range in
        guard let self else { return }
        self.low = min(self.low, range.lowerBound)
        self.high = max(self.high, range.upperBound)
      }
    }
  }

  /// The blocks that were written, in the storage.
  private var written: Range<Int> {
    let end = min(high, memories[0].size)
    guard low < end else { return 0..<0 }
    return (low & ~(Self.block - 1))..<min((end + Self.block - 1) & ~(Self.block - 1), memories[0].size)
  }

  /// The first address at which storages differ.
  func difference() -> Int? {
    let range = written
    let first = memories[0].base
    for memory in memories.dropFirst() where !range.isEmpty {
      // SAFETY: the range is cut to the storage, and all storages have one size.
      guard memcmp(first + range.lowerBound, memory.base + range.lowerBound, range.count) != 0 else {
        continue
      }
      return range.first {
        first.load(fromByteOffset: $0, as: UInt8.self) != memory.base.load(fromByteOffset: $0, as: UInt8.self)
      }
    }
    return nil
  }

  /// Bytes of the first storage that are not what it held before, with their addresses.
  func changes() -> [(place: Int, value: UInt8)] {
    let base = memories[0].base
    return written.compactMap { place in
      // SAFETY: the range is cut to the storage.
      let value = base.load(fromByteOffset: place, as: UInt8.self)
      return value == (place < contents.count ? contents[place] : 0) ? nil : (place, value)
    }
  }

  /// Puts back what was written.
  func restore() {
    let range = written
    defer { (low, high) = (.max, 0) }
    guard !range.isEmpty else { return }
    contents.withUnsafeBytes { bytes in
      guard let original = bytes.baseAddress else { return }
      for memory in memories {
        for block in stride(from: range.lowerBound, to: range.upperBound, by: Self.block) {
          // SAFETY: blocks lie inside the storage; those below `contents.count` inside the contents, whose
          // size is a multiple of a block. The rest of the storage is compared with its own zeros below.
          if block < bytes.count {
            if memcmp(memory.base + block, original + block, Self.block) == 0 { continue }
            for place in stride(from: block, to: block + Self.block, by: Self.piece)
            where memcmp(memory.base + place, original + place, Self.piece) != 0 {
              (memory.base + place).copyMemory(from: original + place, byteCount: Self.piece)
              memory.changed(place..<(place + Self.piece))
            }
          } else {
            let count = min(Self.block, memory.size - block)
            guard !Self.isZero(memory.base + block, count) else { continue }
            memset(memory.base + block, 0, count)
            memory.changed(block..<(block + count))
          }
        }
      }
    }
  }

  private static let zeros = [UInt8](repeating: 0, count: block)

  private static func isZero(_ place: UnsafeMutableRawPointer, _ count: Int) -> Bool {
    // SAFETY: the caller gives at most a block inside the storage.
    zeros.withUnsafeBytes { memcmp(place, $0.baseAddress!, count) == 0 }
  }
}
