/// Names of instructions that exist but are not carried out.
enum X86Unsupported {
  /// The name of the group that an opcode without a row belongs to; `nil` when the processor has no such instruction.
  static func name(opcode: Int, modRM: UInt8, is64: Bool) -> String? {
    let byte = opcode & 0xFF
    switch opcode >> 8 {
    case 0:
      switch byte {
      case 0x62: return "EVEX instruction"
      case 0x9B: return "x87 wait"
      case 0xC4, 0xC5: return "VEX instruction"
      case 0xD8...0xDF: return "x87 instruction"
      case 0xC6, 0xC7: return modRM == 0xF8 ? "xabort or xbegin" : nil
      case 0x8F: return modRM & 0x38 != 0 ? "XOP instruction" : nil
      default: return nil
      }
    case 1:
      switch byte {
      case 0x01: return "system instruction of group 7"
      case 0x0D, 0x0E, 0x0F: return "3DNow! instruction"
      case 0x10...0x17, 0x28...0x2F, 0x50...0x76, 0x7C...0x7F, 0xC2, 0xC4...0xC6, 0xD0...0xFE:
        return "MMX or SSE instruction"
      case 0x77: return "emms"
      case 0x20...0x23: return "move of a debug register"
      case 0x33: return "rdpmc"
      case 0x34, 0x35: return "sysenter or sysexit"
      case 0x37: return "getsec"
      case 0x78, 0x79: return "vmread or vmwrite"
      case 0xAA: return "rsm"
      case 0xAE: return "instruction of group 15 (fxsave, xsave, fsgsbase, …)"
      case 0xB8: return "jmpe"
      case 0xC7: return "instruction of group 9 (rdrand, rdseed, xsaves, vmx)"
      default: return nil
      }
    case 2: return "instruction of the 0F38 map"
    default: return "instruction of the 0F3A map"
    }
  }
}
