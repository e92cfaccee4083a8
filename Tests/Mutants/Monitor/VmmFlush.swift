internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The shadow tables outlive tlbflush.
  static let vmmFlush: Mutant = .monitor(
    "vmm-flush", "the shadow tables outlive tlbflush", on: MutantPrograms.paging
  ) {
    $0.routines["tlbflush"] = { processor, _ in processor.psw.pc &+ 4 }
  }
}
