package import MachineCore
package import Trace

/// An instruction set that is another one with something changed, for the evaluator to be wrong with.
package struct AlteredSet: InstructionSet {
  private let base: any InstructionSet
  package var definitions: [InstructionDefinition]
  package var system: SystemSemantics
  /// Changes what decoding gives.
  package var adjust: @Sendable (inout DecodedInstruction) -> Void = { _ in }

  package init(_ base: any InstructionSet) {
    self.base = base
    definitions = base.definitions
    system = base.system
  }

  package var name: String { base.name }
  package var variant: String { base.variant }
  package var registers: [RegisterDescriptor] { base.registers }
  package var auxiliaries: [AuxiliaryDescriptor] { base.auxiliaries }
  package var causes: [String] { base.causes }
  package var fetchUnit: Int { base.fetchUnit }

  package func decode(_ bytes: InstructionBytes, context: UInt64) -> DecodeResult {
    guard case .instruction(var decoded) = base.decode(bytes, context: context) else {
      return base.decode(bytes, context: context)
    }
    adjust(&decoded)
    return .instruction(decoded)
  }

  package func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64) -> String {
    base.disassemble(bytes, pc: pc, context: context)
  }

  /// Changes the effects of every form of an instruction.
  package mutating func alter(_ mnemonic: String, _ change: ([Effect]) -> [Effect]) {
    var isFound = false
    for index in definitions.indices where definitions[index].mnemonic == mnemonic {
      definitions[index].effects = change(definitions[index].effects)
      isFound = true
    }
    precondition(isFound, "no instruction \(mnemonic)")
  }

  /// Gives every form of an instruction the effects of the same form of another.
  package mutating func alter(_ mnemonic: String, as other: String) {
    var effects = definitions.filter { $0.mnemonic == other }.map(\.effects)[...]
    alter(mnemonic) { effects.popFirst() ?? $0 }
  }

  /// Changes a procedure.
  package mutating func alter(_ procedure: ProcedureID, _ change: ([Effect]) -> [Effect]) {
    system.procedures[procedure].body = change(system.procedures[procedure].body)
  }
}
