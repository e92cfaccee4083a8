internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// Stores whatever it finds.
  static let simCas: Mutant = .data(
    "sim-cas", "stores whatever it finds", at: "cas", field: "memory effect", on: MutantPrograms.tour
  ) {
    $0.alter("cas") { effects in
      let rewriting = Rewriting(effect: {
        if case .when(let condition, let then, []) = $0 {
          [.when(condition, then: then, otherwise: then)]
        } else {
          [$0]
        }
      })
      return rewriting(effects)
    }
  }
}
