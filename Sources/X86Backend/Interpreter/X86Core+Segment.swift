import MachineCore

/// The fields of a descriptor's eight bytes.
struct X86DescriptorFields {
  let raw: UInt64

  var base: UInt64 { raw >> 16 & 0xFF_FFFF | raw >> 32 & 0xFF00_0000 }
  var limit: UInt64 {
    let limit = raw & 0xFFFF | raw >> 32 & 0xF_0000
    return raw >> 55 & 1 != 0 ? limit << 12 | 0xFFF : limit
  }
  var attributes: UInt64 { raw >> 40 & 0xF0FF }
  var type: UInt64 { raw >> 40 & 15 }
  var isSystem: Bool { raw >> 44 & 1 == 0 }
  var privilege: UInt64 { raw >> 45 & 3 }
  var isPresent: Bool { raw >> 47 & 1 != 0 }
  var isLong: Bool { raw >> 53 & 1 != 0 }
  var isBig: Bool { raw >> 54 & 1 != 0 }
  var isCode: Bool { !isSystem && type & 8 != 0 }
  var isConforming: Bool { type & 12 == 12 }
}

extension X86Core {
  func setSegment(
    _ number: Int, _ selector: UInt64, base: UInt64, limit: UInt64, attributes: UInt64
  ) {
    // SAFETY: numbers are below 6, in encoding order.
    r[X86Register.es.index + number] = selector
    r[X86Register.esBase.index + number] = base
    r[X86Register.esLimit.index + number] = limit
    r[X86Register.esAttributes.index + number] = attributes
  }

  private func setReal(_ number: Int, _ selector: UInt64) {
    // SAFETY: as above.
    r[X86Register.es.index + number] = selector
    r[X86Register.esBase.index + number] = selector << 4
  }

  // MARK: Descriptor tables

  private func place(_ selector: UInt64, _ offset: UInt64) -> UInt64 {
    let base = selector & 4 != 0 ? reg(.ldtrBase) : reg(.gdtrBase)
    let place = base &+ (selector & 0xFFF8) &+ offset
    return isLong ? place : place & 0xFFFF_FFFF
  }

  mutating func descriptor(
    _ selector: UInt64, offset: UInt64 = 0
  ) throws(X86Fault) -> UInt64 {
    let isLocal = selector & 4 != 0
    let limit = isLocal ? reg(.ldtrLimit) : reg(.gdtrLimit)
    if isLocal && reg(.ldtrAttributes) & 0x80 == 0 || (selector & 0xFFF8) &+ offset &+ 7 > limit {
      throw .protection(selector & 0xFFFC)
    }
    return try systemLoad(place(selector, offset), 8)
  }

  /// The descriptor of a selector, or nothing for the null selector and those outside their table.
  mutating func descriptorIfAny(_ selector: UInt64) throws(X86Fault) -> UInt64? {
    guard selector & 0xFFFC != 0 else { return nil }
    let isLocal = selector & 4 != 0
    let limit = isLocal ? reg(.ldtrLimit) : reg(.gdtrLimit)
    if isLocal && reg(.ldtrAttributes) & 0x80 == 0 || (selector & 0xFFF8) &+ 7 > limit { return nil }
    return try systemLoad(place(selector, 0), 8)
  }

  /// Sets bits in the type byte of a descriptor in its table.
  mutating func mark(_ selector: UInt64, _ raw: UInt64, _ bits: UInt64) throws(X86Fault) {
    let access = raw >> 40 & 0xFF
    guard access & bits != bits else { return }
    let physical = try physical(place(selector, 5), .write, isUser: false)
    writePhysical(physical, access | bits, 1)
  }

  // MARK: Segment registers

  private mutating func loadSegment(_ number: Int, _ selector: UInt64) throws(X86Fault) {
    guard isProtected else {
      setReal(number, selector)
      updateMode()
      return
    }
    if number == 2 {
      try loadStack(selector, level: privilege, is64: is64)
    } else {
      try loadData(number, selector)
    }
    updateMode()
  }

  private mutating func loadData(_ number: Int, _ selector: UInt64) throws(X86Fault) {
    guard selector & 0xFFFC != 0 else {
      setSegment(number, selector, base: 0, limit: 0, attributes: 0)
      return
    }
    let raw = try descriptor(selector)
    let fields = X86DescriptorFields(raw: raw)
    let outranked = fields.privilege < privilege || fields.privilege < selector & 3
    if fields.isSystem || fields.type & 10 == 8 || (!fields.isConforming && outranked) {
      throw .protection(selector & 0xFFFC)
    }
    guard fields.isPresent else { throw X86Fault(vector: 11, code: selector & 0xFFFC) }
    try mark(selector, raw, 1)
    setSegment(number, selector, base: fields.base, limit: fields.limit, attributes: fields.attributes | 1)
  }

