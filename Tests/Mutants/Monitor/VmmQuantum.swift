internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The guest keeps the processor as long as it likes.
  static let vmmQuantum: Mutant = .monitor(
    "vmm-quantum", "the guest keeps the processor as long as it likes", breaks: .control,
    on: MutantPrograms.spinning
  ) {
    $0.quantum = .max
  }
}
