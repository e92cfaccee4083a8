internal import MachineCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A machine's whole state at one place of its run; pages that did not change are shared with the one before.
struct Checkpoint {
  let position: DebugPosition
  /// Accesses to devices up to there.
  let accesses: UInt64
  private let state: ProcessorState
  private let platform: Platform.State
  private let console: [UInt8]
  /// Pages of storage that are not zero, by page number.
  private let pages: [[UInt8]?]

  init(_ engine: any Engine, at position: DebugPosition, accesses: UInt64, after previous: Checkpoint?) {
    self.position = position
    self.accesses = accesses
    state = engine.state
    platform = engine.platform.save()
    console = engine.platform.console
    let memory = engine.platform.memory
    let zeros = [UInt8](repeating: 0, count: GuestMemory.pageSize)
    pages = (0..<(memory.size / GuestMemory.pageSize)).map { number in
      let old = previous.flatMap { $0.pages[number] }
      if memory.page(number, equals: old ?? zeros) { return old }
      // SAFETY: the page lies inside the storage.
      return [UInt8](
        UnsafeRawBufferPointer(
          start: memory.base + number * GuestMemory.pageSize, count: GuestMemory.pageSize))
    }
  }

  /// Puts an engine, which must have come by here, back.
  func restore(_ engine: any Engine) throws(MachineError) {
    let memory = engine.platform.memory
    engine.platform.console = console
    engine.platform.restore(self.platform)
    let zeros = [UInt8](repeating: 0, count: GuestMemory.pageSize)
    for (number, page) in pages.enumerated() where !memory.page(number, equals: page ?? zeros) {
      try memory.write(page ?? zeros, at: number * GuestMemory.pageSize)
    }
    engine.state = state
  }
}

extension GuestMemory {
  /// Whether a page holds these bytes, which are a page.
  fileprivate func page(_ number: Int, equals bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes {
      // SAFETY: the page lies inside the storage, and the array is as long.
      memcmp(base + number * Self.pageSize, $0.baseAddress!, Self.pageSize) == 0
    }
  }
}

/// The checkpoints of a run, earliest first.
struct History {
  private(set) var checkpoints: [Checkpoint] = []
  /// Instructions between two of them.
  private(set) var interval: UInt64
  /// How many there are before every other one goes.
  private static let most = 128

  init(interval: UInt64) { self.interval = interval }

  /// The earliest place that can be gone back to.
  var start: DebugPosition? { checkpoints.first?.position }

  /// Where the next one is due after `count`.
  func next(after count: UInt64) -> UInt64 { (count / interval + 1) &* interval }

  /// Keeps the state of an engine, unless there is a later one.
  mutating func keep(_ engine: any Engine, at position: DebugPosition, accesses: UInt64) {
    if let last = checkpoints.last, last.position.count >= position.count { return }
    if checkpoints.count >= Self.most {
      let last = checkpoints.count - 1
      checkpoints = checkpoints.enumerated().filter { $0.offset % 2 == 0 || $0.offset == last }.map(\.element)
      interval &*= 2
    }
    checkpoints.append(Checkpoint(engine, at: position, accesses: accesses, after: checkpoints.last))
  }

  /// Forgets all, and begins here.
  mutating func restart(_ engine: any Engine, at position: DebugPosition, accesses: UInt64) {
    checkpoints = [Checkpoint(engine, at: position, accesses: accesses, after: checkpoints.last)]
  }

  /// Forgets what is after the checkpoint with this index: devices can only be put back, never forward.
  mutating func cut(after index: Int) { checkpoints.removeSubrange((index + 1)...) }
}
