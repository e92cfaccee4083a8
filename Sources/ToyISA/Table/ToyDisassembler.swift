/// Instruction words to text, from the table.
public enum ToyDisassembler {
  /// The word as assembly; illegal words as `.word`. `pc` makes targets absolute.
  public static func text(of word: UInt32, at pc: UInt32) -> String {
    guard let (row, values) = ToyCodec.fields(of: word) else { return ".word " + hexText(word) }
    let instruction = toyTable[row]
    let operands = operandText(instruction.format, values, pc)
    return operands.isEmpty ? instruction.mnemonic : instruction.mnemonic + " " + operands
  }

  private static func hexText(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }

  private static func operandText(_ format: ToyFormat, _ v: [Int64], _ pc: UInt32) -> String {
    func r(_ index: Int) -> String { "r\(v[index])" }
    func target(_ index: Int) -> String { hexText(pc &+ UInt32(truncatingIfNeeded: v[index])) }
    switch format {
    case .none: return ""
    case .rd, .rs: return r(0)
    case .rdRsRs: return "\(r(0)), \(r(1)), \(r(2))"
    case .rdRsSigned, .rdRsShift: return "\(r(0)), \(r(1)), \(v[2])"
    case .rdRsUnsigned: return "\(r(0)), \(r(1)), \(hexText(UInt32(v[2])))"
    case .rdUpper: return "\(r(0)), \(hexText(UInt32(v[1])))"
    case .rdMemory, .rsMemory: return "\(r(0)), \(v[2])(\(r(1)))"
    case .memory: return "\(v[1])(\(r(0)))"
    case .rdRsIndirect: return "\(r(0)), \(r(1)), (\(r(2)))"
    case .branch: return "\(r(0)), \(r(1)), \(target(2))"
    case .rdTarget: return "\(r(0)), \(target(1))"
    case .immediate: return "\(v[0])"
    case .rdPort, .rsPort: return "\(r(0)), \(hexText(UInt32(v[2])))(\(r(1)))"
    }
  }
}
