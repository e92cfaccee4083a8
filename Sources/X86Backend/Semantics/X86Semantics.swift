import MachineCore

/// Meaning of a row of the instruction table in one form, as effects.
///
/// Locals 0–7 hold operands and results; 8 and up are for longer operations.
struct X86Semantics {
  let row: X86Row
  let form: X86Form
  var model = X86CPUModel.modern

  /// Operand width.
  var width: Width { form.operand }
  /// Operand width in bits.
  var bits: UInt64 { UInt64(form.operand.rawValue) }

  /// The first operand, the second, and the result, by convention.
  static let a: Local = 0
  static let b: Local = 1
  static let result: Local = 2
  var a: Expression { .local(Self.a) }
  var b: Expression { .local(Self.b) }
  var result: Expression { .local(Self.result) }

  /// The effects, with the flags that the operation leaves undefined in every case.
  var effects: [Effect] {
    var effects = writeChecks + body
    let note = X86OperationNote[row.operation]
    if !note.undefined.isEmpty, !undefinesConditionally {
      effects.append(.undefine(X86Register.rflags.id, k(note.undefined.rawValue)))
    }
    return effects
  }

  /// An instruction that reads its destination in memory in order to change it asks for the place once, as
  /// a write: what it may not write faults as a write does (Intel SDM vol. 3, 4.7: W/R of the error code
  /// tells the access that caused the fault).
  private var writeChecks: [Effect] {
    switch row.operation {
    case .add, .or, .adc, .sbb, .and, .sub, .xor, .inc, .dec, .neg, .not, .xadd, .xchg, .cmpxchg,
      .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .shld, .shrd, .bts, .btr, .btc:
      // Where there are no faults there is nothing to check; bit strings know their place later.
      if model == .i8086 || row.attributes.contains(.bitString) { return [] }
      switch row.operands.first {
      case .eb, .ew, .ed, .ev: return [.checkStore(.operand(0), .address(0), width)]
      default: return []
      }
    default: return []
    }
  }

  private var undefinesConditionally: Bool {
    switch row.operation {
    case .shl, .shr, .sar, .shld, .shrd, .rol, .ror, .rcl, .rcr, .daa, .das: true
    default: false
    }
  }

  private var body: [Effect] {
    switch row.operation {
    case .mov, .movzx, .movsx, .lea, .xchg, .bswap, .movbe, .xlat, .cmov, .set, .lahf, .sahf,
      .convertAccumulator, .convertDouble, .salc:
      return move
    case .push, .pushStack, .pop, .pusha, .popa, .pushf, .popf, .enter, .leave: return stack
    case .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .test, .inc, .dec, .neg, .not, .xadd, .cmpxchg,
      .cmpxchg8b:
      return arithmetic
    case .mul, .imul, .imulTruncating, .div, .idiv: return multiplication
    case .daa, .das, .aaa, .aas, .aam, .aad: return decimal
    case .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .shld, .shrd, .setmo: return shift
    case .bt, .bts, .btr, .btc, .bsf, .bsr, .popcnt, .tzcnt, .lzcnt, .crc32: return bitwise
    case .jcc, .jmp, .call, .ret, .loop, .loope, .loopne, .jcxz: return flow
    case .jmpFar, .callFar, .retFar, .iret: return farFlow
    case .int, .int1, .int3, .into, .bound: return softwareInterrupt
    case .movs, .stos, .lods, .scas, .cmps, .ins, .outs: return string
    case .clc, .stc, .cmc, .cld, .std, .cli, .sti, .nop: return flagOperation
    case .in, .out: return port
    case .movFromSegment, .movToSegment, .pushSegment, .popSegment, .ldt, .tr, .storeTable, .loadFar:
      return segment
    case .arpl, .lar, .lsl, .verr, .verw: return segmentTest
    case .hlt, .ud, .movFromControl, .movToControl, .lgdt, .lidt, .sgdt, .sidt, .smsw, .lmsw, .clts, .invlpg,
      .wbinvd, .syscall, .sysret, .sysenter, .sysexit, .swapgs, .rdmsr, .wrmsr, .cpuid, .rdtsc, .rdtscp,
      .rdpmc,
      .movFromDebug, .movToDebug, .fwait, .fninit, .clflush, .tooLong:
      return system
    }
  }
}

// MARK: - Building blocks

extension X86Semantics {
  /// Assigns the first two operands to their locals.
  var takeOperands: [Effect] { [.assign(Self.a, .operand(0)), .assign(Self.b, .operand(1))] }

