import MachineCore

extension X86Core {
  /// The count of a shift or rotate.
  @inline(__always)
  private mutating func count(_ operand: Operand, _ width: Width) throws(X86Fault) -> UInt64 {
    // The 8086 takes all eight bits of the count.
    let count = try read(operand) & 0xFF
    return model == .i8086 ? count : count & (width == .bits64 ? 63 : 31)
  }

  mutating func shift(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let bits = UInt64(width.rawValue)
    let value = try readToChange(i.pointee.a)
    let count = try count(i.pointee.b, width)
    guard count != 0 else {
      try write(i.pointee.a, value)
      return
    }
    let result: UInt64
    let carry: UInt64
    var overflow: UInt64 = 0
    switch i.pointee.operation {
    case .shl:
      result = value << count & width.mask
      carry = count <= bits ? value >> (bits - count) & 1 : 0
      overflow = result >> (bits - 1) ^ carry
    case .shr:
      result = value >> count
      carry = count <= bits ? value >> (count - 1) & 1 : 0
      // Only a shift by one leaves the old sign as overflow.
      overflow = count == 1 ? value >> (bits - 1) : 0
    default:
      let extended = Self.signed(value, width)
      result = UInt64(bitPattern: extended >> Int64(count)) & width.mask
      carry = UInt64(bitPattern: extended >> Int64(min(count, 64) - 1)) & 1
    }
    try write(i.pointee.a, result)
    setArithmetic(Self.resultBits(result, width) | carry | overflow << 11)
  }

  mutating func rotate(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let bits = UInt64(width.rawValue)
    var value = try readToChange(i.pointee.a)
    let count = try count(i.pointee.b, width)
    guard count != 0 else {
      try write(i.pointee.a, value)
      return
    }
    var carry = flags & 1
    let top = bits - 1
    let overflow: UInt64
    switch i.pointee.operation {
    case .rol:
      let turns = count & top
      if turns != 0 { value = (value << turns | value >> (bits - turns)) & width.mask }
      carry = value & 1
      overflow = value >> top ^ carry
    case .ror:
      let turns = count & top
      if turns != 0 { value = (value >> turns | value << (bits - turns)) & width.mask }
      carry = value >> top
      overflow = (value >> top ^ value >> (top - 1)) & 1
    case .rcl:
      // One bit at a time, as the ring of value and carry turns.
      for _ in 0..<(count % (bits + 1)) {
        let out = value >> top
        value = (value << 1 | carry) & width.mask
        carry = out
      }
      overflow = value >> top ^ carry
    default:
      for _ in 0..<(count % (bits + 1)) {
        let out = value & 1
        value = value >> 1 | carry << top
        carry = out
      }
      overflow = (value >> top ^ value >> (top - 1)) & 1
    }
    try write(i.pointee.a, value)
    flags = flags & ~0x801 | carry | overflow << 11
  }

  mutating func doubleShift(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let bits = UInt64(width.rawValue)
    var value = try readToChange(i.pointee.a)
    let original = value
    var count = try count(i.pointee.c, width)
    var filler = try read(i.pointee.b)
    guard count != 0 else {
      try write(i.pointee.a, value)
      return
    }
    if count > bits {
      // A word shifted further than it is wide: what the processor does is not documented. The 80386 fills with
      // the source again, later ones with the destination.
      swap(&value, &filler)
      if model == .i80386 { filler = value }
      count -= bits
    }
    let result: UInt64
    let carry: UInt64
    if i.pointee.operation == .shld {
      result = (value << count | filler >> (bits - count)) & width.mask
      carry = value >> (bits - count) & 1
    } else {
      result = (value >> count | filler << (bits - count)) & width.mask
      carry = value >> (count - 1) & 1
    }
    let overflow = (original ^ result) >> (bits - 1)
    try write(i.pointee.a, result)
    setArithmetic(Self.resultBits(result, width) | carry | overflow << 11)
  }

  mutating func bitTest(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let bits = UInt64(width.rawValue)
    let offset = try read(i.pointee.b)
    let index = offset & (bits - 1)
    let value: UInt64
    var place: UInt64 = 0
    if i.pointee.isBitString {
      let bytes = Int64(width.bytes)
      let units = Self.signed(offset, width) >> Int64(bits.trailingZeroBitCount)
      place = (address(i.pointee.a) &+ UInt64(bitPattern: units &* bytes)) & i.pointee.address.mask
      value = try load(
        i.pointee.a.segment, place, width.bytes, for: i.pointee.operation == .bt ? .read : .write)
    } else {
      value = try i.pointee.operation == .bt ? read(i.pointee.a) : readToChange(i.pointee.a)
    }
    let mask: UInt64 = 1 << index
    let result: UInt64
    switch i.pointee.operation {
    case .bts: result = value | mask
    case .btr: result = value & ~mask
    case .btc: result = value ^ mask
    default: result = value
    }
    if i.pointee.operation != .bt {
      if i.pointee.isBitString {
        try store(i.pointee.a.segment, place, result, width.bytes)
      } else {
        try write(i.pointee.a, result)
      }
    }
    flags = flags & ~1 | value >> index & 1
  }

  mutating func scan(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let bits = UInt64(width.rawValue)
    let value = try read(i.pointee.b)
    let trailing = value == 0 ? bits : UInt64(value.trailingZeroBitCount)
    let leading = value == 0 ? bits : UInt64(value.leadingZeroBitCount) - (64 - bits)
    switch i.pointee.operation {
    case .bsf, .bsr:
      if value == 0 {
        flags |= 0x40
      } else {
        writeRegister(i.pointee.a, i.pointee.operation == .bsf ? trailing : bits - 1 - leading)
        flags &= ~0x40
      }
    case .popcnt:
      writeRegister(i.pointee.a, UInt64(value.nonzeroBitCount))
      setArithmetic(value == 0 ? 0x40 : 0)
    default:
      let result = i.pointee.operation == .tzcnt ? trailing : leading
      writeRegister(i.pointee.a, result)
      flags = flags & ~0x41 | (value == 0 ? 1 : 0) | (result == 0 ? 0x40 : 0)
    }
  }
}
