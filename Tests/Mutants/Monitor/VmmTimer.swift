internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The virtual timer is late by an instruction.
  static let vmmTimer: Mutant = .monitor(
    "vmm-timer", "the virtual timer is late by an instruction", on: MutantPrograms.tour
  ) {
    $0.slice = { limit, untilDeadline in min(limit, untilDeadline &+ 1) }
  }
}
