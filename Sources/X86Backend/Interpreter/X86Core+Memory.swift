import MachineCore
import Trace

extension X86Core {
  // MARK: Segmentation

  /// The linear address of `bytes` bytes at an offset in a segment, after the segment's checks.
  @inline(__always)
  func linear(_ segment: UInt8, _ offset: UInt64, _ bytes: UInt64, _ access: Access) throws(X86Fault)
    -> UInt64
  {
    if is64 {
      var address = offset
      if segment >= 4 {
        address &+= segment == 4 ? reg(.fsBase) : reg(.gsBase)
      }
      let last = address &+ bytes &- 1
      // Canonical: bits 47 to 63 are all alike.
      if (address &+ 0x8000_0000_0000) >> 48 != 0 || (last &+ 0x8000_0000_0000) >> 48 != 0 {
        throw X86Fault(vector: segment == 2 ? 12 : 13)
      }
      return address
    }
    return try linear32(segment, offset, bytes, access)
  }

  private func linear32(
    _ segment: UInt8, _ offset: UInt64, _ bytes: UInt64, _ access: Access
  ) throws(X86Fault) -> UInt64 {
    let index = Int(segment)
    if isOld {
      // SAFETY: as below.
      return (offset & 0xFFFF &+ r[X86Register.esBase.index + index]) & 0xF_FFFF
    }
    // SAFETY: segment numbers are below 6; hidden parts follow one another in encoding order.
    let limit = r[X86Register.esLimit.index + index]
    let attributes = r[X86Register.esAttributes.index + index]
    let fault = X86Fault(vector: segment == 2 && (isProtected || !is286) ? 12 : 13)
    var offset = offset
    if is286, access == .fetch { offset &= 0xFFFF }
    if isProtected {
      if attributes & 0x80 == 0 { throw fault }
      if access == .write, attributes & 0xA != 2 { throw fault }
      if access == .read, attributes & 0xA == 8 { throw fault }
    }
    let last = offset &+ bytes &- 1
    if attributes & 0xC == 4 {
      let top: UInt64 = attributes >> 14 & 1 != 0 ? 0xFFFF_FFFF : 0xFFFF
      if offset <= limit || last > top { throw fault }
    } else if last > limit {
      throw fault
    }
    return (offset &+ r[X86Register.esBase.index + index]) & 0xFFFF_FFFF
  }

  // MARK: Marks

  private func granule(_ physical: UInt64) -> Int { Int(physical >> UInt64(Self.granuleShift)) }

  /// Notes that code was decoded from these bytes of storage.
  mutating func markCode(_ physical: UInt64, _ bytes: Int) {
    if bytes > 0 { mark(physical, bytes, Self.codePage) }
  }

  /// Marks the granules that a store must begin in to reach any of these bytes of storage.
  mutating func mark(_ physical: UInt64, _ bytes: Int, _ kind: UInt8) {
    let first = granule(physical >= 7 ? physical - 7 : 0)
    let last = min(granule(physical &+ UInt64(bytes) &- 1), granuleCount - 1)
    // SAFETY: there is a mark for every granule, and one more.
    for number in first...last { granules[number] |= kind }
    markedGranules =
      markedGranules.isEmpty
      ? first..<last + 1 : min(markedGranules.lowerBound, first)..<max(markedGranules.upperBound, last + 1)
  }

  // MARK: Storage

  /// Reads bytes of storage; what lies outside is read-only memory or reads as ones.
  func readPhysical(_ physical: UInt64, _ bytes: Int) -> UInt64 {
    let physical = physical & addressMask
    if physical <= memorySize &- 8 {
      // SAFETY: eight bytes from `physical` are inside.
      let raw = UInt64(littleEndian: (memory + Int(physical)).loadUnaligned(as: UInt64.self))
      return bytes >= 8 ? raw : raw & (1 << UInt64(bytes &* 8) &- 1)
    }
    var value: UInt64 = 0
    for offset in 0..<UInt64(bytes) {
      let place = physical &+ offset
      // SAFETY: checked.
      let byte =
        place < memorySize
        ? memory.load(fromByteOffset: Int(place), as: UInt8.self) : platform.outsideByte(place)
      value |= UInt64(byte) << (offset * 8)
    }
    return value
  }

