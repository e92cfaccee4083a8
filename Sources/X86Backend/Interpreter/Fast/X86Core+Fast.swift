import MachineCore
import Trace

/// The way into the fast loop, and what it cannot do itself: find blocks, translate pages.
extension X86Core {
  /// Fewest instructions for which the fast loop is worth entering.
  static let smallestBudget: UInt64 = 32

  /// The mode that the fast loop has operations for, if the processor is in one: 64 bits, or 32 bits with
  /// flat segments.
  func findFastMode() -> Width? {
    guard allowsFast, !hasBreakpoints, !isWatching else { return nil }
    // Nothing but the mode may be in the context: other processors than the newest have other contexts.
    if is64 { return context & ~4 == 10 ? .bits64 : nil }
    guard context == 13, reg(.rflags) & X86Flags.virtual8086.rawValue == 0 else {
      return nil
    }
    for number in 1...3 {
      // SAFETY: segment numbers are below 6; hidden parts follow one another in encoding order.
      let attributes = r[X86Register.esAttributes.index + number]
      // Present, and writable data that does not grow down; of code, only its presence counts.
      guard r[X86Register.esBase.index + number] == 0, r[X86Register.esLimit.index + number] == 0xFFFF_FFFF,
        attributes & 0x80 != 0, number == 1 || attributes & 0xE == 2
      else { return nil }
    }
    return .bits32
  }

  /// Runs in the fast loop until something is for the exact step, or until attention is due.
  @inline(never) mutating func runFast(_ mode: Width) {
    guard flags & 0x1_0100 == 0, reg(.interruptShadow) | held == 0 else { return }
    let frame = fast.frame
    // SAFETY: the frame lives as long as the store; blocks live until `drop`, which only the building of a
    // block calls in here.
    frame.pointee.addressMask = mode.mask
    if fast.choosePages(isUser: privilege == 3, epoch) { fast.dropPages() }
    if hasReported {
      // What was stored has been reported; new stores have to be seen again.
      hasReported = false
      fast.dropWritePages()
    }
    frame.pointee.epoch = world
    let budget = Int64(clamping: attentionAt &- retired)
    frame.pointee.remaining = budget
    frame.pointee.flags.kind = FastFlags.current
    let first = epoch
    guard let block = block(at: rip, mode), epoch == first else { return }
    frame.pointee.operation = block
    frame.pointee.block = block
    loop: while true {
      FastLoop.run(frame)
      let stopped = frame.pointee.operation
      switch frame.pointee.stop {
      case .link:
        rip = frame.pointee.target
        let drops = fast.drops
        guard let next = self.block(at: rip, mode) else { break loop }
        // A walk may have found a page at another place than before: begin anew with what is true now.
        guard epoch == first else { break loop }
        if fast.drops == drops { link(stopped, to: next) }
        frame.pointee.operation = next
      case .budget:
        rip = frame.pointee.target
        break loop
      case .exact:
        comeBack(stopped)
        break loop
      case .readMiss, .writeMiss:
        let drops = fast.drops
        guard addPage(frame.pointee.missed, isWrite: frame.pointee.stop == .writeMiss), fast.drops == drops,
          epoch == first
        else {
          comeBack(stopped)
          break loop
        }
        // Begin the instruction again; so far it has changed nothing.
        var start = stopped
        while (start - 1).pointee.ordinal == stopped.pointee.ordinal, (start - 1).pointee.code != .enter {
          start -= 1
        }
        frame.pointee.operation = start
      }
    }
    let lazy = frame.pointee.flags
    flags = FastFlags.merged(flags, lazy.kind, lazy.a, lazy.b, lazy.carry)
    let count = budget &- frame.pointee.remaining
    if count > 0 {
      retired &+= UInt64(count)
      hasProgress = true
    }
  }

  /// The instruction of an operation is next, and with the rest of its block not done.
  private func comeBack(_ operation: FastPointer) {
    // SAFETY: as in `runFast`.
    let frame = fast.frame
    let block = frame.pointee.block
    frame.pointee.remaining &+= Int64(block.pointee.displacement) &- Int64(operation.pointee.ordinal)
    rip = (block.pointee.immediate &+ UInt64(operation.pointee.offset)) & frame.pointee.addressMask
  }

  /// Lets a jump go to its target at once, if that lies in the page of the jump: there, one translation
  /// serves both.
  private func link(_ jump: FastPointer, to block: FastPointer) {
    switch jump.pointee.code {
    case .jumpRegister, .callRegister32, .callRegister64, .ret32, .ret64: return
    default: break
    }
    // SAFETY: as in `runFast`.
    let from = fast.frame.pointee.block.pointee.immediate
    if from ^ block.pointee.immediate < 0x1000 { jump.pointee.immediate = UInt64(UInt(bitPattern: block)) }
  }

