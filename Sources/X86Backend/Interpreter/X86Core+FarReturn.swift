import MachineCore

/// Far RET and IRET (Intel SDM vol. 2, RET and IRET).
extension X86Core {
  private mutating func slot(_ number: Int, _ offset: UInt64, _ width: Width) throws(X86Fault) -> UInt64 {
    let place = reg(.rsp) &+ offset &+ UInt64(number * width.bytes)
    return try load(2, place & stackWidth.mask, width.bytes)
  }

  mutating func farReturn(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let hasFlags = i.pointee.operation == .iret
    let released = i.pointee.operandCount > 0 ? i.pointee.a.value : 0
    if hasFlags {
      if isVirtual, flags >> 12 & 3 != 3 { throw .protection() }
      if usesDescriptors, flags & 0x4000 != 0 {
        if isLong { throw .protection() }
        throw .unsupported("hardware task switch")
      }
    }
    let slots = hasFlags ? 3 : 2
    let target = try slot(0, 0, width)
    let selector = try slot(1, 0, width) & 0xFFFF
    let newFlags = hasFlags ? try slot(2, 0, width) : 0
    let popped = UInt64(slots * width.bytes) &+ released
    guard usesDescriptors else {
      if target > reg(.csLimit) { throw .protection() }
      if hasFlags { loadFlags(newFlags, width, resume: true) }
      moveStack(popped)
      loadReal(1, selector)
      updateMode()
      next = target
      return
    }
    if hasFlags, !isLong, width == .bits32, newFlags & 0x2_0000 != 0, privilege == 0 {
      try enterVirtual(target, selector, newFlags)
      return
    }
    let code = try returnCode(selector)
    let level = selector & 3
    let isOuter = level > privilege
    let changesStack = isOuter || (hasFlags && is64)
    let toLong = isLong && code.attributes >> 13 & 1 != 0
    var pointer: UInt64 = 0
    var stack = X86LoadedSegment()
    if changesStack {
      pointer = try slot(slots, released, width) &+ released
      let selector = try slot(slots + 1, released, width) & 0xFFFF
      if selector & 0xFFFC == 0, toLong, level != 3, selector == level {
        stack = nullStack(level)
      } else {
        stack = try checkStack(selector, level: level)
      }
    }
    if toLong ? (target &+ 0x8000_0000_0000) >> 48 != 0 : target > code.limit { throw .protection() }
    try mark(selector, code.raw, 1)
    if stack.raw != 0 { try mark(stack.selector, stack.raw, 1) }
    // What flags may change is judged by the old level.
    if hasFlags { loadFlags(newFlags, width, resume: true) }
    if changesStack {
      load(2, stack, selector: stack.selector)
      if toLong {
        set(.rsp, pointer)
      } else {
        setPart(.rsp, stack.attributes >> 14 & 1 != 0 ? .bits32 : .bits16, pointer)
      }
    } else {
      moveStack(popped)
    }
    if isOuter { dropInnerSegments(level) }
    load(1, code, selector: selector)
    updateMode()
    next = target
  }

  /// Checks the code segment of a return, all but its limit.
  private mutating func returnCode(_ selector: UInt64) throws(X86Fault) -> X86LoadedSegment {
    let code = selector & 0xFFFC
    guard code != 0 else { throw .protection() }
    let raw = try descriptor(selector)
    let fields = X86DescriptorFields(raw: raw)
    let level = selector & 3
    let badRank = fields.type & 4 != 0 ? fields.privilege > level : fields.privilege != level
    if !fields.isCode || level < privilege || badRank || (isLong && fields.isLong && fields.isBig) {
      throw .protection(code)
    }
    guard fields.isPresent else { throw X86Fault(vector: 11, code: code) }
    return X86LoadedSegment(selector: selector, raw: raw)
  }

  /// IRET to virtual-8086 mode: nine doublewords on the stack, six of them segments and the stack pointer.
  private mutating func enterVirtual(
    _ target: UInt64, _ selector: UInt64, _ newFlags: UInt64
  ) throws(X86Fault) {
    var values: InlineArray<6, UInt64> = InlineArray(repeating: 0)
    for number in 0..<6 { values[number] = try slot(3 + number, 0, .bits32) }
    // The offset must lie in the new code segment, whose limit is FFFFh.
    if target > 0xFFFF { throw .protection() }
    loadFlags(newFlags, .bits32, resume: true)
    flags |= 0x2_0000
    loadVirtual(1, selector)
    loadVirtual(2, values[1] & 0xFFFF)
    for (place, number) in [0, 3, 4, 5].enumerated() { loadVirtual(number, values[2 + place] & 0xFFFF) }
    set(.rsp, values[0])
    updateMode()
    next = target & 0xFFFF
  }

  /// A return to an outer level clears the data segments that it may not use.
  private func dropInnerSegments(_ level: UInt64) {
    for number in [0, 3, 4, 5] {
      // SAFETY: numbers are below 6.
      let attributes = r[X86Register.esAttributes.index + number]
      if attributes & 0x80 != 0, attributes & 12 != 12, attributes >> 5 & 3 < level {
        r[X86Register.es.index + number] = 0
        r[X86Register.esAttributes.index + number] = 0
      }
    }
  }
}
