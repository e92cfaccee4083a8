import MachineCore

extension X86Disassembler {
  /// The parts of an instruction that is named only; `pc` makes branch targets absolute.
  static func text(_ named: X86NamedInstruction, pc: UInt64) -> X86InstructionText {
    let row = X86NamedRow.all[named.row]
    var text = X86InstructionText(mnemonic: row.mnemonic)
    var used = 0
    for operand in row.operands {
      switch operand {
      case .immediate:
        text.parts.append(.immediate(named.immediates[used & 1]))
        used += 1
      case .jump:
        let target = pc &+ UInt64(named.length) &+ named.immediates[0]
        text.parts.append(.target(target & named.width.mask))
      default: text.parts.append(part(operand, named))
      }
    }
    text.attMnemonic = attMnemonic(row, named)
    return text
  }

  private static func part(_ operand: X86NamedOperand, _ named: X86NamedInstruction)
    -> X86InstructionText.Part
  {
    let reg = Int(named.modRM >> 3 & 7 | (named.rex & 4) << 1)
    let rm = Int(named.modRM & 7 | (named.rex & 1) << 3)
    func general(_ number: Int, _ size: X86NamedOperand.Size) -> X86InstructionText.Part {
      let width = named.width(size)
      let isHigh = width == .bits8 && named.rex == 0 && number >= 4
      return .register(name(number, width, high: isHigh))
    }
    func orMemory(_ register: String, _ bytes: Int) -> X86InstructionText.Part {
      named.modRM >= 0xC0 ? .register(register) : memory(named, bytes)
    }
    switch operand {
    case .vector: return .register("xmm\(reg)")
    case .vectorOrMemory(let bytes): return orMemory("xmm\(rm)", bytes)
    case .mmx: return .register("mm\(reg & 7)")
    case .mmxOrMemory(let bytes): return orMemory("mm\(rm & 7)", bytes)
    case .general(let size): return general(reg, size)
    case .generalByRM(let size): return general(rm, size)
    case .generalOrMemory(let size, let inMemory):
      return named.modRM >= 0xC0 ? general(rm, size) : memory(named, named.width(inMemory).bytes)
    case .memory(let bytes): return memory(named, bytes)
    case .stackTop: return .register("st")
    case .stack: return .register("st(\(named.modRM & 7))")
    case .debug: return .register("dr\(reg)")
    case .xmm0: return .register("xmm0")
    case .ax: return .register("ax")
    case .immediate, .jump: return .immediate(named.immediates[0])
    }
  }

  private static func memory(_ named: X86NamedInstruction, _ bytes: Int) -> X86InstructionText.Part {
    var memory = memory(named.place)
    memory.size = bytes
    return .memory(memory)
  }
}
