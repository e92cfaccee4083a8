internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// An interpreted unsigned comparison is signed.
  static let hybridBranch: Mutant = .hybrid(
    "hybrid-branch", "the interpreted bgeu compares with sign", at: "bgeu", field: "next pc",
    on: MutantPrograms.comparing
  ) {
    $0.routines["bgeu"] = $0.routines["bge"]
  }
}
