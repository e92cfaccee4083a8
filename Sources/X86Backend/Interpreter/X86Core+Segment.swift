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

  /// Loads a register as real and virtual-8086 mode do: limit and attributes stay.
  func loadReal(_ number: Int, _ selector: UInt64) {
    // SAFETY: as above.
    r[X86Register.es.index + number] = selector
    r[X86Register.esBase.index + number] = selector << 4
  }

  /// Loads a register on the way into virtual-8086 mode (Intel SDM vol. 3, 21.2.1).
  func loadVirtual(_ number: Int, _ selector: UInt64) {
    setSegment(number, selector, base: selector << 4, limit: 0xFFFF, attributes: 0xF3)
  }

  func load(_ number: Int, _ segment: X86LoadedSegment, selector: UInt64) {
    setSegment(
      number, selector, base: segment.base, limit: segment.limit, attributes: segment.attributes)
  }

  // MARK: Descriptor tables

  private func place(_ selector: UInt64, _ offset: UInt64) -> UInt64 {
    let base = selector & 4 != 0 ? reg(.ldtrBase) : reg(.gdtrBase)
    let place = base &+ (selector & 0xFFF8) &+ offset
    return wrapped(place)
  }

  /// The descriptor of a selector.
  ///
  /// - Parameters:
  ///   - vector: the fault for a selector outside its table.
  ///   - external: the EXT bit of its error code.
  mutating func descriptor(
    _ selector: UInt64, offset: UInt64 = 0, vector: UInt8 = 13, external: UInt64 = 0
  ) throws(X86Fault) -> UInt64 {
    let isLocal = selector & 4 != 0
    let limit = isLocal ? reg(.ldtrLimit) : reg(.gdtrLimit)
    if isLocal && reg(.ldtrAttributes) & 0x80 == 0 || (selector & 0xFFF8) &+ offset &+ 7 > limit {
      throw X86Fault(vector: vector, code: selector & 0xFFFC | external)
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
    guard usesDescriptors else {
      loadReal(number, selector)
      updateMode()
      return
    }
    if number == 2 {
      if selector & 0xFFFC == 0, is64, privilege != 3, selector == privilege {
        load(2, nullStack(privilege), selector: selector)
      } else {
        let stack = try checkStack(selector, level: privilege)
        try mark(selector, stack.raw, 1)
        load(2, stack, selector: selector)
      }
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

  /// Checks the stack segment for a privilege level.
  mutating func checkStack(_ selector: UInt64, level: UInt64) throws(X86Fault) -> X86LoadedSegment {
    guard selector & 0xFFFC != 0 else { throw .protection() }
    let raw = try descriptor(selector)
    let fields = X86DescriptorFields(raw: raw)
    if selector & 3 != level || fields.privilege != level || fields.isSystem || fields.type & 10 != 2 {
      throw .protection(selector & 0xFFFC)
    }
    guard fields.isPresent else { throw X86Fault(vector: 12, code: selector & 0xFFFC) }
    return X86LoadedSegment(selector: selector, raw: raw)
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
      // An available task-state segment, of 16 bits only outside long mode; a local descriptor table.
      let type = raw >> 40 & 0x1F
      guard isTask ? type == 9 || (type == 1 && !isLong) : type == 2 else { throw .protection(code) }
      guard fields.isPresent else { throw X86Fault(vector: 11, code: code) }
      let high = isLong ? try descriptor(selector, offset: 8) : 0
      if isLong, high >> 40 & 0x1F != 0 || !isCanonical(fields.base | high << 32) {
        throw .protection(code)
      }
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
    case .movToSegment:
      try loadSegment(number, read(i.pointee.b))
      if number == 2 { castShadow(1) }
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
      if number == 2 { castShadow(1) }
      setPart(.rsp, pointerWidth, reg(.rsp) &+ UInt64(width.bytes))
    case .ldt, .tr:
      guard privilege == 0 else { throw .protection() }
      try loadTable(i.pointee.operation == .tr, read(i.pointee.a))
    case .storeTable:
      try checkUserInstruction()
      try write(i.pointee.a, i.pointee.condition == 1 ? reg(.tr) : reg(.ldtr))
    case .jmpFar, .callFar: try farBranch(i)
    default: try farReturn(i)
    }
  }
}
