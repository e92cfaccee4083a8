internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The clock runs ahead of virtual time.
  static let vmmClock: Mutant = .monitor(
    "vmm-clock", "getclk is an instruction ahead of virtual time", at: "getclk", field: "register",
    on: MutantPrograms.tour
  ) {
    $0.routines["getclk"] = { processor, word in
      processor.setRegister(word.a, UInt32(truncatingIfNeeded: processor.platform.now &+ 1))
      return processor.psw.pc &+ 4
    }
  }
}
