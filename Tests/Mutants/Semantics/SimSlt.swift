internal import MachineCore
internal import ToyISA

extension Mutant {
  /// Signed comparison is unsigned.
  static let simSlt: Mutant = .data(
    "sim-slt", "signed comparison is unsigned", at: "slt", field: "register", on: MutantPrograms.tour
  ) {
    $0.alter("slt", as: "sltu")
  }
}
