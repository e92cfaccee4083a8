internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The routine for the high word of a product forgets it.
  static let hybridMulhu: Mutant = .hybrid(
    "hybrid-mulhu", "the interpreted mulhu gives the low word", at: "mulhu", field: "register",
    on: MutantPrograms.tour
  ) {
    $0.routines["mulhu"] = $0.routines["mul"]
  }
}
