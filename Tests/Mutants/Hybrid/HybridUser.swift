internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// The hybrid VMM interprets user code as well.
  static let hybridUser: Mutant = .hybrid(
    "hybrid-user", "user code is interpreted as well", breaks: .efficiency, on: MutantPrograms.quietUser
  ) {
    $0.interprets = { _ in true }
  }
}
