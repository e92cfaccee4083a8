internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// Equal is not greater or equal.
  static let simBge: Mutant = .data(
    "sim-bge", "equal is not greater or equal", at: "bge", field: "next pc", on: MutantPrograms.tour
  ) {
    $0.alter("bge") { effects in Rewriting.operation(.lessSigned, to: .lessOrEqualSigned)(effects) }
  }
}
