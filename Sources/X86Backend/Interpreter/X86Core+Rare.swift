import MachineCore
import Trace

/// Instructions that programs seldom use.
extension X86Core {
  // MARK: Interrupts

  /// INT, INT1, INT3, INTO: they complete, and save the address of the next instruction.
  mutating func softwareInterrupt(_ i: Instruction) throws(X86Fault) {
    var vector: UInt64
    var entry = Entry.software
    switch i.pointee.operation {
    case .int:
      if isVirtual, flags >> 12 & 3 != 3 { throw .protection() }
      vector = i.pointee.a.value & 0xFF
    case .int1: (vector, entry) = (1, .interrupt)
    case .int3: vector = 3
    default:
      guard flags & 0x800 != 0 else { return }
      vector = 4
    }
    try enterHandler(vector: vector, code: 0, back: next, entry: entry)
  }

  /// A divide error; the 8086 goes on to the handler as after INT 0.
  mutating func divideError() throws(X86Fault) {
    guard model == .i8086 else { throw X86Fault(vector: 0) }
    try enterHandler(vector: 0, code: 0, back: next, entry: .software)
  }

  mutating func checkBounds(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let segment = i.pointee.b.segment
    let place = address(i.pointee.b)
    let second = (place &+ UInt64(width.bytes)) & i.pointee.address.mask
    let lower = Self.signed(try load(segment, place, width.bytes), width)
    let upper = Self.signed(try load(segment, second, width.bytes), width)
    let index = Self.signed(try read(i.pointee.a), width)
    if index < lower || index > upper { throw X86Fault(vector: 5) }
  }

  // MARK: Frames

  /// ENTER with any nesting level; nothing is stored before everything is known to succeed.
  mutating func enterFrame(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let bytes = UInt64(width.bytes)
    let mask = stackWidth.mask
    let level = try read(i.pointee.b) & 31
    let frame = (reg(.rsp) &- bytes) & mask
    try probe(2, frame, Int(bytes))
    for slot in 0..<Int(level) where slot > 0 {
      try probe(2, (reg(.rbp) &- UInt64(slot) &* bytes) & mask, Int(bytes), .read)
      try probe(2, (frame &- UInt64(slot) &* bytes) & mask, Int(bytes))
    }
    let last = (frame &- level &* bytes) & mask
    if level > 0 { try probe(2, last, Int(bytes)) }
    let room = (last &- i.pointee.a.value) & mask
    try probe(2, room, Int(bytes))
    try store(2, frame, reg(.rbp), Int(bytes))
    // In overlapping frames a level can be what was just pushed.
    for slot in 0..<Int(level) where slot > 0 {
      let outer = try load(2, (reg(.rbp) &- UInt64(slot) &* bytes) & mask, Int(bytes))
      try store(2, (frame &- UInt64(slot) &* bytes) & mask, outer, Int(bytes))
    }
    if level > 0 { try store(2, last, frame, Int(bytes)) }
    setPart(.rbp, width, frame)
    setPart(.rsp, stackWidth, room)
  }

  // MARK: Bits

  /// SETMO of the 8086: all ones, unless the count is zero.
  mutating func setOnes(_ i: Instruction) throws(X86Fault) {
    let value = try read(i.pointee.a)
    guard try read(i.pointee.b) & 0xFF != 0 else {
      try write(i.pointee.a, value)
      return
    }
    try write(i.pointee.a, i.pointee.width.mask)
    setArithmetic(Self.resultBits(i.pointee.width.mask, i.pointee.width))
  }

  /// CRC-32C of the operand's bytes, lowest first.
  mutating func checksum(_ i: Instruction) throws(X86Fault) {
    var sum = UInt32(truncatingIfNeeded: try read(i.pointee.a))
    let data = try read(i.pointee.b)
    for byte in 0..<i.pointee.width.bytes {
      sum ^= UInt32(truncatingIfNeeded: data >> UInt64(byte * 8) & 0xFF)
      for _ in 0..<8 { sum = sum & 1 != 0 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
    }
    writeRegister(i.pointee.a, UInt64(sum))
  }

  // MARK: Selectors

  mutating func testSegment(_ i: Instruction) throws(X86Fault) {
    if i.pointee.operation == .arpl {
      let old = try read(i.pointee.a)
      let rank = try read(i.pointee.b) & 3
      let isRaised = old & 3 < rank
      if isRaised { try write(i.pointee.a, old & ~3 | rank) }
      flags = isRaised ? flags | 0x40 : flags & ~0x40
      return
    }
    let isVerify = i.pointee.operation == .verr || i.pointee.operation == .verw
    let selector = try read(isVerify ? i.pointee.a : i.pointee.b) & 0xFFFF
    var isValid = false
    if let raw = try descriptorIfAny(selector) {
      let fields = X86DescriptorFields(raw: raw)
      let isReachable =
        !fields.isSystem && fields.isConforming && fields.isCode
        || (fields.privilege >= privilege && fields.privilege >= selector & 3)
      switch i.pointee.operation {
      case .verr: isValid = isReachable && !fields.isSystem && fields.type & 10 != 8
      case .verw: isValid = isReachable && !fields.isSystem && fields.type & 10 == 2
      case .lar:
        let types: [UInt64] = isLong ? [2, 9, 11, 12] : [1, 2, 3, 4, 5, 9, 11, 12]
        isValid = isReachable && (!fields.isSystem || types.contains(fields.type))
        if isValid { writeRegister(i.pointee.a, raw >> 32 & 0xF0_FF00) }
      default:
        let types: [UInt64] = isLong ? [2, 9, 11] : [1, 2, 3, 9, 11]
        isValid = isReachable && (!fields.isSystem || types.contains(fields.type))
        if isValid { writeRegister(i.pointee.a, fields.limit) }
      }
    }
    flags = isValid ? flags | 0x40 : flags & ~0x40
  }
}
