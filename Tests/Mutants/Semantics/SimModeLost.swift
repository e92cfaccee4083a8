internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// Lpsw does not restore the mode.
  static let simModeLost: Mutant = .data(
    "sim-mode-lost", "lpsw does not restore the mode", at: "lpsw", field: "register mode",
    on: MutantPrograms.tour
  ) {
    $0.alter("lpsw") { effects in Rewriting.without(Rewriting.isModeWrite)(effects) }
  }
}
