import MachineCore

extension X86Core {
  /// How a handler is entered.
  enum Entry {
    /// A fault of the instruction at the saved address.
    case fault
    /// An interrupt from outside, or a debug trap: no error code, no check of the gate's level.
    case interrupt
    /// INT, INT3, INTO: the gate must be open to the privilege level.
    case software
  }

  /// Enters the handler of a trap or interrupt: sets `next`, and saves `back` as the address to return to.
  /// Throws when the handler cannot be entered: INT faults then, and for a trap the processor shuts down.
  mutating func enterHandler(
    vector: UInt64, value: UInt64, code: UInt64, back: UInt64, entry: Entry
  ) throws(X86Fault) {
    let refusal = X86Fault.protection(vector << 3 | 2)
    if isLong {
      try enterLong(vector: vector, value: value, code: code, back: back, entry: entry)
    } else if isProtected {
      guard vector << 3 &+ 7 <= reg(.idtrLimit) else { throw refusal }
      throw .unsupported("delivery of a trap in 32-bit protected mode")
    } else {
      guard model == .i8086 || vector << 2 &+ 3 <= reg(.idtrLimit) else { throw refusal }
      try enterReal(vector, back)
    }
  }

  private mutating func enterReal(_ vector: UInt64, _ back: UInt64) throws(X86Fault) {
    let entry = try systemLoad(reg(.idtrBase) &+ vector << 2, 4)
    let pointer = reg(.rsp)
    let places = ((pointer &- 2) & 0xFFFF, (pointer &- 4) & 0xFFFF, (pointer &- 6) & 0xFFFF)
    try probe(2, places.0, 2)
    try probe(2, places.1, 2)
    try probe(2, places.2, 2)
    try store(2, places.0, flags | model.storedOnes, 2)
    try store(2, places.1, reg(.cs), 2)
    try store(2, places.2, back, 2)
    setPart(.rsp, .bits16, pointer &- 6)
    flags &= ~0x4_0300
    set(.cs, entry >> 16)
    set(.csBase, (entry >> 16) << 4)
    next = entry & 0xFFFF
    updateMode()
  }

  private mutating func enterLong(
    vector: UInt64, value: UInt64, code: UInt64, back: UInt64, entry: Entry
  ) throws(X86Fault) {
    let shutdown = X86Fault.protection(vector << 3 | 2)
    guard vector << 4 &+ 15 <= reg(.idtrLimit) else { throw shutdown }
    let place = reg(.idtrBase) &+ vector << 4
    let gate = try systemLoad(place, 8)
    let gateHigh = try systemLoad(place &+ 8, 8)
    guard (gate >> 40) & 0x1E == 0xE, (gate >> 47) & 1 != 0 else { throw shutdown }
    if entry == .software, gate >> 45 & 3 < privilege { throw shutdown }
    let selector = gate >> 16 & 0xFFFC
    let raw = try descriptor(selector)
    let fields = X86DescriptorFields(raw: raw)
    guard fields.isCode, fields.isPresent, fields.isLong, fields.privilege <= privilege else {
      throw shutdown
    }
    let isInner = fields.type & 4 == 0 && fields.privilege < privilege
    let level = isInner ? fields.privilege : privilege
    var pointer = reg(.rsp)
    let table = gate >> 32 & 7
    if table != 0 || isInner {
      let offset = table != 0 ? 0x1C &+ table << 3 : 4 &+ fields.privilege << 3
      guard offset &+ 7 <= reg(.trLimit) else { throw shutdown }
      pointer = try systemLoad(reg(.trBase) &+ offset, 8)
    }
    pointer &= ~15
    let target = gate & 0xFFFF | (gate >> 32) & 0xFFFF_0000 | gateHigh << 32
    guard (target &+ 0x8000_0000_0000) >> 48 == 0 else { throw shutdown }
    let isUser = level == 3
    try pushLong(&pointer, reg(.ss), isUser)
    try pushLong(&pointer, reg(.rsp), isUser)
    let resume = entry == .fault && X86System.isFault(vector) ? X86Flags.resume.rawValue : 0
    try pushLong(&pointer, flags | resume, isUser)
    try pushLong(&pointer, reg(.cs), isUser)
    try pushLong(&pointer, back, isUser)
    let hasCode = vector == 8 || (10...14).contains(vector) || vector == 17
    if hasCode, entry == .fault { try pushLong(&pointer, code, isUser) }
    try mark(selector, raw, 1)
    setSegment(1, selector | level, base: fields.base, limit: fields.limit, attributes: fields.attributes | 1)
    if isInner { setSegment(2, level, base: 0, limit: 0, attributes: level << 5) }
    set(.rsp, pointer)
    // TF, NT, RF and VM go; an interrupt gate takes IF too.
    flags &= ~(gate >> 40 & 1 != 0 ? 0x3_4100 : 0x3_4300)
    next = target
    if vector == 14, entry == .fault { set(.cr2, value) }
    updateMode()
  }

  private mutating func pushLong(_ pointer: inout UInt64, _ value: UInt64, _ isUser: Bool) throws(X86Fault) {
    let next = pointer &- 8
    writePhysical(try physical(next, .write, isUser: isUser), value, 8)
    pointer = next
  }
}
