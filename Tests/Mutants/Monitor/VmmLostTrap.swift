internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The user's svc is swallowed.
  static let vmmLostTrap: Mutant = .monitor(
    "vmm-lost-trap", "the user's svc is swallowed", field: "kind", on: MutantPrograms.tour
  ) {
    $0.sort = { cause, psw in
      cause == ToyCause.supervisorCall.rawValue ? .emulate : VMMPolicy.correct.sort(cause, psw)
    }
    $0.routines["svc"] = { processor, _ in processor.psw.pc &+ 4 }
  }
}
