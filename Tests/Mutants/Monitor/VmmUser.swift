internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The user's privileged instructions are carried out.
  static let vmmUser: Mutant = .monitor(
    "vmm-user", "the user's privileged instructions are carried out", on: MutantPrograms.tour
  ) {
    $0.sort = { cause, psw in
      cause == ToyCause.privileged.rawValue ? .emulate : VMMPolicy.correct.sort(cause, psw)
    }
  }
}
