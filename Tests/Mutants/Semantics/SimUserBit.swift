internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// User mode reaches the supervisor's pages.
  static let simUserBit: Mutant = .data(
    "sim-user-bit", "user mode reaches the supervisor's pages", on: MutantPrograms.paging
  ) {
    $0.alter($0.system.translate) { effects in Rewriting.constant(PageEntry.user, to: 0)(effects) }
  }
}
