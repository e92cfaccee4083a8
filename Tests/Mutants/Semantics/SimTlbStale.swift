internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// Tlbflush forgets nothing.
  static let simTlbStale: Mutant = .data(
    "sim-tlb-stale", "tlbflush forgets nothing", on: MutantPrograms.paging
  ) {
    $0.alter("tlbflush") { effects in Rewriting.without { $0 == .clearAuxiliary(0) }(effects) }
  }
}