  private mutating func loadStack(_ selector: UInt64, level: UInt64, is64: Bool) throws(X86Fault) {
    guard selector & 0xFFFC != 0 else {
      guard is64, level != 3, selector & 3 == level else { throw .protection() }
      setSegment(2, selector, base: 0, limit: 0, attributes: level << 5)
      return
    }
    let raw = try descriptor(selector)
    let fields = X86DescriptorFields(raw: raw)
    if selector & 3 != level || fields.privilege != level || fields.isSystem || fields.type & 10 != 2 {
      throw .protection(selector & 0xFFFC)
    }
    guard fields.isPresent else { throw X86Fault(vector: 12, code: selector & 0xFFFC) }
    try mark(selector, raw, 1)
    setSegment(2, selector, base: fields.base, limit: fields.limit, attributes: fields.attributes | 1)
  }

  private mutating func loadTable(_ isTask: Bool, _ selector: UInt64) throws(X86Fault) {
    let code = selector & 0xFFFC
    var values: (UInt64, UInt64, UInt64) = (0, 0, 0)
    if code == 0 {
      if isTask { throw .protection() }
    } else {
      if selector & 4 != 0 { throw .protection(code) }
      let raw = try descriptor(selector)
      let fields = X86DescriptorFields(raw: raw)
      if raw >> 40 & 0x1F != (isTask ? 9 : 2) { throw .protection(code) }
      guard fields.isPresent else { throw X86Fault(vector: 11, code: code) }
      let high = isLong ? try descriptor(selector, offset: 8) : 0
      let busy: UInt64 = isTask ? 2 : 0
      try mark(selector, raw, busy)
      values = (fields.base | high << 32, fields.limit, fields.attributes | busy)
    }
    let first = isTask ? X86Register.tr.index : X86Register.ldtr.index
    // SAFETY: selector, base, limit and attributes follow one another.
    r[first] = selector
    r[first + 1] = values.0
    r[first + 2] = values.1
    r[first + 3] = values.2
  }

  mutating func segmentOperation(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let number = Int(i.pointee.segment)
    switch i.pointee.operation {
    case .movFromSegment: try write(i.pointee.a, read(i.pointee.b))
    case .loadFar:
      let offset = try read(i.pointee.b)
      let selector = try read(i.pointee.c)
      try loadSegment(number, selector)
      writeRegister(i.pointee.a, offset)
    case .movToSegment: try loadSegment(number, read(i.pointee.b))
    case .pushSegment:
      let place = (reg(.rsp) &- UInt64(width.bytes)) & stackWidth.mask
      // SAFETY: numbers are below 6.
      try store(2, place, r[X86Register.es.index + number], width == .bits32 ? 2 : width.bytes)
      moveStack(0 &- UInt64(width.bytes))
    case .popSegment:
      let selector = try load(2, part(.rsp, stackWidth), 2)
      // The stack pointer moves in the width of the old stack segment.
      let pointerWidth = stackWidth
      try loadSegment(number, selector)
      setPart(.rsp, pointerWidth, reg(.rsp) &+ UInt64(width.bytes))
    case .ldt, .tr:
      guard privilege == 0 else { throw .protection() }
      try loadTable(i.pointee.operation == .tr, read(i.pointee.a))
    case .storeTable: try write(i.pointee.a, i.pointee.condition == 1 ? reg(.tr) : reg(.ldtr))
    case .jmpFar, .callFar: try farBranch(i)
    default: try farReturn(i)
    }
  }

  // MARK: Far branches

  private mutating func farBranch(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let bytes = width.bytes
    let isCall = i.pointee.operation == .callFar
    let target = try read(i.pointee.a)
    let selector = try read(i.pointee.b)
    let back = next
    let oldSelector = reg(.cs)
    var loaded: (raw: UInt64, selector: UInt64)?
    if isProtected {
      loaded = try checkCode(selector, target, isReturn: false)
    } else if target > reg(.csLimit) {
      throw .protection()
    }
    if isCall {
      let first = (reg(.rsp) &- UInt64(bytes)) & stackWidth.mask
      let second = (reg(.rsp) &- 2 &* UInt64(bytes)) & stackWidth.mask
      try probe(2, first, bytes)
      try probe(2, second, bytes)
      try store(2, first, oldSelector, bytes)
      try store(2, second, back, bytes)
      moveStack(0 &- 2 &* UInt64(bytes))
    }
    enterCode(selector, loaded)
    next = target
  }

