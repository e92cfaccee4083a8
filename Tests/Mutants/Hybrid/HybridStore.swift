internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// An interpreted halfword store writes a word.
  static let hybridStore: Mutant = .hybrid(
    "hybrid-store", "the interpreted sh stores a word", at: "sh", field: "memory",
    on: MutantPrograms.comparing
  ) {
    $0.routines["sh"] = { processor, word throws(GuestTrap) in
      try processor.store(processor.register(word.b) &+ word.signed, processor.register(word.a), size: 4)
      return processor.psw.pc &+ 4
    }
  }
}
