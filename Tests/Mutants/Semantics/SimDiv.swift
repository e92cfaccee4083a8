internal import MachineCore
internal import ToyISA

extension Mutant {
  /// Division by zero does not trap.
  static let simDiv: Mutant = .data(
    "sim-div", "division by zero does not trap", at: "div", field: "kind", on: MutantPrograms.tour
  ) {
    $0.alter("div") { _ in [.setOperand(0, .binary(.divideSigned, .operand(1), .operand(2), .bits32))] }
  }
}
