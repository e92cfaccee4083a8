public import MachineCore
public import Trace

/// The toy instruction set in one variant, as data.
public struct ToyInstructionSet: InstructionSet {
  /// The variant.
  public let toyVariant: ToyVariant
  public let definitions: [InstructionDefinition]
  public let system: SystemSemantics

  /// The instruction set in this variant.
  public init(_ variant: ToyVariant = .classic) {
    toyVariant = variant
    definitions = toyTable.map {
      InstructionDefinition(mnemonic: $0.mnemonic, meaning: $0.meaning, effects: $0.effects(in: variant))
    }
    system = toySystem
  }

  public var name: String { "toy" }
  public var variant: String { toyVariant.rawValue }
  public var registers: [RegisterDescriptor] { ToyRegister.table }
  public var auxiliaries: [AuxiliaryDescriptor] { [AuxiliaryDescriptor("tlb", role: .relocation)] }
  public var causes: [String] { ToyCause.names }
  public var fetchUnit: Int { 4 }

  public func decode(_ bytes: InstructionBytes, context: UInt64) -> DecodeResult {
    let word = UInt32(truncatingIfNeeded: bytes.low)
    guard let row = ToyCodec.row(of: word) else { return .illegal }
    var decoded = DecodedInstruction(definition: row, length: 4)
    decoded.operands = toyTable[row].format.operands(word)
    return .instruction(decoded)
  }

  public func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64) -> String {
    ToyDisassembler.text(
      of: UInt32(truncatingIfNeeded: bytes.low), at: UInt32(truncatingIfNeeded: pc))
  }

  /// Processor state after reset: supervisor mode, no relocation, interrupts off, at `entry`.
  public static func resetState(entry: UInt32, storage: Int) -> ProcessorState {
    var registers = [UInt64](repeating: 0, count: ToyRegister.table.count)
    registers[Int(ToyRegister.pc)] = UInt64(entry)
    registers[Int(ToyRegister.bound)] = UInt64(storage) & 0xFFFF_FFFC
    return ProcessorState(registers: registers, auxiliaries: [[:]])
  }
}
