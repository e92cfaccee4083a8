internal import MachineCore
internal import Properties
internal import ToyISA

extension Mutant {
  /// Links to itself.
  static let simJal: Mutant = .data(
    "sim-jal", "links to itself", at: "jal", field: "register", on: MutantPrograms.tour
  ) {
    $0.alter("jal") { effects in Rewriting(expression: { $0 == .nextPC ? .pc : $0 })(effects) }
  }
}
