public import MachineCore
public import ToyISA
public import Trace

/// The toy instruction set with some rows of its table replaced: a variant that has no name of its own.
///
/// Encodings stay; what instructions do, in either mode, is the rows'.
public struct ToyRowSet: InstructionSet {
  /// The whole table, one row for each row of `toyTable`.
  public let rows: [ToyInstruction]
  public let definitions: [InstructionDefinition]
  private let base = ToyInstructionSet()

  /// The classic set with these rows in place of those with the same number.
  public init(replacing replaced: [Int: ToyInstruction]) {
    rows = toyTable.indices.map { replaced[$0] ?? toyTable[$0] }
    definitions = rows.map {
      InstructionDefinition(
        mnemonic: $0.mnemonic, meaning: $0.meaning, effects: $0.effects(in: .classic))
    }
  }

  public var name: String { base.name }
  public var variant: String { base.variant }
  public var system: SystemSemantics { base.system }
  public var registers: [RegisterDescriptor] { base.registers }
  public var auxiliaries: [AuxiliaryDescriptor] { base.auxiliaries }
  public var causes: [String] { base.causes }
  public var fetchUnit: Int { base.fetchUnit }

  public func decode(_ bytes: InstructionBytes, context: UInt64) -> DecodeResult {
    base.decode(bytes, context: context)
  }

  public func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64) -> String {
    base.disassemble(bytes, pc: pc, context: context)
  }
}

extension StaticClassification {
  /// The classes of the toy instructions with replaced rows.
  public init(of set: ToyRowSet) {
    self.init(
      of: set, modeRegister: ToyRegister.mode, privilegedCause: UInt64(ToyCause.privileged.rawValue),
      memoryCauses: Self.toyMemoryCauses)
  }
}
