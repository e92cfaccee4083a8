internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// Pages for reading can be written.
  static let vmmReadOnly: Mutant = .monitor(
    "vmm-read-only", "pages for reading can be written", on: MutantPrograms.paging
  ) {
    $0.shadowEntry = { entry, user, map in
      let right = VMMPolicy.correct.shadowEntry(entry, user, map)
      return right == 0 ? 0 : right | UInt32(PageEntry.write)
    }
  }
}
