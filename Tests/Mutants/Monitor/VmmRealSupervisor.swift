internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The guest's supervisor runs in real supervisor mode.
  // The hardware executes in user mode whatever it is told, so only a look at the real PSW shows the fault.
  static let vmmRealSupervisor: Mutant = {
    var mutant = Mutant.monitor(
      "vmm-real-supervisor", "the guest's supervisor runs in real supervisor mode", breaks: .control,
      on: MutantPrograms.tour
    ) {
      $0.compose = { psw, map in
        var real = VMMPolicy.correct.compose(psw, map)
        real.user = psw.user
        return real
      }
    }
    mutant.isObservable = false
    return mutant
  }()
}