  /// Writes bytes of storage, dropping what was decoded from there; outside nothing happens.
  mutating func writePhysical(_ physical: UInt64, _ value: UInt64, _ bytes: Int) {
    let physical = physical & addressMask
    guard physical < memorySize else { return }
    let last = min(physical &+ UInt64(bytes), memorySize) &- 1
    // SAFETY: granules of the storage.
    if granules[granule(physical)] & Self.protectedPage != 0, platform.isProtected(physical) {
      leave()
      platform.storeProtected(physical, value, width: bytes)
      enter()
      return
    }
    storedLow = min(storedLow, physical)
    storedHigh = max(storedHigh, last &+ 1)
    // SAFETY: granules of the storage.
    if granules[granule(physical)] | granules[granule(last)] != 0 { dropStale(physical, bytes) }
    var place = physical
    var rest = value
    while place <= last {
      memory.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: Int(place), as: UInt8.self)
      rest >>= 8
      place &+= 1
    }
  }

  /// Drops decoded instructions that overlap the range.
  @inline(never) mutating func dropStale(_ physical: UInt64, _ bytes: Int) {
    let first = physical >= 14 ? physical - 14 : 0
    for place in first..<(physical &+ UInt64(bytes)) {
      let index = Int(place) & (Self.cacheSize - 1)
      // SAFETY: masked to the cache's size.
      if cache[index].tag == place { cache[index].tag = .max }
    }
    let last = min(physical &+ UInt64(bytes) &- 1, memorySize &- 1)
    guard physical <= last else { return }
    fast.stored(physical, bytes)
  }

  /// Drops everything that came from a range that somebody else wrote.
  mutating func storageChanged(_ range: Range<Int>) {
    guard range.count <= 4096 else {
      reset()
      return
    }
    dropStale(UInt64(range.lowerBound), range.count)
  }

  @inline(__always) func isPlain(_ physical: UInt64) -> Bool {
    physical <= memorySize &- 8 && physical &- deviceLow >= deviceSize
  }

  // MARK: Accesses of instructions

  /// Loads `bytes` bytes at an offset in a segment; `.write` for a place that is stored to afterwards, whose
  /// faults are a store's.
  @inline(__always)
  mutating func load(
    _ segment: UInt8, _ offset: UInt64, _ bytes: Int, for access: Access = .read
  ) throws(X86Fault) -> UInt64 {
    if isOld, bytes == 2, offset == 0xFFFF { return try loadWrapped(segment) }
    let linear = try linear(segment, offset, UInt64(bytes), access)
    if isWatching { watch(linear, bytes, isWrite: false) }
    let physical = try physical(linear, access, isUser: privilege == 3)
    let value: UInt64
    if physical & 0xFFF <= 0x1000 &- UInt64(bytes), isPlain(physical) {
      // SAFETY: eight bytes from `physical` are inside the storage.
      let raw = UInt64(
        littleEndian: (memory + Int(truncatingIfNeeded: physical)).loadUnaligned(as: UInt64.self))
      value = raw & (UInt64.max &>> (64 &- UInt64(bytes) &* 8))
    } else {
      value = try loadSlowly(segment, offset, physical, bytes, access)
    }
    if isTracing { note(.memoryRead, offset, value, bytes) }
    return value
  }

  /// A word at the end of a segment goes on at its start, on the 8086.
  @inline(never) private mutating func loadWrapped(_ segment: UInt8) throws(X86Fault) -> UInt64 {
    let low = try load(segment, 0xFFFF, 1)
    return low | (try load(segment, 0, 1)) << 8
  }

  @inline(never) private mutating func storeWrapped(_ segment: UInt8, _ value: UInt64) throws(X86Fault) {
    try store(segment, 0xFFFF, value & 0xFF, 1)
    try store(segment, 0, value >> 8 & 0xFF, 1)
  }

  @inline(never)
  private mutating func loadSlowly(
    _ segment: UInt8, _ offset: UInt64, _ physical: UInt64, _ bytes: Int, _ access: Access
  ) throws(X86Fault) -> UInt64 {
    if isDevice(physical) { return input(.memory, physical, bytes) }
    let first = Int(0x1000 - (physical & 0xFFF))
    guard first < bytes else { return readPhysical(physical, bytes) }
    let rest = try translate(segment, offset &+ UInt64(first), bytes - first, access)
    return readPhysical(physical, first) | readPhysical(rest, bytes - first) << UInt64(first * 8)
  }

  /// Translation of the first byte of an access, with all checks.
  mutating func translate(
    _ segment: UInt8, _ offset: UInt64, _ bytes: Int, _ access: Access
  ) throws(X86Fault) -> UInt64 {
    let linear = try linear(segment, offset, UInt64(bytes), access)
    return try physical(linear, access, isUser: privilege == 3)
  }

  /// Checks that a store, or a load, will succeed.
  mutating func probe(
    _ segment: UInt8, _ offset: UInt64, _ bytes: Int, _ access: Access = .write
  ) throws(X86Fault) {
    let physical = try translate(segment, offset, bytes, access)
    let first = Int(0x1000 - (physical & 0xFFF))
    if first < bytes { _ = try translate(segment, offset &+ UInt64(first), bytes - first, access) }
  }

  /// Stores the low `bytes` bytes of `value` at an offset in a segment.
  @inline(__always)
  mutating func store(_ segment: UInt8, _ offset: UInt64, _ value: UInt64, _ bytes: Int) throws(X86Fault) {
    if isOld, bytes == 2, offset == 0xFFFF { return try storeWrapped(segment, value) }
    let linear = try linear(segment, offset, UInt64(bytes), .write)
    if isWatching { watch(linear, bytes, isWrite: true) }
    let physical = try physical(linear, .write, isUser: privilege == 3)
    // SAFETY: the mark is read only inside the storage; the store is inside it.
    if physical & 0xFFF <= 0x1000 &- UInt64(bytes), isPlain(physical), granules[granule(physical)] == 0 {
      let place = memory + Int(truncatingIfNeeded: physical)
      switch bytes {
      case 1: place.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
      case 2: place.storeBytes(of: UInt16(truncatingIfNeeded: value).littleEndian, as: UInt16.self)
      case 4: place.storeBytes(of: UInt32(truncatingIfNeeded: value).littleEndian, as: UInt32.self)
      default: place.storeBytes(of: value.littleEndian, as: UInt64.self)
      }
      if physical < storedLow { storedLow = physical }
      if physical &+ 8 > storedHigh { storedHigh = physical &+ 8 }
    } else {
      try storeSlowly(segment, offset, physical, value, bytes)
    }
    if isTracing { note(.memoryWrite, offset, value, bytes) }
  }

  @inline(never)
  private mutating func storeSlowly(
    _ segment: UInt8, _ offset: UInt64, _ physical: UInt64, _ value: UInt64, _ bytes: Int
  ) throws(X86Fault) {
    if isDevice(physical) {
      output(.memory, physical, value, bytes)
      return
    }
    let first = Int(0x1000 - (physical & 0xFFF))
    guard first < bytes else {
      writePhysical(physical, value, bytes)
      return
    }
    let rest = try translate(segment, offset &+ UInt64(first), bytes - first, .write)
    writePhysical(physical, value, first)
    writePhysical(rest, value >> UInt64(first * 8), bytes - first)
  }

  @inline(never) mutating func note(_ kind: EventKind, _ address: UInt64, _ value: UInt64, _ bytes: Int) {
    guard accessCount < Self.accessRoom else { return }
    let mask = UInt64.max >> UInt64(64 - bytes * 8)
    // SAFETY: the count was checked.
    (accesses + accessCount).initialize(
      to: TraceRecord(kind, address: address, value: value & mask, aux: UInt64(bytes)))
    accessCount += 1
  }

  // MARK: Accesses of the processor itself

  /// Reads a descriptor or another system structure at a linear address.
  mutating func systemLoad(_ linear: UInt64, _ bytes: Int) throws(X86Fault) -> UInt64 {
    let linear = wrapped(linear)
    let first = Int(0x1000 - linear & 0xFFF)
    let place = try physical(linear, .read, isUser: false)
    guard first < bytes else { return readPhysical(place, bytes) }
    let rest = try physical(wrapped(linear &+ UInt64(first)), .read, isUser: false)
    return readPhysical(place, first) | readPhysical(rest, bytes - first) << UInt64(first * 8)
  }

  /// Writes a system structure at a linear address.
  mutating func systemStore(
    _ linear: UInt64, _ value: UInt64, _ bytes: Int, isUser: Bool
  ) throws(X86Fault) {
    let linear = wrapped(linear)
    let first = Int(0x1000 - linear & 0xFFF)
    let place = try physical(linear, .write, isUser: isUser)
    guard first < bytes else {
      writePhysical(place, value, bytes)
      return
    }
    let rest = try physical(wrapped(linear &+ UInt64(first)), .write, isUser: isUser)
    writePhysical(place, value, first)
    writePhysical(rest, value >> UInt64(first * 8), bytes - first)
  }
}
