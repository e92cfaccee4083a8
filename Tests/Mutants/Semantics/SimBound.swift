internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// A word behind the bound is in reach.
  static let simBound: Mutant = .data(
    "sim-bound", "a word behind the bound is in reach", at: "lw", field: "kind", on: MutantPrograms.tour
  ) {
    $0.alter($0.system.translate) { effects in
      let rewriting = Rewriting(expression: {
        $0 == .register(ToyRegister.bound) ? .binary(.add, $0, .constant(4), .bits64) : $0
      })
      return rewriting(effects)
    }
  }
}
