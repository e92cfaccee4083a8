internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// A trap saves the next pc.
  static let simSavedPc: Mutant = .data(
    "sim-saved-pc", "a trap saves the next pc", at: "lpsw", field: "next pc", on: MutantPrograms.tour
  ) {
    $0.alter($0.system.deliver) { effects in
      let rewriting = Rewriting(expression: { $0 == .pc ? .binary(.add, .pc, .constant(4), .bits32) : $0 })
      return rewriting(effects)
    }
  }
}
