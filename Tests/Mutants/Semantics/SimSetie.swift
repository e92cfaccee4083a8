internal import MachineCore
internal import ToyISA

extension Mutant {
  /// Setie does not trap in user mode.
  static let simSetie: Mutant = .data(
    "sim-setie", "setie does not trap in user mode", at: "setie", field: "kind", on: MutantPrograms.tour
  ) {
    let popf = ToyInstructionSet(.popf).definitions.first { $0.mnemonic == "setie" }
    $0.alter("setie") { _ in popf?.effects ?? [] }
  }
}
