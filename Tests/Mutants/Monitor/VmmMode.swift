internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// Getpsw shows the real mode.
  static let vmmMode: Mutant = .monitor(
    "vmm-mode", "getpsw shows the real mode", at: "getpsw", field: "register", on: MutantPrograms.tour
  ) {
    $0.routines["getpsw"] = { processor, word in
      processor.setRegister(word.a, processor.psw.flags | 1)
      return processor.psw.pc &+ 4
    }
  }
}
