internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// Shift count is not masked.
  static let simSll: Mutant = .data(
    "sim-sll", "shift count is not masked", at: "sll", field: "register", on: MutantPrograms.tour
  ) {
    $0.alter("sll") { effects in
      let rewriting = Rewriting(expression: {
        if case .binary(.and, let count, .constant(31), _) = $0 { count } else { $0 }
      })
      return rewriting(effects)
    }
  }
}
