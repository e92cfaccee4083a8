internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// A write does not set the dirty bit.
  static let simDirty: Mutant = .data(
    "sim-dirty", "a write does not set the dirty bit", on: MutantPrograms.paging
  ) {
    $0.alter($0.system.translate) { effects in
      Rewriting.constant(PageEntry.accessed | PageEntry.dirty, to: PageEntry.accessed)(effects)
    }
  }
}
