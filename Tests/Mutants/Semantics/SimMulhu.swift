internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// High word of the signed product.
  static let simMulhu: Mutant = .data(
    "sim-mulhu", "high word of the signed product", at: "mulhu", field: "register", on: MutantPrograms.tour
  ) {
    $0.alter("mulhu") { effects in
      Rewriting.operation(.multiplyHighUnsigned, to: .multiplyHighSigned)(effects)
    }
  }
}
