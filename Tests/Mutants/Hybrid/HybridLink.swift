internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// An interpreted jump does not link.
  static let hybridLink: Mutant = .hybrid(
    "hybrid-link", "the interpreted jalr does not link", at: "jalr", field: "register",
    on: MutantPrograms.comparing
  ) {
    $0.routines["jalr"] = { processor, word in processor.register(word.b) &+ word.signed }
  }
}
