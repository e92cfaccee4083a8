import MachineCore
import Trace

/// Writes decoded instructions as text.
///
/// The parts of an instruction are found once; a syntax only arranges them.
struct X86Disassembler {
  /// Text of an instruction in Intel syntax; `pc` makes branch targets absolute.
  static func text(_ decoded: X86Decoded, pc: UInt64, bytes: InstructionBytes) -> String {
    let row = X86Row.all[decoded.row]
    var parts: [String] = []
    for (index, code) in row.operands.enumerated() {
      let position = operandPosition(row, index)
      parts.append(operand(decoded, row, code, position, pc: pc))
    }
    var prefix = ""
    if decoded.form.repeats != 0, row.dependsOnRepeat {
      let compares = row.operation == .scas || row.operation == .cmps
      prefix = decoded.form.repeats == 2 ? "repne " : compares ? "repe " : "rep "
    }
    if row.attributes.contains(.lock), hasLock(bytes, decoded.length) { prefix = "lock " }
    let name = prefix + mnemonic(row, decoded.form)
    return parts.isEmpty ? name : name + " " + parts.joined(separator: ", ")
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
    let prefixes: Set<UInt8> = [0x66, 0x67, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0xF0, 0xF2, 0xF3]
    for index in 0..<length {
      if bytes[index] == 0xF0 { return true }
      if !prefixes.contains(bytes[index]), bytes[index] & 0xF0 != 0x40 { return false }
    }
    return false
  }

  private static func operand(
    _ decoded: X86Decoded, _ row: X86Row, _ code: X86OperandCode, _ position: Int, pc: UInt64
  ) -> String {
    let operand = decoded.operands[position]
    let next = pc &+ UInt64(decoded.length)
    switch code {
    case .jb, .jz: return hex((next &+ operand.value) & decoded.form.operand.mask)
    case .ap: return hex(decoded.operands[position + 1].value) + ":" + hex(operand.value)
    default: break
    }
    switch operand.kind {
    case .none: return ""
    case .register: return register(operand)
    case .immediate: return operand.value < 10 ? String(operand.value) : hex(operand.value)
    case .memory:
      let hasSize = row.operation != .lea && ![.m, .mp].contains(code)
      return (hasSize ? sizeName(operand.width) : "") + memory(operand, row, decoded, next: next)
    }
  }

  private static func sizeName(_ width: Width) -> String {
    switch width {
    case .bits8: "byte ptr "
    case .bits16: "word ptr "
    case .bits32: "dword ptr "
    case .bits64: "qword ptr "
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

  private static func name(_ number: Int, _ width: Width, high: Bool = false) -> String {
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

  private static func memory(_ operand: Operand, _ row: X86Row, _ decoded: X86Decoded, next: UInt64) -> String
  {
    let segments = ["es", "cs", "ss", "ds", "fs", "gs"]
    let usual: UInt8 = operand.register == 4 || operand.register == 5 ? 2 : 3
    let showsSegment = operand.segment != usual && Int(operand.segment) < segments.count
    var text = showsSegment ? segments[Int(operand.segment)] + ":[" : "["
    var displacement = operand.value
    if row.operation == .pop, operand.register == 4 {
      displacement &-= UInt64(decoded.form.operand.bytes)
    }
    var isEmpty = true
    if operand.register == Operand.nextPC {
      text += operand.addressWidth == .bits64 ? "rip" : "eip"
      isEmpty = false
    } else if operand.register != Operand.noRegister {
      text += name(Int(operand.register), operand.addressWidth)
      isEmpty = false
    }
    if operand.index != Operand.noRegister {
      if !isEmpty { text += " + " }
      text += name(Int(operand.index), operand.addressWidth)
      if operand.shift > 0 { text += "*\(1 << operand.shift)" }
      isEmpty = false
    }
    if isEmpty {
      text += hex(displacement & operand.addressWidth.mask)
    } else if displacement != 0 {
      let isNegative = Int64(bitPattern: displacement) < 0
      text += (isNegative ? " - " : " + ") + hex(isNegative ? 0 &- displacement : displacement)
    }
    return text + "]"
  }
}
