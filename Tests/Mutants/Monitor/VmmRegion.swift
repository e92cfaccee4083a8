internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// Relocation begins a page too low.
  static let vmmRegion: Mutant = .monitor(
    "vmm-region", "relocation begins a page too low", breaks: .control, on: MutantPrograms.tour
  ) {
    $0.compose = { psw, map in
      var real = VMMPolicy.correct.compose(psw, map)
      real.base &-= 0x1000
      return real
    }
  }
}
