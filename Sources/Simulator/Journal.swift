import MachineCore

/// What is needed to take back the last steps of a core: old values, in the order they were lost.
///
/// A step is one retired instruction or one delivery, with the time that passed before it.
final class Journal {
  private enum Entry {
    case register(Int, UInt64)
    case undefined(Int, UInt64)
    case store(UInt64, Int, UInt64)
    case auxiliary(Int, UInt64, UInt64)
    case platform(Platform.State)
    case transfer(Int, [UInt8])
  }

  private struct Step {
    var firstEntry: Int
    var retired: UInt64
    /// Deliveries since the last retired instruction.
    var deliveries: Int
  }

  /// How many steps can be taken back at least, once they were made.
  let limit: Int
  private var entries: [Entry] = []
  private var steps: [Step] = []
  /// Whether a step has begun and not ended.
  private(set) var isOpen = false
  private var hasPlatform = false

  init(limit: Int) { self.limit = max(limit, 1) }

  /// Forgets everything.
  func clear() {
    entries = []
    steps = []
    isOpen = false
    hasPlatform = false
  }

  /// How many steps, complete or not, can be taken back.
  var count: Int { steps.count }

  /// Begins a step unless one is open.
  func begin(retired: UInt64, deliveries: Int) {
    guard !isOpen else { return }
    // Older steps are dropped in large lots, so that this costs next to nothing per step.
    if steps.count >= 2 * limit {
      let dropped = steps[limit].firstEntry
      steps.removeFirst(limit)
      entries.removeFirst(dropped)
      for index in steps.indices { steps[index].firstEntry -= dropped }
    }
    steps.append(Step(firstEntry: entries.count, retired: retired, deliveries: deliveries))
    isOpen = true
    hasPlatform = false
  }

  /// Ends the step: it is complete.
  func close() { isOpen = false }

  func willWrite(_ register: Int, _ old: UInt64) { entries.append(.register(register, old)) }
  func willUndefine(_ register: Int, _ old: UInt64) { entries.append(.undefined(register, old)) }
  func willStore(_ physical: UInt64, _ bytes: Int, _ old: UInt64) {
    entries.append(.store(physical, bytes, old))
  }
  func willSet(_ table: Int, _ key: UInt64, _ old: UInt64) {
    entries.append(.auxiliary(table, key, old))
  }

  /// Keeps the platform's state before the first call into it in this step.
  func willTouch(_ platform: Platform) {
    guard !hasPlatform else { return }
    hasPlatform = true
    entries.append(.platform(platform.save()))
  }

  /// Keeps storage that somebody other than the core is about to write.
  func willTransfer(_ range: Range<Int>, in memory: GuestMemory) {
    // A write from outside, between two steps, cannot be taken back, nor can what came before it.
    guard isOpen else { return clear() }
    if let old = try? memory.read(range) { entries.append(.transfer(range.lowerBound, old)) }
  }

  /// Takes back the last complete step and what has happened since; `false` when there is none.
  func takeBack(_ core: inout Core) -> Bool {
    guard steps.count > (isOpen ? 1 : 0) else { return false }
    if isOpen { undoLast(&core) }
    isOpen = false
    undoLast(&core)
    return true
  }

  private func undoLast(_ core: inout Core) {
    guard let step = steps.popLast() else { return }
    core.statistics.retired &-= core.platform.retired &- step.retired
    while entries.count > step.firstEntry, let entry = entries.popLast() {
      switch entry {
      // SAFETY: register and table numbers come from the core, which checked them.
      case .register(let register, let old): core.file[register] = old
      case .undefined(let register, let old): core.undefined[register] = old
      case .store(let physical, let bytes, let old): core.restore(physical, old, bytes)
      case .auxiliary(let table, let key, let old): core.auxiliaries[table].set(key, old)
      case .platform(let state): core.platform.restore(state)
      case .transfer(let start, let bytes): core.restore(start, bytes)
      }
    }
    core.retired = step.retired
    core.platform.retired = step.retired
    core.hasProgress = step.deliveries == 0
    core.deliveries = step.deliveries
  }
}

extension Core {
  /// Puts old bytes back.
  mutating func restore(_ physical: UInt64, _ old: UInt64, _ bytes: Int) {
    for offset in 0..<UInt64(bytes) where physical &+ offset < memorySize {
      // SAFETY: the address is checked here.
      memory.storeBytes(
        of: UInt8(truncatingIfNeeded: old >> (offset * 8)), toByteOffset: Int(physical &+ offset),
        as: UInt8.self)
    }
    storedLow = min(storedLow, physical)
    storedHigh = max(storedHigh, physical &+ UInt64(bytes))
  }

  /// Puts a block of old bytes back.
  mutating func restore(_ start: Int, _ old: [UInt8]) {
    for (offset, byte) in old.enumerated() { restore(UInt64(start + offset), UInt64(byte), 1) }
  }
}
