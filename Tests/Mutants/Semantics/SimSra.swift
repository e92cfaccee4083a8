internal import MachineCore
internal import ToyISA

extension Mutant {
  /// Zeros enter instead of sign bits.
  static let simSra: Mutant = .data(
    "sim-sra", "zeros enter instead of sign bits", at: "sra", field: "register", on: MutantPrograms.tour
  ) {
    $0.alter("sra", as: "srl")
  }
}
