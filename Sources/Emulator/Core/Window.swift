internal import MachineCore
internal import ToyISA

extension ToyCore {
  /// Fewest instructions for which the fast loop is worth starting.
  static let smallestBudget: UInt64 = 8

  /// Runs up to `budget` instructions in the fast loop; the core's pc moves on.
  ///
  /// - Returns: instructions retired, and whether the next one is for `step`. After a return without
  ///   `needsStep` the budget may not be used up: a window has ended.
  mutating func runFast(budget: UInt64) -> FastExit {
    guard budget >= Self.smallestBudget, var frame = makeFrame() else {
      return FastExit(retired: 0, pc: pc, needsStep: true)
    }
    frame.budget = UInt(min(budget, 1 << 56))
    let isLong = frame.budget > UInt(2 * OperationDecoder.checkInterval)
    let exit =
      switch (paging, isLong) {
      case (false, true): FastLoop.linear(frame)
      case (false, false): FastLoop.linearCounted(frame)
      case (true, true): FastLoop.paged(frame)
      case (true, false): FastLoop.pagedCounted(frame)
      }
    pc = exit.pc
    return exit
  }

  /// The frame for running at the present pc, or `nil` when the fetch traps.
  private mutating func makeFrame() -> FastFrame? {
    guard let physical = translate(pc, .fetch, size: 4) else { return nil }
    let limit: UInt32
    let first: UInt64
    let address: UInt32
    let bytes: UInt64
    if paging {
      limit = bound
      address = pc & ~0xFFF
      first = physical & ~0xFFF
      bytes = min(0x1000, UInt64(bound) - UInt64(address))
    } else {
      // `base` is inside storage, because the fetch was.
      limit = UInt32(min(UInt64(bound), storageSize - UInt64(base)) & ~3)
      address = 0
      first = UInt64(base)
      bytes = UInt64(limit)
    }
    code.placeSentinel(at: Int((first + bytes) / 4))
    let dataBase = paging ? 0 : UInt(base)
    return FastFrame(
      registers: registers,
      window: UnsafeMutableRawPointer(code.operations + Int(first / 4)),
      windowSize: UInt(bytes / 4) * UInt(Operation.size), windowAddress: address,
      position: UInt(pc - address) / 4 * UInt(Operation.size), budget: 0,
      // SAFETY: `dataBase` is an address inside storage.
      data: storage + Int(dataBase), dataLimit: limit, dataBase: dataBase,
      readPages: pages + pageSlot(.read), writePages: pages + pageSlot(.write), code: code,
      decoder: OperationDecoder(code: code, storage: storage, unusedBits: unusedBits))
  }
}
