import MachineCore
import Testing
import X86Backend

/// Everything that the interpreter can carry out has a row, a note and effects.
@Suite struct TableCoverageTests {
  @Test func everyOperationHasARow() {
    let rows = X86InstructionSet.operationsOfRows
    let missing = X86Operation.allCases.filter { !rows.contains($0) }
    #expect(missing.isEmpty, "operations without a row: \(missing)")
  }

  @Test func everyOperationIsDescribed() {
    let missing = X86Operation.allCases.filter { X86OperationNote[$0].meaning.isEmpty }
    #expect(missing.isEmpty, "operations without a note: \(missing)")
  }

  /// A definition without effects does nothing: only NOP may; and none may be a refusal alone.
  @Test(arguments: X86CPUModel.allCases) func everyDefinitionHasEffects(_ model: X86CPUModel) {
    let set = X86InstructionSet(model: model)
    for (definition, operation) in zip(set.definitions, X86InstructionSet.operationsOfDefinitions) {
      #expect(operation == .nop || !definition.effects.isEmpty, "\(definition.mnemonic): no effects")
      if case .unsupported(let why)? = definition.effects.first {
        Issue.record("\(definition.mnemonic) is refused: \(why)")
      }
    }
  }
}
