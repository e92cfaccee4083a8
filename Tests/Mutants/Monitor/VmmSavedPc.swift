internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// A reflected trap saves the next pc.
  static let vmmSavedPc: Mutant = .monitor(
    "vmm-saved-pc", "a reflected trap saves the next pc", field: "pc", on: MutantPrograms.tour
  ) {
    $0.savedPC = { $0 &+ 4 }
  }
}
