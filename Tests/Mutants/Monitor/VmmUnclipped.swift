internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The virtual bound is not clipped.
  static let vmmUnclipped: Mutant = .monitor(
    "vmm-unclipped", "the virtual bound is not clipped", breaks: .control, on: MutantPrograms.tour
  ) {
    $0.compose = { psw, map in
      var real = VMMPolicy.correct.compose(psw, map)
      real.bound = psw.bound &+ 0x1000
      return real
    }
  }
}