  /// Sets the flags to the values (0 or 1), keeping the others.
  func setFlags(_ values: [(X86Flags, Expression)]) -> Effect {
    var mask: UInt64 = 0
    var sum: Expression?
    for (flag, value) in values {
      mask |= flag.rawValue
      let number = flag.rawValue.trailingZeroBitCount
      let term = number == 0 ? value : value << k(UInt64(number))
      sum = sum.map { $0 | term } ?? term
    }
    let kept = reg(.rflags) & k(~mask)
    return .write(X86Register.rflags.id, sum.map { kept | $0 } ?? kept)
  }

  /// Zero, sign and parity of a result of the operand width.
  func resultFlags(_ value: Expression) -> [(X86Flags, Expression)] {
    [
      (.zero, .unary(.isZero, value, width)), (.sign, value.bit(Int(bits) - 1)),
      (.parity, .unary(.parity8, value, .bits8)),
    ]
  }

  /// Writes part of a general register as instructions do: 32-bit parts clear the rest, smaller ones keep it.
  func write(_ register: X86Register, _ width: Width, _ value: Expression) -> Effect {
    switch width {
    case .bits64: .write(register.id, value)
    case .bits32: .write(register.id, value.low(.bits32))
    default: .write(register.id, (reg(register) & k(~width.mask)) | value.low(width))
    }
  }

  /// The accumulator's low part.
  func accumulator(_ width: Width) -> Expression { reg(.rax).low(width) }

  /// The condition of jcc, setcc and cmovcc: 1 if it holds.
  var condition: Expression {
    let flags = reg(.rflags)
    let base: Expression
    switch row.condition >> 1 {
    case 0: base = flags.bit(11)
    case 1: base = flags.bit(0)
    case 2: base = flags.bit(6)
    case 3: base = flags.bit(0) | flags.bit(6)
    case 4: base = flags.bit(7)
    case 5: base = flags.bit(2)
    case 6: base = flags.bit(7) ^ flags.bit(11)
    default: base = (flags.bit(7) ^ flags.bit(11)) | flags.bit(6)
    }
    return row.condition & 1 == 0 ? base : base ^ k(1)
  }

  /// The stack pointer plus `offset`, in the width of the stack pointer.
  func stackAddress(_ offset: Int) -> Expression {
    let moved = offset == 0 ? reg(.rsp) : reg(.rsp) + k(UInt64(bitPattern: Int64(offset)))
    return moved.low(form.stack)
  }

  /// Moves the stack pointer by `offset`.
  func moveStack(_ offset: Int) -> Effect {
    write(.rsp, form.stack, reg(.rsp) + k(UInt64(bitPattern: Int64(offset))))
  }

  /// Stores values of the operand width below the stack pointer, first value first, and moves it.
  func push(_ values: [Expression]) -> [Effect] {
    var effects: [Effect] = []
    for (index, value) in values.enumerated() {
      effects.append(
        .store(.virtual(segment: 2), stackAddress(-(index + 1) * width.bytes), value.low(width), width))
    }
    effects.append(moveStack(-values.count * width.bytes))
    return effects
  }

  /// The value of the operand width at `slot` operand widths above the stack pointer.
  func stackSlot(_ slot: Int) -> Expression {
    .load(.virtual(segment: 2), stackAddress(slot * width.bytes), width)
  }

  /// Continues at `target`, an offset in the code segment that must be valid there.
  func jump(_ target: Expression) -> [Effect] {
    let bad = width == .bits64 ? target.isNonCanonical : reg(.csLimit).isBelow(target)
    return [
      .when(bad, then: raise(X86Vector.protection), otherwise: [.write(X86Register.rip.id, target)])
    ]
  }

  /// Current privilege level.
  static var privilege: Expression { (reg(.ssAttributes) >> k(5)) & k(3) }

  /// General protection in virtual-8086 mode with IOPL below 3: PUSHF, POPF, INT n.
  var virtualSensitive: [Effect] {
    let level = (reg(.rflags) >> k(12)) & k(3)
    return [
      .when(X86System.isVirtual & level.differs(k(3)), then: raise(X86Vector.protection), otherwise: [])
    ]
  }

  /// General protection unless at privilege level 0, else the effects.
  func privileged(_ effects: [Effect]) -> [Effect] {
    [.when(Self.privilege, then: raise(X86Vector.protection), otherwise: effects)]
  }

  /// General protection unless the privilege level is at most the I/O privilege level.
  func ioPrivileged(_ effects: [Effect]) -> [Effect] {
    let level = (reg(.rflags) >> k(12)) & k(3)
    return [.when(level.isBelow(Self.privilege), then: raise(X86Vector.protection), otherwise: effects)]
  }
}
