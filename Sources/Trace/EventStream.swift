/// Groups the records of one trace into events and leaves out what a policy ignores.
final class EventStream {
  // Exclusivity checks at run time would cost a third of a comparison. No two accesses to these properties
  // overlap: one thread owns the stream, and the source that it calls does not know it.
  /// The event read last.
  @exclusivity(unchecked) var event = TraceEvent(index: 0, position: 0, head: TraceRecord(.retire))
  private(set) var skippedVMM: UInt64 = 0
  private(set) var skippedUnknown: UInt64 = 0
  private(set) var skippedLevel: UInt64 = 0
  private(set) var skippedMemory: UInt64 = 0
  private(set) var skippedRegisters: UInt64 = 0
  private(set) var skippedTraps: UInt64 = 0
  private(set) var skippedDevices: UInt64 = 0
  private(set) var skippedEnds: UInt64 = 0
  private(set) var skippedUnrecorded: UInt64 = 0

  private let source: any TraceSource
  private let level: TraceLevel
  private let guestEventsOnly: Bool
  private let ignoreMemory: Bool
  private let ignoreTraps: Bool
  private let ignoresDevices: Bool
  private let ignoresEnds: Bool
  private let ignoredRegisters: [Bool]
  /// Registers that one of the traces does not have; empty if both have all.
  private let unrecordedRegisters: [Bool]
  private let ignoresRegisters: Bool
  private let batch: UnsafeMutableBufferPointer<TraceRecord>
  @exclusivity(unchecked) private var used = 0
  @exclusivity(unchecked) private var filled = 0
  @exclusivity(unchecked) private var position: UInt64 = 0
  @exclusivity(unchecked) private var nextIndex: UInt64 = 0

  /// Effects that one event may have.
  static let mostEffects = 1 << 20

  init(_ source: any TraceSource, _ policy: ComparisonPolicy) {
    self.source = source
    level = policy.level
    guestEventsOnly = policy.guestEventsOnly
    ignoreMemory = policy.ignoreMemoryEffects
    ignoreTraps = policy.ignoreTraps
    var ignored = Array(repeating: false, count: RegisterTable.size)
    for mask in policy.registerMasks where mask.bits == .max && mask.register < RegisterTable.size {
      ignored[Int(mask.register)] = true
    }
    ignoredRegisters = ignored
    ignoresDevices = policy.omissions.contains(.devices)
    ignoresEnds = policy.omissions.contains(.ends)
    ignoresRegisters = policy.omissions.contains(.registers)
    var unrecorded = Array(
      repeating: false, count: policy.unrecordedRegisters.isEmpty ? 0 : RegisterTable.size)
    for register in policy.unrecordedRegisters where register < RegisterTable.size {
      unrecorded[Int(register)] = true
    }
    unrecordedRegisters = unrecorded
    batch = .allocate(capacity: 1024)
  }

  deinit { batch.deallocate() }

  @inline(__always)
  private func hasRecord() throws(TraceError) -> Bool {
    if used < filled { return true }
    filled = try source.read(into: batch)
    used = 0
    return filled > 0
  }

  private enum Place { case keep, unknown, vmm, level, trap, device, end, silent }

  @inline(__always)
  private func place(_ record: TraceRecord) -> Place {
    if record.kind == EventKind.retire.rawValue { return level == .instructions ? .keep : .level }
    guard let kind = record.eventKind else { return .unknown }
    switch kind {
    case .host, .end: return .silent
    case .final: return ignoresEnds ? .end : .keep
    default: break
    }
    if level == .final { return .level }
    if kind == .trap, ignoreTraps { return .trap }
    if kind == .device, ignoresDevices { return .device }
    if kind == .halt, ignoresEnds { return .end }
    return kind.isVMM && guestEventsOnly ? .vmm : .keep
  }

  /// Reads the next event that counts; `false` at the end.
  func advance() throws(TraceError) -> Bool {
    event.effects.removeAll(keepingCapacity: true)
    while try hasRecord() {
      let head = batch[used]
      used += 1
      let at = position
      position += 1
      let place = place(head)
      switch place {
      case .keep: break
      case .unknown: skippedUnknown += 1
      case .vmm: skippedVMM += 1
      case .level: skippedLevel += 1
      case .trap: skippedTraps += 1
      case .device: skippedDevices += 1
      case .end: skippedEnds += 1
      case .silent: break
      }
      while try hasRecord() {
        let effect = batch[used]
        guard effect.kind & 0xF0 == 16 else { break }
        used += 1
        position += 1
        if place == .keep { try keep(effect) }
      }
      guard place == .keep else { continue }
      event.head = head
      event.position = at
      event.index = nextIndex
      nextIndex += 1
      return true
    }
    return false
  }

