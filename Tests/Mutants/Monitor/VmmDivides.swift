internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// A division that traps is interpreted once more.
  static let vmmDivides: Mutant = .monitor(
    "vmm-divides", "a division that traps is interpreted once more", breaks: .efficiency,
    on: MutantPrograms.tour
  ) {
    $0.sort = { cause, psw in
      cause == ToyCause.divide.rawValue ? .emulate : VMMPolicy.correct.sort(cause, psw)
    }
    $0.routines["div"] = { _, _ throws(GuestTrap) in
      throw GuestTrap(cause: ToyCause.divide.rawValue, value: 0)
    }
  }
}
