import MachineCore

extension X86Core {
  typealias Instruction = UnsafeMutablePointer<X86CachedInstruction>

  // MARK: Operands

  /// The effective address of a memory operand.
  @inline(__always) func address(_ operand: Operand) -> UInt64 {
    // SAFETY: operands were bound to slots of the register file.
    let base = r[Int(operand.register)]
    let index = r[Int(operand.index)] &<< UInt64(operand.shift)
    return (base &+ index &+ operand.value) & operand.addressWidth.mask
  }

  /// An operand's value.
  @inline(__always) mutating func read(_ operand: Operand) throws(X86Fault) -> UInt64 {
    switch operand.kind {
    // SAFETY: as above.
    case .register: (r[Int(operand.register)] &>> UInt64(operand.shift)) & operand.width.mask
    case .immediate: operand.value & operand.width.mask
    case .memory: try load(operand.segment, address(operand), operand.width.bytes)
    case .none: 0
    }
  }

  /// The value of an operand that is written afterwards: its place must be open to writing from the start.
  @inline(__always) mutating func readToChange(_ operand: Operand) throws(X86Fault) -> UInt64 {
    guard operand.kind == .memory else { return try read(operand) }
    return try load(operand.segment, address(operand), operand.width.bytes, for: .write)
  }

  /// Writes an operand.
  @inline(__always) mutating func write(_ operand: Operand, _ value: UInt64) throws(X86Fault) {
    if operand.kind == .memory {
      try store(operand.segment, address(operand), value, operand.width.bytes)
      return
    }
    writeRegister(operand, value)
  }

  @inline(__always) func writeRegister(_ operand: Operand, _ value: UInt64) {
    let index = Int(operand.register)
    let mask = operand.width.mask
    if operand.merges {
      let shift = UInt64(operand.shift)
      r[index] = (r[index] & ~(mask &<< shift)) | (value & mask) &<< shift
    } else {
      r[index] = value & mask
    }
  }

  // MARK: The instructions

  /// Carries out one instruction; `next` is where execution goes on. A fault leaves nothing changed.
  @inline(__always) mutating func execute(_ i: Instruction) throws(X86Fault) {
    // SAFETY: the entry stays in place; operations copy from it before they store.
    let width = i.pointee.width
    switch i.pointee.operation {
    case .mov, .movzx: try write(i.pointee.a, read(i.pointee.b))
    case .movsx:
      let value = try read(i.pointee.b)
      try write(i.pointee.a, UInt64(bitPattern: Self.signed(value, i.pointee.b.width)))
    case .lea: writeRegister(i.pointee.a, address(i.pointee.b))
    case .add: try binary(i) { Self.add($0, $1, 0, $2) }
    case .sub: try binary(i) { Self.subtract($0, $1, 0, $2) }
    case .adc:
      let carry = flags & 1
      try binary(i) { Self.add($0, $1, carry, $2) }
    case .sbb:
      let carry = flags & 1
      try binary(i) { Self.subtract($0, $1, carry, $2) }
    case .and: try binary(i) { ($0 & $1, Self.resultBits($0 & $1, $2)) }
    case .or: try binary(i) { ($0 | $1, Self.resultBits($0 | $1, $2)) }
    case .xor: try binary(i) { ($0 ^ $1, Self.resultBits($0 ^ $1, $2)) }
    case .cmp:
      let a = try read(i.pointee.a)
      let b = try read(i.pointee.b)
      setArithmetic(Self.subtract(a, b, 0, width).1)
    case .test:
      let value = try read(i.pointee.a) & read(i.pointee.b)
      setArithmetic(Self.resultBits(value, width))
    case .inc:
      let (value, bits) = Self.add(try readToChange(i.pointee.a), 1, 0, width)
      try write(i.pointee.a, value)
      setArithmetic(bits & ~1 | flags & 1)
    case .dec:
      let (value, bits) = Self.subtract(try readToChange(i.pointee.a), 1, 0, width)
      try write(i.pointee.a, value)
      setArithmetic(bits & ~1 | flags & 1)
    case .jcc:
      if holds(i.pointee.condition) { try branch(next &+ i.pointee.a.value, width) }
    case .jmp:
      let target = try i.pointee.isRelative ? next &+ i.pointee.a.value : read(i.pointee.a)
      try branch(target, width)
    case .push: try push(read(i.pointee.a), width)
    case .pop:
      let value = try load(2, part(.rsp, stackWidth), width.bytes)
      if is286 {
        // The 80286 has moved the stack pointer already when the store faults.
        keep(.rsp)
        moveStack(UInt64(width.bytes))
        try write(i.pointee.a, value)
        settle()
      } else if i.pointee.a.kind == .memory {
        try write(i.pointee.a, value)
        moveStack(UInt64(width.bytes))
      } else {
        moveStack(UInt64(width.bytes))
        writeRegister(i.pointee.a, value)
      }
    case .call:
      let target = try i.pointee.isRelative ? next &+ i.pointee.a.value : read(i.pointee.a)
      let back = next
      do throws(X86Fault) {
        try checkTarget(target & width.mask, width)
      } catch {
        // In 64-bit mode the stack's faults come first.
        if width == .bits64 { try probe(2, reg(.rsp) &- 8, 8) }
        throw error
      }
      try push(back, width)
      next = target & width.mask
    case .ret:
      let target = try load(2, part(.rsp, stackWidth), width.bytes)
      try branch(target, width)
      moveStack(UInt64(width.bytes) &+ (i.pointee.operandCount > 0 ? i.pointee.a.value : 0))
    case .shl, .shr, .sar: try shift(i)
    case .cmov:
      let value = try read(i.pointee.b)
      let old = try read(i.pointee.a)
      writeRegister(i.pointee.a, holds(i.pointee.condition) ? value : old)
    case .set: try write(i.pointee.a, holds(i.pointee.condition) ? 1 : 0)
    case .imulTruncating: try multiplyTruncating(i)
    case .movs, .stos, .lods, .scas, .cmps, .ins, .outs: try string(i)
    case .nop: break
    default: try executeRare(i)
    }
  }

