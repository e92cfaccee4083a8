import MachineCore
import Trace

/// Writes decoded instructions as text.
struct X86Disassembler {
  /// The parts of an instruction that is carried out; `pc` makes branch targets absolute.
  static func text(_ decoded: X86Decoded, pc: UInt64, bytes: InstructionBytes) -> X86InstructionText {
    let row = X86Row.all[decoded.row]
    let mnemonic = mnemonic(row, decoded.form)
    var text = X86InstructionText(mnemonic: mnemonic)
    for (index, code) in row.operands.enumerated() {
      text.parts.append(part(decoded, row, code, operandPosition(row, index), pc: pc))
    }
    let ignoresPrefix = row.operation == .mul || row.operation == .imul
    if decoded.form.repeats != 0, row.dependsOnRepeat, !ignoresPrefix {
      let compares = row.operation == .scas || row.operation == .cmps
      text.prefix = decoded.form.repeats == 2 ? "repne " : compares ? "repe " : "rep "
    }
    if row.attributes.contains(.lock), hasLock(bytes, decoded.length) { text.prefix = "lock " }
    text.isIndirect =
      [.call, .jmp, .callFar, .jmpFar].contains(row.operation) && [[.ev], [.mp]].contains(row.operands)
    text.keepsOrder = row.operation == .enter || row.operation == .bound
    text.attMnemonic = attMnemonic(row, decoded, mnemonic)
    return text
  }

  /// Mnemonic with the size that belongs to it.
  static func mnemonic(_ row: X86Row, _ form: X86Form) -> String {
    func pick(_ names: [String]) -> String { names[X86Form.number(form.operand)] }
    switch row.operation {
    case .convertAccumulator: return pick(["cbw", "cwde", "cdqe"])
    case .convertDouble: return pick(["cwd", "cdq", "cqo"])
    case .pushf: return pick(["pushf", "pushfd", "pushfq"])
    case .popf: return pick(["popf", "popfd", "popfq"])
    case .pusha: return pick(["pushaw", "pushal", ""])
    case .popa: return pick(["popaw", "popal", ""])
    case .iret: return pick(["iret", "iretd", "iretq"])
    case .retFar: return pick(["retf", "retf", "retfq"])
    case .callFar: return "lcall"
    case .jmpFar: return "ljmp"
    case .sysret: return pick(["sysret", "sysret", "sysretq"])
    case .cmpxchg8b: return form.operand == .bits64 ? "cmpxchg16b" : "cmpxchg8b"
    case .jcxz: return ["jcxz", "jecxz", "jrcxz"][X86Form.number(form.address)]
    case .xlat: return "xlatb"
    case .movs, .stos, .lods, .scas, .cmps, .ins, .outs:
      return row.mnemonic + (form.operand == .bits8 ? "b" : pick(["w", "d", "q"]))
    default: return row.mnemonic
    }
  }

  /// Operands behind a far pointer's selector sit one place later.
  private static func operandPosition(_ row: X86Row, _ index: Int) -> Int {
    row.operands.prefix(index).contains { $0 == .ap || $0 == .mp } ? index + 1 : index
  }

  private static func hasLock(_ bytes: InstructionBytes, _ length: Int) -> Bool {
    for index in 0..<length {
      switch bytes[index] {
      case 0xF0: return true
      case 0x66, 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0xF2, 0xF3, 0x40...0x4F: continue
      default: return false
      }
    }
    return false
  }

  private static func part(
    _ decoded: X86Decoded, _ row: X86Row, _ code: X86OperandCode, _ position: Int, pc: UInt64
  ) -> X86InstructionText.Part {
    let operand = decoded.operands[position]
    let next = pc &+ UInt64(decoded.length)
    switch code {
    case .jb, .jz: return .target((next &+ operand.value) & decoded.form.operand.mask)
    case .ap: return .far(decoded.operands[position + 1].value, operand.value)
    default: break
    }
    switch operand.kind {
    case .none: return .register("?")
    case .register: return .register(register(operand))
    case .immediate: return .immediate(operand.value)
    case .memory:
      var memory = memory(operand)
      if row.operation != .lea, ![.m, .mp].contains(code) { memory.size = operand.width.bytes }
      if row.operation == .pop, operand.register == 4 {
        memory.displacement &-= UInt64(decoded.form.operand.bytes)
      }
      return .memory(memory)
    }
  }

  /// Name of a register operand.
  static func register(_ operand: Operand) -> String {
    let number = Int(operand.register)
    guard number < 16 else {
      let all = X86Register.allCases
      return number < all.count ? all[number].name : "?"
    }
    return name(number, operand.width, high: operand.shift == 8)
  }

  /// Name of a general register.
  static func name(_ number: Int, _ width: Width, high: Bool = false) -> String {
    let base = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
    if number >= 8 { return "r\(number)" + ["b", "w", "d", ""][width.bytes.trailingZeroBitCount] }
    switch width {
    case .bits8:
      if high { return ["ah", "ch", "dh", "bh"][number & 3] }
      return number < 4 ? ["al", "cl", "dl", "bl"][number] : base[number] + "l"
    case .bits16: return base[number]
    case .bits32: return "e" + base[number]
    case .bits64: return "r" + base[number]
    }
  }

  /// The parts of a memory operand; without a size.
  static func memory(_ operand: Operand) -> X86InstructionText.Memory {
    var memory = X86InstructionText.Memory()
    let segments = ["es", "cs", "ss", "ds", "fs", "gs"]
    let usual: UInt8 = operand.register == 4 || operand.register == 5 ? 2 : 3
    if operand.segment != usual, Int(operand.segment) < segments.count {
      memory.segment = segments[Int(operand.segment)]
    }
    memory.displacement = operand.value
    if operand.register == Operand.nextPC {
      memory.base = operand.addressWidth == .bits64 ? "rip" : "eip"
    } else if operand.register != Operand.noRegister {
      memory.base = name(Int(operand.register), operand.addressWidth)
    }
    if operand.index != Operand.noRegister {
      memory.index = name(Int(operand.index), operand.addressWidth)
      memory.scale = 1 << Int(operand.shift & 3)
    }
    if memory.base.isEmpty, memory.index.isEmpty { memory.displacement &= operand.addressWidth.mask }
    return memory
  }
}
