import MachineCore

extension X86Disassembler {
  /// Mnemonic in AT&T syntax of an instruction that is carried out; `nil` for the same as in Intel's.
  static func attMnemonic(_ row: X86Row, _ decoded: X86Decoded, _ intel: String) -> String? {
    let form = decoded.form
    let suffix = suffix(form.operand)
    func pick(_ names: [String]) -> String { names[X86Form.number(form.operand)] }
    switch row.operation {
    case .convertAccumulator: return pick(["cbtw", "cwtl", "cltq"])
    case .convertDouble: return pick(["cwtd", "cltd", "cqto"])
    case .pushf, .popf, .iret: return row.mnemonic + suffix
    case .retFar: return "lret" + suffix
    case .callFar, .jmpFar: return intel + suffix
    case .sysret: return form.operand == .bits64 ? "sysretq" : "sysretl"
    case .movzx, .movsx:
      let source = decoded.operands[1].width
      // MOVSXD without REX.W only copies.
      if source == .bits32 { return form.operand == .bits64 ? "movslq" : "movsxd" }
      return (row.operation == .movzx ? "movz" : "movs") + Self.suffix(source) + suffix
    case .mov where row.operands.contains(.ob) || row.operands.contains(.ov):
      return (form.address == .bits64 ? "movabs" : "mov") + suffix
    case .mov where row.operands.last == .iv && form.operand == .bits64: return "movabsq"
    case .movs, .stos, .lods, .scas, .cmps, .ins, .outs: return row.mnemonic + suffix
    case .mov, .lea, .xchg, .push, .pop, .bswap, .movbe, .cmov, .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp,
      .test, .inc, .dec, .neg, .not, .mul, .imul, .imulTruncating, .div, .idiv, .rol, .ror, .rcl, .rcr, .shl,
      .shr, .sar, .shld, .shrd, .bt, .bts, .btr, .btc, .bsf, .bsr, .popcnt, .tzcnt, .lzcnt, .xadd, .cmpxchg,
      .in, .out, .movFromControl, .movToControl, .movFromDebug, .movToDebug, .pushSegment, .popSegment:
      // MOVNTI and the like have no letter to tell their size but the register's.
      return row.mnemonic + suffix
    case .call, .jmp, .ret, .enter, .leave: return form.operand == form.stack ? nil : row.mnemonic + suffix
    case .loadFar, .lar, .lsl: return row.mnemonic + suffix
    case .crc32: return row.mnemonic + Self.suffix(decoded.operands[1].width)
    case .nop: return row.operands.isEmpty || row.mnemonic != "nop" ? nil : "nop" + suffix
    case .movFromSegment, .movToSegment:
      let operand = decoded.operands[row.operation == .movFromSegment ? 0 : 1]
      return "mov" + Self.suffix(operand.width)
    default: return nil
    }
  }

  /// Mnemonic in AT&T syntax of an instruction that is named only; `nil` for the same as in Intel's.
  static func attMnemonic(_ row: X86NamedRow, _ named: X86NamedInstruction) -> String? {
    if row.opcode < 0x100, row.mnemonic.hasPrefix("f") { return attFloatMnemonic(row) }
    switch row.mnemonic {
    case "cvtsi2ss", "cvtsi2sd", "ptwrite": return row.mnemonic + suffix(named.width(.wide))
    case "vmread", "vmwrite": return row.mnemonic + suffix(named.width(.mode))
    case "mov": return row.mnemonic + suffix(named.width(.mode))
    default: return nil
    }
  }

  /// x87: sizes of memory operands, and the exchanged names of the reversed forms.
  private static func attFloatMnemonic(_ row: X86NamedRow) -> String? {
    if case .memory(let bytes)? = row.operands.first {
      let isInteger = row.mnemonic.hasPrefix("fi")
      switch bytes {
      case 4: return row.mnemonic + (isInteger ? "l" : "s")
      case 8: return row.mnemonic + (isInteger ? "ll" : "l")
      case 10: return row.mnemonic == "fld" || row.mnemonic == "fstp" ? row.mnemonic + "t" : nil
      case 2: return isInteger ? row.mnemonic + "s" : nil
      default: return nil
      }
    }
    // The AT&T assembler once exchanged these names when the destination is a stack register; all keep that.
    guard row.operands == [.stack, .stackTop] else { return nil }
    switch row.mnemonic {
    case "fsub": return "fsubr"
    case "fsubr": return "fsub"
    case "fsubp": return "fsubrp"
    case "fsubrp": return "fsubp"
    case "fdiv": return "fdivr"
    case "fdivr": return "fdiv"
    case "fdivp": return "fdivrp"
    case "fdivrp": return "fdivp"
    default: return nil
    }
  }

  private static func suffix(_ width: Width) -> String {
    switch width {
    case .bits8: "b"
    case .bits16: "w"
    case .bits32: "l"
    case .bits64: "q"
    }
  }
}