  /// A two-operand instruction whose function gives result and flags.
  @inline(__always)
  private mutating func binary(
    _ i: Instruction, _ function: (UInt64, UInt64, Width) -> (UInt64, UInt64)
  ) throws(X86Fault) {
    let a = try readToChange(i.pointee.a)
    let b = try read(i.pointee.b)
    let (value, bits) = function(a, b, i.pointee.width)
    try write(i.pointee.a, value)
    setArithmetic(bits)
  }

  /// Everything that is not worth a place in the hot switch.
  @inline(never) private mutating func executeRare(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    switch i.pointee.operation {
    case .mov, .movzx, .movsx, .lea, .add, .sub, .adc, .sbb, .and, .or, .xor, .cmp, .test, .inc, .dec, .jcc,
      .jmp,
      .push, .pop, .call, .ret, .shl, .shr, .sar, .cmov, .set, .imulTruncating, .movs, .stos, .lods, .scas,
      .cmps,
      .ins, .outs, .nop:
      break
    case .xchg:
      let a = try readToChange(i.pointee.a)
      let b = try read(i.pointee.b)
      try write(i.pointee.a, b)
      writeRegister(i.pointee.b, a)
    case .bswap:
      let value = try read(i.pointee.a)
      let swapped =
        width == .bits64
        ? value.byteSwapped : width == .bits32 ? UInt64(UInt32(truncatingIfNeeded: value).byteSwapped) : 0
      writeRegister(i.pointee.a, swapped)
    case .movbe:
      let value = try read(i.pointee.b).byteSwapped >> UInt64(64 - width.bytes * 8)
      try write(i.pointee.a, value)
    case .xlat:
      let place = (reg(.rbx) &+ reg(.rax) & 0xFF) & i.pointee.address.mask
      setPart(.rax, .bits8, try load(i.pointee.a.segment, place, 1))
    case .lahf: set(.rax, reg(.rax) & ~0xFF00 | (flags & 0xD5 | 2) << 8)
    case .sahf: flags = flags & ~0xD5 | reg(.rax) >> 8 & 0xD5
    case .convertAccumulator:
      let half = width == .bits64 ? Width.bits32 : width == .bits32 ? .bits16 : .bits8
      setPart(.rax, width, UInt64(bitPattern: Self.signed(reg(.rax), half)))
    case .convertDouble:
      setPart(.rdx, width, Self.signed(reg(.rax), width) < 0 ? .max : 0)
    case .neg:
      let value = try readToChange(i.pointee.a)
      let (result, bits) = Self.subtract(0, value, 0, width)
      try write(i.pointee.a, result)
      setArithmetic(bits)
    case .not: try write(i.pointee.a, ~readToChange(i.pointee.a))
    case .xadd:
      let a = try readToChange(i.pointee.a)
      let b = try read(i.pointee.b)
      let (sum, bits) = Self.add(a, b, 0, width)
      // The source first: with one register for both, the sum stays.
      if i.pointee.a.kind == .memory {
        try write(i.pointee.a, sum)
        writeRegister(i.pointee.b, a)
      } else {
        writeRegister(i.pointee.b, a)
        writeRegister(i.pointee.a, sum)
      }
      setArithmetic(bits)
    case .cmpxchg: try compareExchange(i)
    case .cmpxchg8b: try compareExchangeDouble(i)
    case .pushStack: try push(reg(.rsp) &- UInt64(width.bytes), width)
    case .salc: setPart(.rax, .bits8, 0 &- (flags & 1))
    case .setmo: try setOnes(i)
    case .crc32: try checksum(i)
    case .int, .int1, .int3, .into: try softwareInterrupt(i)
    case .bound: try checkBounds(i)
    case .arpl, .lar, .lsl, .verr, .verw: try testSegment(i)
    case .mul, .imul: try multiply(i)
    case .div, .idiv: try divide(i)
    case .daa, .das, .aaa, .aas, .aam, .aad: try decimal(i)
    case .rol, .ror, .rcl, .rcr: try rotate(i)
    case .shld, .shrd: try doubleShift(i)
    case .bt, .bts, .btr, .btc: try bitTest(i)
    case .bsf, .bsr, .popcnt, .tzcnt, .lzcnt: try scan(i)
    case .clc: flags &= ~1
    case .stc: flags |= 1
    case .cmc: flags ^= 1
    case .cld: flags &= ~0x400
    case .std: flags |= 0x400
    case .cli, .sti:
      guard privilege <= flags >> 12 & 3 else { throw .protection() }
      if i.pointee.operation == .sti, flags & 0x200 == 0 { castShadow(2) }
      flags = i.pointee.operation == .sti ? flags | 0x200 : flags & ~0x200
    case .in:
      let port = try read(i.pointee.b)
      try checkPort(port, width.bytes)
      watchPort(port, width.bytes)
      setPart(.rax, width, input(.port, port, width.bytes))
    case .out:
      let port = try read(i.pointee.a)
      try checkPort(port, width.bytes)
      watchPort(port, width.bytes)
      output(.port, port, reg(.rax), width.bytes)
    case .pusha, .popa, .pushf, .popf, .enter, .leave, .loop, .loope, .loopne, .jcxz: try stackOrLoop(i)
    case .movFromSegment, .movToSegment, .pushSegment, .popSegment, .ldt, .tr, .storeTable, .loadFar,
      .jmpFar, .callFar,
      .retFar, .iret:
      try segmentOperation(i)
    case .movFromDebug, .movToDebug: try debugRegister(i)
    case .hlt, .ud, .movFromControl, .movToControl, .lgdt, .lidt, .sgdt, .sidt, .smsw, .lmsw, .clts, .invlpg,
      .wbinvd, .syscall, .sysret, .sysenter, .sysexit, .swapgs, .rdmsr, .wrmsr, .cpuid, .rdtsc, .rdtscp,
      .rdpmc, .fwait, .fninit, .clflush, .tooLong:
      try system(i)
    }
  }

