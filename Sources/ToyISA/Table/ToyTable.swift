internal import MachineCore

// Shorthand that keeps the rows short enough to read as a table.

private typealias E = Expression

private func arithmetic(_ operation: BinaryOperator) -> [Effect] {
  [.setOperand(0, .binary(operation, .operand(1), .operand(2), .bits32))]
}

private func shift(_ operation: BinaryOperator) -> [Effect] {
  let count = E.binary(.and, .operand(2), .constant(31), .bits32)
  return [.setOperand(0, .binary(operation, .operand(1), count, .bits32))]
}

private func divide(_ operation: BinaryOperator) -> [Effect] {
  [
    .when(
      .unary(.isZero, .operand(2), .bits32), then: [toyTrap(.divide, .constant(0))],
      otherwise: arithmetic(operation))
  ]
}

private func branch(_ condition: BinaryOperator, negated: Bool = false) -> [Effect] {
  let holds = E.binary(condition, .operand(0), .operand(1), .bits32)
  let target: [Effect] = [.write(ToyRegister.pc, .binary(.add, .pc, .operand(2), .bits32))]
  return [negated ? .when(holds, then: [], otherwise: target) : .when(holds, then: target, otherwise: [])]
}

private func aligned(_ address: Expression, _ width: Width, then effects: [Effect]) -> [Effect] {
  guard width != .bits8 else { return effects }
  let rest = E.binary(.and, address, .constant(UInt64(width.bytes - 1)), .bits32)
  return [.when(rest, then: [toyTrap(.alignment, address)], otherwise: effects)]
}

private func load(_ width: Width, _ extend: UnaryOperator? = nil) -> [Effect] {
  let datum = E.load(.virtual(segment: 0), .address(1), width)
  let value = extend.map { E.unary($0, datum, .bits32) } ?? datum
  return aligned(.address(1), width, then: [.setOperand(0, value)])
}

private func store(_ width: Width) -> [Effect] {
  aligned(.address(1), width, then: [.store(.virtual(segment: 0), .address(1), .operand(0), width)])
}

private func port(_ base: Int, _ number: Int) -> Expression {
  .binary(.and, .binary(.add, .operand(base), .operand(number), .bits32), .constant(0xFFFF), .bits32)
}

private func word(_ offset: UInt64) -> Expression {
  .load(.virtual(segment: 0), .binary(.add, .address(0), .constant(offset), .bits32), .bits32)
}

private func bit(_ number: UInt64, of value: Expression) -> Expression {
  .binary(.and, .binary(.shiftRightUnsigned, value, .constant(number), .bits32), .constant(1), .bits32)
}

private func link(_ register: Int) -> Effect { .setOperand(register, .nextPC) }

/// A trap effect of the toy processor.
func toyTrap(_ cause: ToyCause, _ value: Expression) -> Effect {
  .trap(.constant(UInt64(cause.rawValue)), value)
}

/// The word that holds mode, interrupt enable and paging as bits 0–2.
let toyFlagsWord: Expression = .binary(
  .or, .register(ToyRegister.mode),
  .binary(
    .or, .binary(.shiftLeft, .register(ToyRegister.interruptEnable), .constant(1), .bits32),
    .binary(.shiftLeft, .register(ToyRegister.paging), .constant(2), .bits32), .bits32), .bits32)

/// Effects that load a PSW from four words; each is read once, in this order. Uses locals 8 to 11.
func toyLoadPSW(flags: Expression, pc: Expression, base: Expression, bound: Expression) -> [Effect] {
  let wordMask = E.constant(0xFFFF_FFFC)
  return [
    .assign(8, flags), .assign(9, pc), .assign(10, base), .assign(11, bound),
    .write(ToyRegister.mode, bit(0, of: .local(8))),
    .write(ToyRegister.interruptEnable, bit(1, of: .local(8))),
    .write(ToyRegister.paging, bit(2, of: .local(8))),
    .write(ToyRegister.pc, .local(9)),
    .write(ToyRegister.base, .binary(.and, .local(10), wordMask, .bits32)),
    .write(ToyRegister.bound, .binary(.and, .local(11), wordMask, .bits32)),
    .write(ToyRegister.waiting, .constant(0)),
  ]
}

/// The instruction table. Adding an instruction is adding a row (and its routine in the emulator).
public let toyTable: [ToyInstruction] =
  arithmeticRows + immediateRows + storageRows + controlRows + systemRows

