import MachineCore

/// Entering handlers by the interrupt table (Intel SDM vol. 2, INT n; vol. 3, 6.12 and 6.14).
extension X86Core {
  /// How a handler is entered.
  enum Entry {
    /// A fault of the instruction at the saved address.
    case fault
    /// An interrupt from outside, or INT1: no error code, no check of the gate's level.
    case interrupt
    /// A debug trap after an instruction.
    case trap
    /// INT, INT3, INTO: the gate must be open to the privilege level.
    case software
  }

  /// Enters the handler of a trap or interrupt: sets `next`, and saves `back` as the address to return to.
  /// Throws when the handler cannot be entered; then nothing is changed.
  mutating func enterHandler(
    vector: UInt64, code: UInt64, back: UInt64, entry: Entry
  ) throws(X86Fault) {
    if isProtected {
      try enterProtected(vector: vector, code: code, back: back, entry: entry)
    } else {
      guard model == .i8086 || vector << 2 &+ 3 <= reg(.idtrLimit) else {
        throw .protection(vector << 3 | 2)
      }
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
    // Frames are no accesses of the program.
    let isWatched = isWatching
    isWatching = false
    defer { isWatching = isWatched }
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

  /// A gate of the interrupt table and the code segment behind it.
  private struct Gate {
    var isWide: Bool
    var isTrap: Bool
    var stackTable: UInt64
    var target: UInt64
    var segment: X86LoadedSegment
    var fields: X86DescriptorFields
  }

  /// Reads and checks the gate and its code segment, in the manual's order.
  private mutating func gate(
    _ vector: UInt64, entry: Entry, external: UInt64
  ) throws(X86Fault) -> Gate {
    let here = vector << 3 | 2 | external
    let size: UInt64 = isLong ? 16 : 8
    guard vector &* size &+ size &- 1 <= reg(.idtrLimit) else { throw .protection(here) }
    let place = reg(.idtrBase) &+ vector &* size
    let raw = try systemLoad(place, 8)
    let high = isLong ? try systemLoad(place &+ 8, 8) : 0
    let type = raw >> 40 & 0x1F
    let isTask = type == 5 && !isLong
    guard isTask || type & 0x1E == 0xE || (type & 0x1E == 6 && !isLong) else { throw .protection(here) }
    if entry == .software, raw >> 45 & 3 < privilege { throw .protection(here) }
    guard raw >> 47 & 1 != 0 else { throw X86Fault(vector: 11, code: here) }
    if isTask { throw .unsupported("hardware task switch") }
    let selector = raw >> 16 & 0xFFFF
    guard selector & 0xFFFC != 0 else { throw .protection(external) }
    let code = selector & 0xFFFC | external
    let rawCode = try descriptor(selector, external: external)
    let fields = X86DescriptorFields(raw: rawCode)
    if !fields.isCode || fields.privilege > privilege { throw .protection(code) }
    if isLong, !fields.isLong || fields.isBig { throw .protection(code) }
    guard fields.isPresent else { throw X86Fault(vector: 11, code: code) }
    let isWide = type & 8 != 0
    var target = raw & 0xFFFF
    if isWide { target |= raw >> 32 & 0xFFFF_0000 }
    if isLong { target |= high << 32 }
    return Gate(
      isWide: isWide, isTrap: type & 1 != 0, stackTable: isLong ? raw >> 32 & 7 : 0, target: target,
      segment: X86LoadedSegment(selector: selector, raw: rawCode), fields: fields)
  }

  private mutating func enterProtected(
    vector: UInt64, code: UInt64, back: UInt64, entry: Entry
  ) throws(X86Fault) {
    let external: UInt64 = entry == .software ? 0 : 1
    let gate = try gate(vector, entry: entry, external: external)
    let isInner = !gate.fields.isConforming && gate.fields.privilege < privilege
    if isVirtual, !isInner || gate.fields.privilege != 0 {
      throw .protection(gate.segment.selector & 0xFFFC | external)
    }
    let level = isInner ? gate.fields.privilege : privilege

    var stack = currentStack
    var pointer = reg(.rsp)
    if isLong {
      if gate.stackTable != 0 {
        pointer = try innerPointer(0x1C &+ gate.stackTable << 3, external: external)
      } else if isInner {
        pointer = try innerPointer(4 &+ level << 3, external: external)
      }
      pointer &= ~15
      if isInner { stack = nullStack(level) }
    } else if isInner {
      (stack, pointer) = try innerStack(level, external: external)
    }
    var frame = X86Frame(
      stack: stack, pointer: pointer, bytes: isLong ? 8 : gate.isWide ? 4 : 2, isLong: isLong,
      isUser: level == 3)
    if isVirtual {
      for register in [X86Register.gs, .fs, .ds, .es] { frame.push(reg(register)) }
    }
    if isInner || isLong {
      frame.push(reg(.ss))
      frame.push(reg(.rsp))
    }
    frame.push(savedFlags(vector, code, entry))
    frame.push(reg(.cs))
    frame.push(back)
    let hasCode = vector == 8 || (10...14).contains(vector) || vector == 17
    if hasCode, entry == .fault { frame.push(code) }

    guard frame.hasRoom else {
      throw X86Fault(vector: 12, code: (isInner && !isLong ? stack.selector & 0xFFFC : 0) | external)
    }
    try probe(frame)
    if isLong ? (gate.target &+ 0x8000_0000_0000) >> 48 != 0 : gate.target > gate.fields.limit {
      throw .protection(external)
    }
    try mark(gate.segment.selector, gate.segment.raw, 1)
    if isInner, !isLong { try mark(stack.selector, stack.raw, 1) }
    try write(frame)

    if isVirtual {
      for number in [0, 3, 4, 5] { setSegment(number, 0, base: 0, limit: 0, attributes: 0) }
    }
    load(1, gate.segment, selector: gate.segment.selector & ~3 | level)
    if isInner { load(2, stack, selector: stack.selector) }
    if isInner || isLong {
      set(.rsp, frame.finalPointer)
    } else {
      setPart(.rsp, stackWidth, frame.finalPointer)
    }
    // TF, NT, RF and VM go; an interrupt gate takes IF too.
    flags &= ~(gate.isTrap ? 0x3_4100 : 0x3_4300)
    next = gate.target
    updateMode()
  }

  /// The flags as a handler finds them: RF is set for faults, but not for those of breakpoints, so that
  /// the instruction is begun again without meeting them (Intel SDM vol. 3, 18.3.1.1).
  private func savedFlags(_ vector: UInt64, _ code: UInt64, _ entry: Entry) -> UInt64 {
    guard entry == .fault else { return flags | 2 }
    let isFault =
      switch vector {
      case 0, 5, 6, 7, 10...14, 16, 17, 19: true
      case 1: code & Self.debugGeneralDetect != 0
      default: false
      }
    return flags | (isFault ? X86Flags.resume.rawValue | 2 : 2)
  }

  // MARK: Faults during delivery

  /// Contributory exceptions and page faults; the rest is benign (Intel SDM vol. 3, table 6-5).
  private enum FaultClass { case benign, contributory, page }

  private func faultClass(_ vector: UInt64) -> FaultClass {
    switch vector {
    case 0, 10...13: .contributory
    case 14: .page
    default: .benign
    }
  }

  /// What came to be delivered in the end.
  struct Delivery {
    var vector: UInt64
    var value: UInt64
    var code: UInt64
    var entry: Entry
  }

  /// Enters the handler of an event, or that of the faults which doing so meets.
  ///
  /// - Returns: what was delivered; `nil` for a shutdown.
  mutating func deliverEvent(_ first: Delivery, back: UInt64) throws(X86Fault) -> Delivery? {
    var event = first
    while true {
      if event.vector == 14, event.entry == .fault { set(.cr2, event.value) }
      var fault = X86Fault(vector: 0xFF)
      do throws(X86Fault) {
        try enterHandler(vector: event.vector, code: event.code, back: back, entry: event.entry)
        return event
      } catch {
        fault = error
      }
      if fault.isUnsupported { throw fault }
      // The address counts even when a double fault or a shutdown follows (Intel SDM vol. 3, 6.15, #PF).
      if fault.vector == 14 { set(.cr2, fault.address) }
      let isException = event.entry == .fault
      if isException, event.vector == 8 { return nil }
      let old = isException ? faultClass(event.vector) : .benign
      let new = faultClass(UInt64(fault.vector))
      let isDouble = old == .contributory ? new == .contributory : old == .page && new != .benign
      event =
        isDouble
        ? Delivery(vector: 8, value: 0, code: 0, entry: .fault)
        : Delivery(
          vector: UInt64(fault.vector), value: fault.vector == 14 ? fault.address : fault.code,
          code: fault.code, entry: .fault)
    }
  }
}
