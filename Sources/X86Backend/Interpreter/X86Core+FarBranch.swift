import MachineCore

/// Far JMP and CALL, directly and through call gates (Intel SDM vol. 2, CALL and JMP).
extension X86Core {
  mutating func farBranch(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let isCall = i.pointee.operation == .callFar
    let target = try read(i.pointee.a)
    let selector = try read(i.pointee.b)
    guard usesDescriptors else {
      if isCall { try checkCallRoom(width) }
      if target > reg(.csLimit) { throw .protection() }
      if isCall { try pushReturn(width) }
      loadReal(1, selector)
      updateMode()
      next = target
      return
    }
    let code = selector & 0xFFFC
    guard code != 0 else { throw .protection() }
    let raw = try descriptor(selector)
    let fields = X86DescriptorFields(raw: raw)
    guard !fields.isSystem else {
      try branchBySystem(selector, raw, isCall: isCall)
      return
    }
    let badRank =
      fields.type & 4 != 0
      ? fields.privilege > privilege : selector & 3 > privilege || fields.privilege != privilege
    if !fields.isCode || badRank || (isLong && fields.isLong && fields.isBig) { throw .protection(code) }
    guard fields.isPresent else { throw X86Fault(vector: 11, code: code) }
    try branchAtLevel(X86LoadedSegment(selector: selector, raw: raw), target, width, isCall: isCall)
  }

  private mutating func checkCallRoom(_ width: Width) throws(X86Fault) {
    let bytes = UInt64(width.bytes)
    _ = try linear(2, (reg(.rsp) &- bytes) & stackWidth.mask, bytes, .write)
    _ = try linear(2, (reg(.rsp) &- 2 &* bytes) & stackWidth.mask, bytes, .write)
  }

  /// Pushes the far address of the next instruction.
  private mutating func pushReturn(_ width: Width) throws(X86Fault) {
    let bytes = width.bytes
    let first = (reg(.rsp) &- UInt64(bytes)) & stackWidth.mask
    let second = (reg(.rsp) &- 2 &* UInt64(bytes)) & stackWidth.mask
    try probe(2, first, bytes)
    try probe(2, second, bytes)
    try store(2, first, reg(.cs), bytes)
    try store(2, second, next, bytes)
    moveStack(0 &- 2 &* UInt64(bytes))
  }

  private func isOutside(_ target: UInt64, _ segment: X86LoadedSegment) -> Bool {
    isLong && segment.attributes >> 13 & 1 != 0
      ? (target &+ 0x8000_0000_0000) >> 48 != 0 : target > segment.limit
  }

  /// Goes on in a checked code segment at the same privilege level.
  private mutating func branchAtLevel(
    _ segment: X86LoadedSegment, _ target: UInt64, _ width: Width, isCall: Bool
  ) throws(X86Fault) {
    if isCall { try checkCallRoom(width) }
    if isOutside(target, segment) { throw .protection() }
    if isCall {
      let bytes = width.bytes
      try probe(2, (reg(.rsp) &- UInt64(bytes)) & stackWidth.mask, bytes)
      try probe(2, (reg(.rsp) &- 2 &* UInt64(bytes)) & stackWidth.mask, bytes)
    }
    try mark(segment.selector, segment.raw, 1)
    if isCall { try pushReturn(width) }
    load(1, segment, selector: segment.selector & 0xFFFC | privilege)
    updateMode()
    next = target
  }

  /// A far branch to something that is no segment of code.
  private mutating func branchBySystem(
    _ selector: UInt64, _ raw: UInt64, isCall: Bool
  ) throws(X86Fault) {
    let code = selector & 0xFFFC
    let fields = X86DescriptorFields(raw: raw)
    let isTask = [1, 3, 5, 9, 11].contains(fields.type)
    guard fields.type == 12 || (!isLong && (fields.type == 4 || isTask)) else { throw .protection(code) }
    if fields.privilege < privilege || fields.privilege < selector & 3 { throw .protection(code) }
    // A busy task cannot be entered.
    if fields.type & 0x17 == 3 { throw .protection(code) }
    guard fields.isPresent else { throw X86Fault(vector: 11, code: code) }
    // Presence is the gate's own; only then its second half is looked at.
    let high = isLong ? try descriptor(selector, offset: 8) : 0
    if isLong, high >> 40 & 0x1F != 0 { throw .protection(code) }
    if isTask { throw .unsupported("hardware task switch") }
    try branchByGate(raw, high, isCall: isCall)
  }

  private mutating func branchByGate(_ gate: UInt64, _ high: UInt64, isCall: Bool) throws(X86Fault) {
    let selector = gate >> 16 & 0xFFFF
    let code = selector & 0xFFFC
    guard code != 0 else { throw .protection() }
    let raw = try descriptor(selector)
    let fields = X86DescriptorFields(raw: raw)
    let mayEnter =
      isCall || fields.isConforming ? fields.privilege <= privilege : fields.privilege == privilege
    if !fields.isCode || !mayEnter { throw .protection(code) }
    if isLong, !fields.isLong || fields.isBig { throw .protection(code) }
    guard fields.isPresent else { throw X86Fault(vector: 11, code: code) }
    let isWide = gate >> 43 & 1 != 0
    var target = gate & 0xFFFF
    if isWide { target |= gate >> 32 & 0xFFFF_0000 }
    if isLong { target |= high << 32 }
    let segment = X86LoadedSegment(selector: selector, raw: raw)
    guard isCall, !fields.isConforming, fields.privilege < privilege else {
      let width = isLong ? Width.bits64 : isWide ? .bits32 : .bits16
      try branchAtLevel(segment, target, width, isCall: isCall)
      return
    }
    let level = fields.privilege
    let bytes: UInt64 = isLong ? 8 : isWide ? 4 : 2
    let stack: X86LoadedSegment
    let pointer: UInt64
    if isLong {
      pointer = try innerPointer(4 &+ level << 3, external: 0)
      stack = nullStack(level)
    } else {
      (stack, pointer) = try innerStack(level, external: 0)
    }
    var frame = X86Frame(stack: stack, pointer: pointer, bytes: bytes, isLong: isLong, isUser: level == 3)
    frame.push(reg(.ss))
    frame.push(reg(.rsp))
    let count = isLong ? 0 : gate >> 32 & 31
    for _ in 0..<count { frame.push(0) }
    frame.push(reg(.cs))
    frame.push(next)
    guard frame.hasRoom else { throw X86Fault(vector: 12, code: isLong ? 0 : stack.selector & 0xFFFC) }
    if isOutside(target, segment) { throw .protection() }
    // The parameters are the program's: its accesses, with its rights. Each is asked for on both stacks before the
    // next, and copied when what lies above it is stored.
    for slot in 0..<frame.count {
      if slot &- 2 < count { try probe(2, parameter(slot, of: count, bytes), Int(bytes), .read) }
      try probe(frame, slot)
    }
    try mark(selector, raw, 1)
    if !isLong { try mark(stack.selector, stack.raw, 1) }
    for slot in 0..<frame.count {
      if slot &- 2 < count { frame.set(slot, try load(2, parameter(slot, of: count, bytes), Int(bytes))) }
      try write(frame, slot)
    }
    load(1, segment, selector: code | level)
    load(2, stack, selector: stack.selector)
    set(.rsp, frame.finalPointer)
    updateMode()
    next = target
  }

  /// The offset in the old stack of the parameter that goes to a slot of the frame.
  private func parameter(_ slot: UInt64, of count: UInt64, _ bytes: UInt64) -> UInt64 {
    (reg(.rsp) &+ (count &+ 1 &- slot) &* bytes) & stackWidth.mask
  }
}
