internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The guest's supervisor runs in real supervisor mode.
  static let vmmRealSupervisor: Mutant = .monitor(
    "vmm-real-supervisor", "the guest's supervisor runs in real supervisor mode", breaks: .control,
    on: MutantPrograms.tour
  ) {
    $0.compose = { psw, map in
      var real = VMMPolicy.correct.compose(psw, map)
      real.user = psw.user
      return real
    }
  }
}
