internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// A shadow entry is writable before the first write.
  static let vmmDirty: Mutant = .monitor(
    "vmm-dirty", "a shadow entry is writable before the first write", on: MutantPrograms.paging
  ) {
    $0.shadowEntry = { entry, user, map in
      let clean = VMMPolicy.correct.shadowEntry(entry, user, map)
      return clean == 0 ? 0 : clean | entry & UInt32(PageEntry.write)
    }
  }
}
