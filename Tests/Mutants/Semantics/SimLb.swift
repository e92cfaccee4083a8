internal import MachineCore
internal import ToyISA

extension Mutant {
  /// Byte is not sign-extended.
  static let simLb: Mutant = .data(
    "sim-lb", "byte is not sign-extended", at: "lb", field: "register", on: MutantPrograms.tour
  ) {
    $0.alter("lb", as: "lbu")
  }
}