  @inline(__always)
  private func keep(_ effect: TraceRecord) throws(TraceError) {
    switch effect.kind {
    case EventKind.registerWrite.rawValue:
      if effect.code < RegisterTable.size, ignoredRegisters[Int(effect.code)] {
        skippedRegisters += 1
        return
      }
      if ignoresRegisters
        || (effect.code < unrecordedRegisters.count && unrecordedRegisters[Int(effect.code)])
      {
        skippedUnrecorded += 1
        return
      }
    case EventKind.memoryRead.rawValue, EventKind.memoryWrite.rawValue:
      if ignoreMemory {
        skippedMemory += 1
        return
      }
    default:
      skippedUnknown += 1
      return
    }
    guard event.effects.count < Self.mostEffects else {
      throw TraceError(.corrupted, "record \(position): an event with more than \(Self.mostEffects) effects")
    }
    event.effects.append(effect)
  }
}

/// What a comparison remembers about one trace: who wrote what last, and the values of registers.
final class RegisterTable {
  /// Registers with numbers below this are followed.
  static let size = 4096
  /// Memory is followed in eight-byte units, one unit per slot; a later unit takes the slot of an earlier one.
  static let memorySlots = 1 << 16

  private let writers: UnsafeMutablePointer<LastWriter>
  private let memory: UnsafeMutablePointer<(unit: UInt64, writer: LastWriter)>
  private let values: UnsafeMutablePointer<UInt64>
  private var known: [Bool]
  private static let nobody = LastWriter(event: .max, pc: 0, clock: 0)

  init() {
    writers = .allocate(capacity: Self.size)
    writers.initialize(repeating: Self.nobody, count: Self.size)
    memory = .allocate(capacity: Self.memorySlots)
    memory.initialize(repeating: (.max, Self.nobody), count: Self.memorySlots)
    values = .allocate(capacity: Self.size)
    values.initialize(repeating: 0, count: Self.size)
    known = Array(repeating: false, count: Self.size)
  }

  deinit {
    writers.deallocate()
    memory.deallocate()
    values.deallocate()
  }

  // SAFETY: every index is checked against the sizes, or masked with a power of two.

  /// Notes the effects of an event.
  func follow(_ event: borrowing TraceEvent) {
    let writer = LastWriter(event: event.index, pc: event.head.pc, clock: event.head.clock)
    for effect in event.effects {
      if effect.kind == EventKind.registerWrite.rawValue {
        guard effect.code < Self.size else { continue }
        let index = Int(effect.code)
        writers[index] = writer
        values[index] = effect.value
        known[index] = true
      } else if effect.kind == EventKind.memoryWrite.rawValue {
        let first = effect.address >> 3
        // Wide stores touch several units; eight cover 64 bytes.
        let last = (effect.address &+ max(min(effect.aux, 64), 1) &- 1) >> 3
        var unit = first
        while true {
          memory[Int(unit & UInt64(Self.memorySlots - 1))] = (unit, writer)
          guard unit != last else { break }
          unit = (unit &+ 1) & (.max >> 3)
        }
      }
    }
  }

  func writer(ofRegister register: UInt32) -> LastWriter? {
    guard register < Self.size else { return nil }
    let writer = writers[Int(register)]
    return writer.event == .max ? nil : writer
  }

  func writer(ofMemory address: UInt64, size: UInt64) -> LastWriter? {
    var found: LastWriter?
    let count = (address & 7) &+ max(min(size, 64), 1) &- 1
    for offset in 0...(count >> 3) {
      let unit = ((address >> 3) &+ offset) & (.max >> 3)
      let slot = memory[Int(unit & UInt64(Self.memorySlots - 1))]
      guard slot.unit == unit else { continue }
      if found.map({ $0.event < slot.writer.event }) ?? true { found = slot.writer }
    }
    return found
  }

  /// The register's value as far as the trace told it.
  func value(_ register: UInt32) -> UInt64? {
    register < Self.size && known[Int(register)] ? values[Int(register)] : nil
  }
}