private let arithmeticRows: [ToyInstruction] = [
  .init("add", 0x10, .rdRsRs, .simple, .arithmetic, "rd = rs1 + rs2", arithmetic(.add)),
  .init("sub", 0x11, .rdRsRs, .simple, .arithmetic, "rd = rs1 - rs2", arithmetic(.subtract)),
  .init("and", 0x12, .rdRsRs, .simple, .arithmetic, "rd = rs1 & rs2", arithmetic(.and)),
  .init("or", 0x13, .rdRsRs, .simple, .arithmetic, "rd = rs1 | rs2", arithmetic(.or)),
  .init("xor", 0x14, .rdRsRs, .simple, .arithmetic, "rd = rs1 ^ rs2", arithmetic(.xor)),
  .init("sll", 0x15, .rdRsRs, .simple, .arithmetic, "rd = rs1 << (rs2 & 31)", shift(.shiftLeft)),
  .init(
    "srl", 0x16, .rdRsRs, .simple, .arithmetic, "rd = rs1 >> (rs2 & 31), zeros enter",
    shift(.shiftRightUnsigned)),
  .init(
    "sra", 0x17, .rdRsRs, .simple, .arithmetic, "rd = rs1 >> (rs2 & 31), sign bits enter",
    shift(.shiftRightSigned)),
  .init(
    "slt", 0x18, .rdRsRs, .simple, .arithmetic, "rd = 1 if rs1 < rs2 (signed), else 0",
    arithmetic(.lessSigned)),
  .init(
    "sltu", 0x19, .rdRsRs, .simple, .arithmetic, "rd = 1 if rs1 < rs2 (unsigned), else 0",
    arithmetic(.lessUnsigned)),
  .init("mul", 0x1A, .rdRsRs, .multiply, .arithmetic, "rd = low word of rs1 * rs2", arithmetic(.multiply)),
  .init(
    "mulhu", 0x1B, .rdRsRs, .multiply, .arithmetic, "rd = high word of rs1 * rs2 (unsigned)",
    arithmetic(.multiplyHighUnsigned)),
  .init(
    "div", 0x1C, .rdRsRs, .divide, .arithmetic, "rd = rs1 / rs2 (signed, towards zero); traps if rs2 is 0",
    divide(.divideSigned)),
  .init(
    "divu", 0x1D, .rdRsRs, .divide, .arithmetic, "rd = rs1 / rs2 (unsigned); traps if rs2 is 0",
    divide(.divideUnsigned)),
  .init(
    "rem", 0x1E, .rdRsRs, .divide, .arithmetic, "rd = rs1 % rs2 (signed, sign of rs1); traps if rs2 is 0",
    divide(.remainderSigned)),
  .init(
    "remu", 0x1F, .rdRsRs, .divide, .arithmetic, "rd = rs1 % rs2 (unsigned); traps if rs2 is 0",
    divide(.remainderUnsigned)),
]

private let immediateRows: [ToyInstruction] = [
  .init("addi", 0x20, .rdRsSigned, .simple, .immediate, "rd = rs1 + imm", arithmetic(.add)),
  .init("andi", 0x22, .rdRsUnsigned, .simple, .immediate, "rd = rs1 & imm", arithmetic(.and)),
  .init("ori", 0x23, .rdRsUnsigned, .simple, .immediate, "rd = rs1 | imm", arithmetic(.or)),
  .init("xori", 0x24, .rdRsUnsigned, .simple, .immediate, "rd = rs1 ^ imm", arithmetic(.xor)),
  .init("slli", 0x25, .rdRsShift, .simple, .immediate, "rd = rs1 << count", shift(.shiftLeft)),
  .init(
    "srli", 0x26, .rdRsShift, .simple, .immediate, "rd = rs1 >> count, zeros enter",
    shift(.shiftRightUnsigned)),
  .init(
    "srai", 0x27, .rdRsShift, .simple, .immediate, "rd = rs1 >> count, sign bits enter",
    shift(.shiftRightSigned)),
  .init(
    "slti", 0x28, .rdRsSigned, .simple, .immediate, "rd = 1 if rs1 < imm (signed), else 0",
    arithmetic(.lessSigned)),
  .init(
    "sltiu", 0x29, .rdRsSigned, .simple, .immediate,
    "rd = 1 if rs1 < imm (unsigned, imm sign-extended), else 0", arithmetic(.lessUnsigned)),
  .init("lui", 0x2A, .rdUpper, .simple, .immediate, "rd = imm << 12", [.setOperand(0, .operand(1))]),
  .init(
    "auipc", 0x2B, .rdUpper, .simple, .immediate, "rd = pc + (imm << 12)",
    [.setOperand(0, .binary(.add, .pc, .operand(1), .bits32))]),
]

private let storageRows: [ToyInstruction] = [
  .init("lw", 0x30, .rdMemory, .load, .memory, "rd = word at offset(rs)", load(.bits32)),
  .init(
    "lh", 0x31, .rdMemory, .load, .memory, "rd = halfword at offset(rs), sign-extended",
    load(.bits16, .signExtend16)),
  .init("lhu", 0x32, .rdMemory, .load, .memory, "rd = halfword at offset(rs), zero-extended", load(.bits16)),
  .init(
    "lb", 0x33, .rdMemory, .load, .memory, "rd = byte at offset(rs), sign-extended",
    load(.bits8, .signExtend8)),
  .init("lbu", 0x34, .rdMemory, .load, .memory, "rd = byte at offset(rs), zero-extended", load(.bits8)),
  .init("sw", 0x38, .rsMemory, .store, .memory, "word at offset(rs1) = rs2", store(.bits32)),
  .init("sh", 0x39, .rsMemory, .store, .memory, "halfword at offset(rs1) = low half of rs2", store(.bits16)),
  .init("sb", 0x3A, .rsMemory, .store, .memory, "byte at offset(rs1) = low byte of rs2", store(.bits8)),
  .init(
    "cas", 0x3C, .rdRsIndirect, .store, .memory,
    "old = word at (rs1); if old == rd, word at (rs1) = rs2; rd = old; at once",
    aligned(
      .address(2), .bits32,
      then: [
        .assign(0, .load(.virtual(segment: 0), .address(2), .bits32)),
        .when(
          .binary(.equal, .local(0), .operand(0), .bits32),
          then: [.store(.virtual(segment: 0), .address(2), .operand(1), .bits32)], otherwise: []),
        .setOperand(0, .local(0)),
      ])),
]

