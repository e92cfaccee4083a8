internal import MachineCore
internal import ToyISA

extension Mutant {
  /// Misaligned load does not trap.
  static let simLw: Mutant = .data(
    "sim-lw", "misaligned load does not trap", at: "lw", field: "kind", on: MutantPrograms.tour
  ) {
    $0.alter("lw") { effects in
      guard case .when(_, _, let otherwise)? = effects.first else { return effects }
      return otherwise
    }
  }
}
