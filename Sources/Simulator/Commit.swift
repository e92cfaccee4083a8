import MachineCore
import Trace

extension Core {
  /// Notes a memory access of the instruction under way for its trace event.
  mutating func note(_ kind: EventKind, _ address: UInt64, _ value: UInt64, _ width: UInt8) {
    guard accessCount < Self.effectRoom else { return }
    // SAFETY: the count was checked.
    (accesses + accessCount).initialize(
      to: TraceRecord(
        kind, address: address, value: value & Arithmetic.mask(UInt64(width) * 8),
        aux: UInt64(width)))
    accessCount &+= 1
  }

  /// Carries out the stores of the instruction, in order.
  @inline(__always) mutating func commitStores() {
    var index = 0
    var marks: UInt8 = 0
    while index < storeCount {
      // SAFETY: `index` < `storeCount` ≤ room.
      let store = stores[index]
      if store.isDevice {
        deviceWrite(.memory, store.physical, store.value, store.bytes)
      } else if journal != nil || store.physical > memorySize &- 8
        || store.physical &- protectedLow < protectedSize
      {
        storeNow(store.physical, store.value, store.bytes)
      } else {
        storedLow = min(storedLow, store.physical)
        storedHigh = max(storedHigh, store.physical &+ 8)
        marks |= watch.marks(store.physical, store.bytes)
        // SAFETY: eight bytes from the place lie inside the storage.
        let place = memory + Int(truncatingIfNeeded: store.physical)
        switch store.bytes {
        case 1: place.storeBytes(of: UInt8(truncatingIfNeeded: store.value), as: UInt8.self)
        case 2: place.storeBytes(of: UInt16(truncatingIfNeeded: store.value).littleEndian, as: UInt16.self)
        case 4: place.storeBytes(of: UInt32(truncatingIfNeeded: store.value).littleEndian, as: UInt32.self)
        case 8: place.storeBytes(of: store.value.littleEndian, as: UInt64.self)
        default: storeNow(store.physical, store.value, store.bytes)
        }
      }
      index &+= 1
    }
    if marks != 0 { forget(marks) }
  }

  /// Carries out the register writes of the instruction, in order; the pc becomes `following` first.
  @inline(__always) mutating func commitWrites(following: UInt64) {
    // SAFETY: register numbers were checked when the writes were lowered or bound.
    file[pc] = following
    var index = 0
    var changed: UInt64 = 0
    while index < writeCount {
      let write = writes[index]
      let register = Int(write.register)
      let old = file[register]
      let new = (old & ~write.replaced) | write.value
      file[register] = new
      changed |= (old ^ new) & memo.watched[register]
      undefined[register] &= ~write.replaced
      index &+= 1
    }
    if changed != 0 { memo.isStale = true }
    index = 0
    while index < undefineCount {
      let register = Int(undefines[index].register)
      undefined[register] |= undefines[index].value & widthMasks[register]
      index &+= 1
    }
  }

  /// Carries out the register writes that stay although the instruction trapped; the old values.
  mutating func commitKept() -> [(register: Int, old: UInt64)] {
    var changed: [(register: Int, old: UInt64)] = []
    for index in 0..<keptWrites {
      let write = writes[index]
      let register = Int(write.register)
      if !changed.contains(where: { $0.register == register }) {
        changed.append((register, file[register]))
        journal?.willWrite(register, file[register])
      }
      file[register] = (file[register] & ~write.replaced) | write.value
      memo.isStale = true
    }
    return changed
  }

  /// Carries out everything, keeps the old values for the journal, and records the register effects.
  ///
  /// - Parameters:
  ///   - head: the event's head, which is completed and appended before its effects.
  ///   - kept: registers that were changed before, with their old values.
  ///   - arguments: those of the procedure that runs after the instruction; `nil` for none.
  /// - Returns: what that procedure gave.
  @discardableResult
  mutating func commitObserved(
    following: UInt64, head: TraceRecord?, kept: [(register: Int, old: UInt64)] = [],
    after arguments: [UInt64]? = nil
  ) -> UInt64 {
    commitStores()
    journal?.willWrite(pc, file[pc])
    var changed = kept
    noteOld(&changed)
    commitWrites(following: following)
    var result: UInt64 = 0
    if let after, let arguments {
      (writeCount, undefineCount, storeCount) = (0, 0, 0)
      if memo.isStale { refreshMemo() }
      for (slot, argument) in zip(after.parameters, arguments) { file[Int(slot)] = argument }
      file[Int(after.back)] = 0
      if execute(after.start) == .completed { result = file[Int(after.result)] }
      noteOld(&changed)
      commitWrites(following: file[pc])
    }
    record(head, changed)
    return result
  }

  /// Keeps the values of the registers that are about to be written.
  private mutating func noteOld(_ changed: inout [(register: Int, old: UInt64)]) {
    for index in 0..<writeCount {
      let register = Int(writes[index].register)
      if !changed.contains(where: { $0.register == register }) {
        changed.append((register, file[register]))
        if register != pc { journal?.willWrite(register, file[register]) }
      }
    }
    if let journal {
      for index in 0..<writeCount {
        let register = Int(writes[index].register)
        journal.willUndefine(register, undefined[register])
      }
      for index in 0..<undefineCount {
        let register = Int(undefines[index].register)
        journal.willUndefine(register, undefined[register])
      }
    }
  }

  /// Appends an event with its effects.
  private mutating func record(_ head: TraceRecord?, _ changed: [(register: Int, old: UInt64)]) {
    guard let recorder, var head else { return }
    var changed = changed
    if head.eventKind == .retire { head.address = file[pc] } else { head.aux = file[pc] }
    recorder.append(head)
    if head.eventKind == .retire {
      for index in 0..<accessCount {
        // SAFETY: `index` < `accessCount` ≤ room, and the records up to there were initialised.
        accesses[index].clock = head.clock
        accesses[index].flags = head.mode
        recorder.append(accesses[index])
      }
    }
    if changed.count > 1 { changed.sort { $0.register < $1.register } }
    for (register, old) in changed
    where register != pc && file[register] != old && !untraced.contains(register) {
      recorder.append(
        TraceRecord(
          .registerWrite, mode: head.mode, code: UInt32(register), clock: head.clock,
          value: file[register]))
    }
  }

  /// Tells the storage's observer what was stored since the last call.
  mutating func reportStores() {
    guard storedLow < storedHigh else { return }
    let range = Int(storedLow)..<Int(min(storedHigh, memorySize))
    (storedLow, storedHigh) = (.max, 0)
    platform.memory.changed(range)
  }
}