  /// Checks the code segment of a far branch and marks it accessed.
  private mutating func checkCode(
    _ selector: UInt64, _ target: UInt64, isReturn: Bool
  ) throws(X86Fault) -> (raw: UInt64, selector: UInt64) {
    let code = selector & 0xFFFC
    guard code != 0 else { throw .protection() }
    let raw = try descriptor(selector)
    let fields = X86DescriptorFields(raw: raw)
    let requested = selector & 3
    if fields.isSystem {
      if isReturn { throw .protection(code) }
      throw .unsupported("a far branch through a gate or task")
    }
    let badRank: Bool
    if isReturn {
      badRank =
        requested < privilege
        || (fields.type & 4 != 0 ? fields.privilege > requested : fields.privilege != requested)
    } else {
      badRank =
        fields.type & 4 != 0
        ? fields.privilege > privilege : requested > privilege || fields.privilege != privilege
    }
    if !fields.isCode || badRank || (isLong && fields.isLong && fields.isBig) { throw .protection(code) }
    guard fields.isPresent else { throw X86Fault(vector: 11, code: code) }
    if isLong && fields.isLong {
      if (target &+ 0x8000_0000_0000) >> 48 != 0 { throw .protection() }
    } else if target > fields.limit {
      throw .protection()
    }
    try mark(selector, raw, 1)
    return (raw, code | (isReturn ? requested : privilege))
  }

  private mutating func enterCode(_ selector: UInt64, _ loaded: (raw: UInt64, selector: UInt64)?) {
    if let loaded {
      let fields = X86DescriptorFields(raw: loaded.raw)
      setSegment(
        1, loaded.selector, base: fields.base, limit: fields.limit, attributes: fields.attributes | 1)
    } else {
      setReal(1, selector)
    }
    updateMode()
  }

  private mutating func slot(_ number: Int, _ offset: UInt64, _ width: Width) throws(X86Fault) -> UInt64 {
    let place = reg(.rsp) &+ offset &+ UInt64(number * width.bytes)
    return try load(2, place & stackWidth.mask, width.bytes)
  }

  private mutating func farReturn(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let hasFlags = i.pointee.operation == .iret
    let released = i.pointee.operandCount > 0 ? i.pointee.a.value : 0
    let slots = hasFlags ? 3 : 2
    let target = try slot(0, 0, width)
    let selector = try slot(1, 0, width) & 0xFFFF
    let newFlags = hasFlags ? try slot(2, 0, width) : 0
    let released2 = UInt64(slots * width.bytes) &+ released
    guard isProtected else {
      if target > reg(.csLimit) { throw .protection() }
      if hasFlags { try loadFlags(newFlags, width, resume: true) }
      moveStack(released2)
      enterCode(selector, nil)
      next = target
      return
    }
    if hasFlags {
      if flags & 0x4000 != 0 {
        if is64 { throw .protection() }
        throw .unsupported("return from a nested task")
      }
      if width != .bits16, !is64, newFlags & 0x2_0000 != 0, privilege == 0 {
        throw .unsupported("virtual 8086 mode")
      }
    }
    let level = selector & 3
    let isOuter = level > privilege
    let changesStack = isOuter || (hasFlags && is64)
    var pointer: UInt64 = 0
    var stack: UInt64 = 0
    if changesStack {
      pointer = try slot(slots, released, width)
      stack = try slot(slots + 1, released, width) & 0xFFFF
    }
    let loaded = try checkCode(selector, target, isReturn: true)
    // A refused stack segment or flag must leave nothing changed.
    let oldFlags = flags
    if hasFlags { try loadFlags(newFlags, width, resume: true) }
    if changesStack {
      do throws(X86Fault) {
        try loadStack(stack, level: level, is64: is64)
      } catch {
        flags = oldFlags
        throw error
      }
      // A 16-bit pointer clears the upper bits, as processors do it.
      setPart(.rsp, width == .bits16 ? (is64 ? .bits64 : .bits32) : width, pointer &+ released)
    } else {
      moveStack(released2)
    }
    if isOuter { dropInnerSegments(level) }
    enterCode(selector, loaded)
    next = target
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
