internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// A loaded PSW keeps the interrupt enable that was there.
  static let vmmLpsw: Mutant = .monitor(
    "vmm-lpsw", "lpsw keeps the interrupt enable that was there", at: "lpsw", field: "register",
    on: MutantPrograms.tour
  ) {
    let right = $0.routines["lpsw"]
    $0.routines["lpsw"] = { processor, word throws(GuestTrap) in
      let old = processor.psw.interruptEnable
      let next = try right?(processor, word) ?? 0
      processor.psw.interruptEnable = old
      return next
    }
  }
}