  // MARK: Branches and stack

  /// The target of a near branch must lie in the code segment, or be canonical.
  @inline(__always) func checkTarget(_ target: UInt64, _ width: Width) throws(X86Fault) {
    if width == .bits64 {
      if (target &+ 0x8000_0000_0000) >> 48 != 0 { throw .protection() }
    } else if target > reg(.csLimit) {
      throw .protection()
    }
  }

  @inline(__always) mutating func branch(_ target: UInt64, _ width: Width) throws(X86Fault) {
    let target = target & width.mask
    try checkTarget(target, width)
    next = target
  }

  @inline(__always) func moveStack(_ amount: UInt64) {
    setPart(.rsp, stackWidth, reg(.rsp) &+ amount)
  }

  @inline(__always) mutating func push(_ value: UInt64, _ width: Width) throws(X86Fault) {
    let bytes = width.bytes
    try store(2, (reg(.rsp) &- UInt64(bytes)) & stackWidth.mask, value, bytes)
    moveStack(0 &- UInt64(bytes))
  }

  private mutating func stackOrLoop(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let bytes = UInt64(width.bytes)
    switch i.pointee.operation {
    case .pusha where model.keepsPartialWork: try pushAllStepwise(width)
    case .pusha:
      let top = reg(.rsp)
      for slot in 1...8 as ClosedRange<UInt64> {
        try probe(2, (top &- slot &* bytes) & stackWidth.mask, Int(bytes))
      }
      for slot in 0..<8 {
        try store(2, (top &- UInt64(slot + 1) &* bytes) & stackWidth.mask, r[slot], Int(bytes))
      }
      moveStack(0 &- 8 &* bytes)
    case .popa where model == .i80386: try popAllStepwise(width)
    case .popa:
      var values: InlineArray<8, UInt64> = InlineArray(repeating: 0)
      for slot in 0..<8 where slot != 3 {
        values[slot] = try load(2, (reg(.rsp) &+ UInt64(slot) &* bytes) & stackWidth.mask, Int(bytes))
      }
      for (slot, register) in [X86Register.rdi, .rsi, .rbp, .rsp, .rbx, .rdx, .rcx, .rax].enumerated()
      where slot != 3 {
        setPart(register, width, values[slot])
      }
      moveStack(8 &* bytes)
    case .pushf:
      if isVirtual, flags >> 12 & 3 != 3 { throw .protection() }
      try push(flags & ~0x3_0000 | model.storedOnes, width)
    case .popf:
      if isVirtual, flags >> 12 & 3 != 3 { throw .protection() }
      let value = try load(2, part(.rsp, stackWidth), Int(bytes))
      loadFlags(value, width, resume: false)
      moveStack(bytes)
    case .enter where model.keepsPartialWork: try enterFrameStepwise(i)
    case .enter: try enterFrame(i)
    case .leave:
      let frame = part(.rbp, stackWidth)
      let value = try load(2, frame, Int(bytes))
      setPart(.rsp, stackWidth, frame &+ bytes)
      setPart(.rbp, width, value)
    case .jcxz:
      if part(.rcx, i.pointee.address) == 0 { try branch(next &+ i.pointee.a.value, width) }
    default:
      let count = (reg(.rcx) &- 1) & i.pointee.address.mask
      let zero = flags & 0x40 != 0
      let goes =
        count != 0 && (i.pointee.operation == .loop || zero == (i.pointee.operation == .loope))
      if goes { try branch(next &+ i.pointee.a.value, width) }
      setPart(.rcx, i.pointee.address, count)
    }
  }

  /// Loads the flags as POPF and IRET do.
  func loadFlags(_ value: UInt64, _ width: Width, resume: Bool) {
    var changed = model.writableFlags(isProtected: isProtected)
    if resume, model == .modern || model == .i80386 { changed |= 0x1_0000 }
    if width == .bits16 { changed &= 0xFFFF }
    if privilege > flags >> 12 & 3 { changed &= ~0x200 }
    if privilege != 0 { changed &= ~0x3000 }
    var kept = flags & ~changed
    if width != .bits16 { kept &= ~0x1_0000 }
    flags = kept | value & changed
  }
}
