internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The real bound is a word too large.
  static let vmmBound: Mutant = .monitor(
    "vmm-bound", "the real bound is a word too large", breaks: .control, on: MutantPrograms.tour
  ) {
    $0.compose = { psw, map in
      var real = VMMPolicy.correct.compose(psw, map)
      real.bound &+= 4
      return real
    }
  }
}
