internal import MachineCore
internal import ToyISA

extension Mutant {
  /// Interrupts are taken while they are off.
  static let simIe: Mutant = .data(
    "sim-ie", "interrupts are taken while they are off", field: "kind", on: MutantPrograms.tour
  ) {
    $0.system.interruptible = .constant(1)
  }
}
