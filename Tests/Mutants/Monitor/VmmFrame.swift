internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// Shadow frames are not relocated.
  static let vmmFrame: Mutant = .monitor(
    "vmm-frame", "shadow frames are not relocated", breaks: .control, on: MutantPrograms.paging
  ) {
    $0.shadowEntry = { entry, user, map in
      let right = VMMPolicy.correct.shadowEntry(entry, user, map)
      return right == 0 ? 0 : right &- UInt32(map.guest.lowerBound)
    }
  }
}
