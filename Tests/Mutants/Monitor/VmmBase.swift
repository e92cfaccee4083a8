internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// Getbase shows the real base.
  static let vmmBase: Mutant = .monitor(
    "vmm-base", "getbase shows the real base", at: "getbase", field: "register", on: MutantPrograms.tour
  ) {
    $0.routines["getbase"] = { processor, word in
      processor.setRegister(word.a, processor.psw.base &+ 0x1000)
      return processor.psw.pc &+ 4
    }
  }
}
