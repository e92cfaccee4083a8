internal import MachineCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Decoded code, one operation for every word of storage, as raw pointers for the fast loop.
///
/// Who writes to storage must call ``invalidate(byte:)`` or ``invalidate(_:)`` when a granule of 64 bytes
/// that it touches is marked as holding code; the next fetch then decodes anew.
struct CodeMap {
  /// One operation a word of storage, and one more for the sentinel behind the last word.
  let operations: UnsafeMutablePointer<Operation>
  /// One byte a granule: not zero if any word of it is decoded.
  let marks: UnsafeMutablePointer<UInt8>
  /// The operation that the sentinel stands in for.
  let sentinel: UnsafeMutablePointer<Sentinel>
  /// Words of storage.
  let words: Int

  /// log2 of the bytes in a granule.
  static let granuleShift = 6
  /// Most words that one operation may cover.
  static let longestFusion = 3

  /// Where the sentinel is, and what is really there.
  struct Sentinel {
    var word = -1
    var hidden = Operation()
  }

  /// Forgets what was decoded from the word at `byte`, a physical address inside storage.
  @inline(never)
  func invalidate(byte: Int) {
    forget(byte >> 2)
  }

  /// Forgets what was decoded from a range of physical addresses.
  func invalidate(_ range: Range<Int>) {
    let lower = max(range.lowerBound, 0)
    let upper = min(range.upperBound, words << 2)
    guard lower < upper else { return }
    for granule in (lower >> Self.granuleShift)...((upper - 1) >> Self.granuleShift)
    where marks[granule] != 0 {
      let first = max(lower, granule << Self.granuleShift) >> 2
      let last = (min(upper, (granule + 1) << Self.granuleShift) - 1) >> 2
      for word in first...last { forget(word) }
    }
  }

  /// Forgets the word, and splits the fused operations before it that cover it.
  private func forget(_ word: Int) {
    split(before: word)
    if word == sentinel.pointee.word {
      sentinel.pointee.hidden = Operation()
    } else {
      operations[word] = Operation()
    }
  }

  /// Makes the operations before `word` stop short of it.
  private func split(before word: Int) {
    for place in max(0, word - Self.longestFusion + 1)..<word where operations[place].code.isFused {
      operations[place].code = operations[place].single
    }
  }

  /// Puts the sentinel behind the last word that may be executed.
  func placeSentinel(at word: Int) {
    guard sentinel.pointee.word != word else { return }
    removeSentinel()
    split(before: word)
    // What is hidden is out of reach of `split`, so it must not reach beyond its own word.
    var hidden = operations[word]
    if hidden.code.isFused { hidden.code = hidden.single }
    sentinel.pointee = Sentinel(word: word, hidden: hidden)
    operations[word] = Operation(code: .sentinel, single: .sentinel)
  }

  /// Takes the sentinel away.
  func removeSentinel() {
    guard sentinel.pointee.word >= 0 else { return }
    operations[sentinel.pointee.word] = sentinel.pointee.hidden
    sentinel.pointee = Sentinel()
  }

  /// Marks the granule of a word as holding decoded code.
  func mark(_ word: Int) { marks[word >> (Self.granuleShift - 2)] = 1 }
}

/// Owns the memory behind a ``CodeMap``.
final class CodeStorage {
  let map: CodeMap
  private let block: UnsafeMutableRawPointer
  private let blockSize: Int

  /// Room for the code of `size` bytes of storage; `nil` if the host has none.
  init?(size: Int) {
    let words = size / 4
    let operationBytes = (words + 1) * Operation.size
    blockSize = operationBytes + (size >> CodeMap.granuleShift) + 1
    // SAFETY: a fresh anonymous mapping; it is zeroed, costs nothing until touched, and is unmapped in deinit.
    let raw = mmap(nil, blockSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let raw, raw != MAP_FAILED else { return nil }
    block = raw
    let sentinel = UnsafeMutablePointer<CodeMap.Sentinel>.allocate(capacity: 1)
    sentinel.initialize(to: CodeMap.Sentinel())
    map = CodeMap(
      // SAFETY: all bytes zero is a valid `Operation` (undecoded), and the mapping is page-aligned.
      operations: raw.bindMemory(to: Operation.self, capacity: words + 1),
      marks: (raw + operationBytes).bindMemory(to: UInt8.self, capacity: (size >> CodeMap.granuleShift) + 1),
      sentinel: sentinel, words: words)
  }

  deinit {
    map.sentinel.deallocate()
    munmap(block, blockSize)
  }
}

extension CodeStorage {
  /// Drops decoded code whenever somebody else writes to the memory, besides what already observes it.
  func observe(_ memory: GuestMemory) {
    let others = memory.observer
    memory.observer = { [weak self] range in
      others?(range)
      self?.map.invalidate(range)
    }
  }
}
