internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// The TLB is never filled.
  static let simTlbEmpty: Mutant = .data(
    "sim-tlb-empty", "the TLB is never filled", on: MutantPrograms.paging
  ) {
    $0.alter($0.system.translate) { effects in
      Rewriting.without { if case .setAuxiliary = $0 { true } else { false } }(effects)
    }
  }
}