  /// Makes an entry for the page of a linear address; `false` when the exact step has to do the access.
  private mutating func addPage(_ linear: UInt64, isWrite: Bool) -> Bool {
    guard (linear &+ 0x8000_0000_0000) >> 48 == 0 else { return false }
    let page = linear & ~0xFFF
    guard let first = try? physical(page | linear & 0xFFF, isWrite ? .write : .read, isUser: privilege == 3)
    else {
      return false
    }
    let physical = first & ~0xFFF
    guard memorySize >= 4096, physical <= memorySize - 4096,
      deviceSize == 0 || physical >= deviceLow &+ deviceSize || physical &+ 4096 <= deviceLow
    else { return false }
    let slot = Int(linear >> 12) & (FastFrame.pageCount - 1)
    // SAFETY: masked to the number of entries.
    let entry = (isWrite ? fast.frame.pointee.writePages : fast.frame.pointee.readPages) + slot
    // An access that crosses into the next page finds its own page here, and is for the exact step.
    if entry.pointee.tag == page { return false }
    entry.pointee = FastPage(tag: page, delta: physical &- page)
    if isWrite {
      storedLow = min(storedLow, physical)
      storedHigh = max(storedHigh, physical &+ 4096)
    }
    return true
  }

  // MARK: Blocks

  /// What a linear address stands for depends on: the translations, the mode, and the privilege level.
  private var world: UInt64 { epoch << 8 | UInt64(context) << 1 | (privilege == 3 ? 1 : 0) }

  /// The block at a linear address, made if need be; `nil` when there can be none.
  private mutating func block(at address: UInt64, _ mode: Width) -> FastPointer? {
    // SAFETY: masked to the numbers of entries.
    let target = fast.frame.pointee.targets + Int(address & UInt64(FastFrame.targetCount - 1))
    if target.pointee.address == address, target.pointee.epoch == world { return target.pointee.block }
    guard mode == .bits32 || (address &+ 0x8000_0000_0000) >> 48 == 0,
      let physical = try? physical(address, .fetch, isUser: privilege == 3), physical < memorySize,
      !isDevice(physical)
    else { return nil }
    let index = Int((physical ^ physical >> 12) & UInt64(FastStore.blockCount - 1))
    var entry = fast.blocks[index]
    if entry.physical != physical || entry.address != address || entry.context != context
      || entry.start == nil
    {
      entry = FastBlock(
        physical: physical, address: address, context: context, start: build(address, physical, mode))
      fast.blocks[index] = entry
    }
    target.pointee = FastTarget(address: address, epoch: world, block: entry.start)
    return entry.start
  }

  /// Whether stores have hit code here so often that decoding it is not worth it.
  private func isBusy(_ physical: UInt64, _ bytes: Int) -> Bool {
    let last = physical &+ UInt64(bytes) &- 1
    // SAFETY: the caller's bytes lie inside storage.
    return fast.hits[Int(physical >> UInt64(Self.granuleShift))] > 16
      || fast.hits[Int(last >> UInt64(Self.granuleShift))] > 16
  }

  /// Decodes a block.
  private mutating func build(_ address: UInt64, _ physical: UInt64, _ mode: Width) -> FastPointer {
    if FastStore.operationCount - fast.used < FastStore.blockRoom { fast.drop() }
    var builder = FastBuilder(address: address, mode: mode)
    var isExact = false
    let pageEnd = min((physical | 0xFFF) + 1, memorySize)
    while !builder.isClosed, !builder.closesAfterThis, builder.count < FastBuilder.longest,
      builder.bytes < FastBuilder.longestBytes
    {
      let place = physical + UInt64(builder.bytes)
      guard place < pageEnd else { break }
      let count = Int(min(15, pageEnd - place))
      // SAFETY: inside storage.
      let bytes = InstructionBytes(UnsafeRawBufferPointer(start: memory + Int(place), count: count))
      guard
        case .decoded(let decoded) = X86Decoder.shared.decode(
          bytes, context: X86DecodeContext(rawValue: UInt64(context))),
        decoded.length <= count, !isBusy(place, decoded.length), builder.add(makeEntry(decoded))
      else {
        isExact = true
        break
      }
    }
    builder.close(exact: isExact)
    markCode(physical, builder.bytes)
    fast.cover(physical, builder.bytes)
    // SAFETY: there is room for the longest block.
    let start = fast.operations + fast.used
    for (index, operation) in builder.operations.enumerated() { (start + index).initialize(to: operation) }
    fast.used += builder.operations.count
    return start
  }
}
