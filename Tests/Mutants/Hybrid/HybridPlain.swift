internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The hybrid VMM runs supervisor code while interrupts are off.
  static let hybridPlain: Mutant = .hybrid(
    "hybrid-plain", "supervisor code runs directly while interrupts are off", at: "setie",
    field: "register ie",
    on: MutantPrograms.interrupts
  ) {
    $0.interprets = { !$0.user && $0.interruptEnable }
  }
}
