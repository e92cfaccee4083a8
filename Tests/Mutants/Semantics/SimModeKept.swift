internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// A trap does not enter supervisor mode.
  static let simModeKept: Mutant = .data(
    "sim-mode-kept", "a trap does not enter supervisor mode", field: "register mode", on: MutantPrograms.tour
  ) {
    $0.alter($0.system.deliver) { effects in Rewriting.without(Rewriting.isModeWrite)(effects) }
  }
}
