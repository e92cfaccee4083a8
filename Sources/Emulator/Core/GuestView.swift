/// Storage as the fast loop reaches it.
struct GuestView {
  /// Storage at virtual address 0 (base/bound), or at physical address 0 (paging).
  let data: UnsafeMutableRawPointer
  /// First virtual address that may not be accessed, a multiple of 4.
  let limit: UInt32
  /// Physical address of virtual address 0 (base/bound), or 0 (paging).
  let base: Int
  /// Cached pages for reads and for writes (paging).
  let readPages: UnsafeMutablePointer<CachedPage>
  let writePages: UnsafeMutablePointer<CachedPage>
  let code: CodeMap
  /// A constant where the loop is instantiated.
  let isPaged: Bool

  @inline(__always)
  init(_ frame: FastFrame, isPaged: Bool) {
    data = frame.data
    limit = frame.dataLimit
    base = Int(bitPattern: frame.dataBase)
    readPages = frame.readPages
    writePages = frame.writePages
    code = frame.code
    self.isPaged = isPaged
  }

  /// Virtual address to an offset from `data`, or `nil` when `step` must look at it.
  ///
  /// `shift` is log2 of the access size. A misaligned address has its low bits rotated to the top and so
  /// fails the comparison with the limit, which is a multiple of 4.
  @inline(__always)
  private func place(
    _ r: Registers, _ op: OperationPointer, _ shift: UInt32, _ pages: UnsafeMutablePointer<CachedPage>
  ) -> Int? {
    let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
    let unit = (address &>> shift) | (shift == 0 ? 0 : address &<< (32 &- shift))
    guard unit < limit &>> shift else { return nil }
    guard isPaged else { return Int(unit) &<< Int(shift) }
    let page = address &>> 12
    let entry = pages[Int(page) & (ToyCore.pageSlots &- 1)]
    guard entry.tag == page &+ 1 else { return nil }
    return Int(entry.frame) &+ Int(address & 0xFFF)
  }

  // SAFETY: for all below, `place` gives offsets of aligned accesses wholly inside storage only.

  @inline(__always) func lw(_ r: Registers, _ op: OperationPointer) -> Bool {
    guard let offset = place(r, op, 2, readPages) else { return false }
    r[Int(op.pointee.a)] = UInt32(littleEndian: (data + offset).loadUnaligned(as: UInt32.self))
    return true
  }

  @inline(__always) func lh(_ r: Registers, _ op: OperationPointer) -> Bool {
    guard let offset = place(r, op, 1, readPages) else { return false }
    let datum = UInt16(littleEndian: (data + offset).loadUnaligned(as: UInt16.self))
    r[Int(op.pointee.a)] = unsigned(Int32(Int16(bitPattern: datum)))
    return true
  }

  @inline(__always) func lhu(_ r: Registers, _ op: OperationPointer) -> Bool {
    guard let offset = place(r, op, 1, readPages) else { return false }
    r[Int(op.pointee.a)] = UInt32(
      UInt16(littleEndian: (data + offset).loadUnaligned(as: UInt16.self)))
    return true
  }

  @inline(__always) func lb(_ r: Registers, _ op: OperationPointer) -> Bool {
    guard let offset = place(r, op, 0, readPages) else { return false }
    r[Int(op.pointee.a)] = unsigned(Int32((data + offset).load(as: Int8.self)))
    return true
  }

  @inline(__always) func lbu(_ r: Registers, _ op: OperationPointer) -> Bool {
    guard let offset = place(r, op, 0, readPages) else { return false }
    r[Int(op.pointee.a)] = UInt32((data + offset).load(as: UInt8.self))
    return true
  }

  /// Stores give `nil` when `step` must look, and `false` when decoded code was dropped.
  @inline(__always) func sw(_ r: Registers, _ op: OperationPointer) -> Bool? {
    guard let offset = place(r, op, 2, writePages) else { return nil }
    (data + offset).storeBytes(of: r[Int(op.pointee.a)].littleEndian, as: UInt32.self)
    return isPlain(offset)
  }

  @inline(__always) func sh(_ r: Registers, _ op: OperationPointer) -> Bool? {
    guard let offset = place(r, op, 1, writePages) else { return nil }
    let datum = UInt16(truncatingIfNeeded: r[Int(op.pointee.a)])
    (data + offset).storeBytes(of: datum.littleEndian, as: UInt16.self)
    return isPlain(offset)
  }

  @inline(__always) func sb(_ r: Registers, _ op: OperationPointer) -> Bool? {
    guard let offset = place(r, op, 0, writePages) else { return nil }
    (data + offset).storeBytes(of: UInt8(truncatingIfNeeded: r[Int(op.pointee.a)]), as: UInt8.self)
    return isPlain(offset)
  }

  @inline(__always) private func isPlain(_ offset: Int) -> Bool {
    let physical = base &+ offset
    guard code.marks[physical &>> CodeMap.granuleShift] != 0 else { return true }
    code.invalidate(byte: physical)
    return false
  }
}
