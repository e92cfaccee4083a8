/// Storage as the fast loop sees it: by the pages that earlier accesses have found.
struct FastMemory {
  let registers: UnsafeMutablePointer<UInt64>
  let storage: UnsafeMutableRawPointer
  let granules: UnsafeMutablePointer<UInt8>
  let readPages: UnsafeMutablePointer<FastPage>
  let writePages: UnsafeMutablePointer<FastPage>
  let mask: UInt64
  let frame: UnsafeMutablePointer<FastFrame>

  @inline(__always) init(_ frame: UnsafeMutablePointer<FastFrame>) {
    registers = frame.pointee.registers
    storage = frame.pointee.storage
    granules = frame.pointee.granules
    readPages = frame.pointee.readPages
    writePages = frame.pointee.writePages
    mask = frame.pointee.addressMask
    self.frame = frame
  }

  /// The effective address of an operation.
  @inline(__always) func address(_ op: FastPointer) -> UInt64 {
    // SAFETY: operands are slots of the register file; the decoder makes no others.
    let base = registers[Int(op.pointee.base)]
    let index = registers[Int(op.pointee.index)] &<< UInt64(op.pointee.shift)
    return (base &+ index &+ UInt64(bitPattern: Int64(op.pointee.displacement))) & mask
  }

  /// Where to read a value; `nil` when the exact step, or a new entry, is needed.
  @inline(__always) func readable(_ address: UInt64, _ size: UInt64) -> UnsafeMutableRawPointer? {
    // SAFETY: masked to the number of entries.
    let page = readPages + Int(truncatingIfNeeded: address &>> 12 & UInt64(FastFrame.pageCount - 1))
    // The last byte's page, so that what crosses into the next one has no entry.
    guard page.pointee.tag == (address &+ (size &- 1)) & ~0xFFF else {
      frame.pointee.missed = address
      frame.pointee.stop = .readMiss
      return nil
    }
    // SAFETY: entries are made for pages that lie in storage as a whole.
    return storage + Int(truncatingIfNeeded: address &+ page.pointee.delta)
  }

  /// Where to write a value; `nil` also when decoded code may lie there.
  @inline(__always) func writable(_ address: UInt64, _ size: UInt64) -> UnsafeMutableRawPointer? {
    // SAFETY: as above.
    let page = writePages + Int(truncatingIfNeeded: address &>> 12 & UInt64(FastFrame.pageCount - 1))
    guard page.pointee.tag == (address &+ (size &- 1)) & ~0xFFF else {
      frame.pointee.missed = address
      frame.pointee.stop = .writeMiss
      return nil
    }
    let physical = Int(truncatingIfNeeded: address &+ page.pointee.delta)
    // SAFETY: as above; there is a mark for each granule of storage, and marks reach back far enough that
    // the first byte's tells for all.
    guard granules[physical &>> X86Core.granuleShift] == 0 else {
      frame.pointee.stop = .exact
      return nil
    }
    return storage + physical
  }

  @inline(__always) func load<T: FixedWidthInteger & BitwiseCopyable>(_ address: UInt64, _ type: T.Type) -> T?
  {
    guard let place = readable(address, UInt64(MemoryLayout<T>.size)) else { return nil }
    // SAFETY: see `readable`.
    return T(littleEndian: place.loadUnaligned(as: T.self))
  }

  @inline(__always)
  func store<T: FixedWidthInteger & BitwiseCopyable>(_ address: UInt64, _ value: T) -> Bool {
    guard let place = writable(address, UInt64(MemoryLayout<T>.size)) else { return false }
    // SAFETY: see `writable`.
    place.storeBytes(of: value.littleEndian, as: T.self)
    return true
  }
}