private let controlRows: [ToyInstruction] = [
  .init("beq", 0x40, .branch, .branch, .control, "to target if rs1 == rs2", branch(.equal)),
  .init("bne", 0x41, .branch, .branch, .control, "to target if rs1 != rs2", branch(.notEqual)),
  .init("blt", 0x42, .branch, .branch, .control, "to target if rs1 < rs2 (signed)", branch(.lessSigned)),
  .init(
    "bge", 0x43, .branch, .branch, .control, "to target if rs1 >= rs2 (signed)",
    branch(.lessSigned, negated: true)),
  .init("bltu", 0x44, .branch, .branch, .control, "to target if rs1 < rs2 (unsigned)", branch(.lessUnsigned)),
  .init(
    "bgeu", 0x45, .branch, .branch, .control, "to target if rs1 >= rs2 (unsigned)",
    branch(.lessUnsigned, negated: true)),
  .init(
    "jal", 0x48, .rdTarget, .branch, .control, "rd = next pc; to target",
    [
      link(0), .write(ToyRegister.pc, .binary(.add, .pc, .operand(1), .bits32)),
    ]),
  .init(
    "jalr", 0x49, .rdMemory, .branch, .control, "rd = next pc; to offset(rs)",
    [
      link(0), .write(ToyRegister.pc, .address(1)),
    ]),
  .init(
    "svc", 0x4C, .immediate, .system, .control, "supervisor-call trap with imm as its value",
    [
      toyTrap(.supervisorCall, .operand(0))
    ]),
  .init("brk", 0x4D, .none, .system, .control, "breakpoint trap", [toyTrap(.breakpoint, .constant(0))]),
]

private let systemRows: [ToyInstruction] = [
  .init(
    "lpsw", 0x50, .memory, .system, .system,
    "load the PSW from four words at offset(rs): flags, pc, base, bound", user: .trap,
    aligned(
      .address(0), .bits32,
      // The flags word is read once, though three registers come from it.
      then: [.assign(0, word(0))]
        + toyLoadPSW(flags: .local(0), pc: word(4), base: word(8), bound: word(12)))),
  .init(
    "jrst", 0x51, .rs, .system, .system, "enter user mode at rs", user: .trap, except: [.jrst: .execute],
    [
      .write(ToyRegister.mode, .constant(1)), .write(ToyRegister.pc, .operand(0)),
    ]),
  .init(
    "setie", 0x52, .rs, .system, .system, "interrupt enable = bit 0 of rs", user: .trap,
    except: [.popf: .ignore],
    [
      .write(ToyRegister.interruptEnable, .binary(.and, .operand(0), .constant(1), .bits32))
    ]),
  .init(
    "getpsw", 0x53, .rd, .system, .system, "rd = flags word of the PSW (mode, interrupt enable, paging)",
    user: .trap,
    [
      .setOperand(0, toyFlagsWord)
    ]),
  .init(
    "getbase", 0x54, .rd, .system, .system, "rd = base", user: .trap, except: [.leaky: .execute],
    [
      .setOperand(0, .register(ToyRegister.base))
    ]),
  .init(
    "getbound", 0x55, .rd, .system, .system, "rd = bound", user: .trap, except: [.leaky: .execute],
    [
      .setOperand(0, .register(ToyRegister.bound))
    ]),
  .init(
    "getclk", 0x56, .rd, .system, .system, "rd = low word of virtual time", user: .trap,
    [
      .setOperand(0, .binary(.and, .time, .constant(0xFFFF_FFFF), .bits32))
    ]),
  .init(
    "tlbflush", 0x57, .none, .system, .system, "forget every TLB entry", user: .trap, [.clearAuxiliary(0)]),
  .init(
    "wait", 0x58, .none, .system, .system, "wait until an interrupt is requested", user: .trap,
    [
      .write(ToyRegister.waiting, .constant(1))
    ]),
  .init(
    "in", 0x5A, .rdPort, .device, .system, "rd = device register port + rs", user: .trap,
    [
      .setOperand(0, .input(port(1, 2), .bits32))
    ]),
  .init(
    "out", 0x5B, .rsPort, .device, .system, "device register port + rs1 = rs2", user: .trap,
    [
      .output(port(1, 2), .operand(0), .bits32)
    ]),
]
