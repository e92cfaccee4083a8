internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The guest sees the bound of the hardware.
  static let vmmBoundShown: Mutant = .monitor(
    "vmm-bound-shown", "getbound shows a bound with the guards", at: "getbound", field: "register",
    on: MutantPrograms.tour
  ) {
    $0.routines["getbound"] = { processor, word in
      processor.setRegister(word.a, processor.psw.bound &+ 0x2000)
      return processor.psw.pc &+ 4
    }
  }
}
