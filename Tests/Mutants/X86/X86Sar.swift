internal import MachineCore

extension Mutant {
  /// Sar shifts zeros in.
  static let x86Sar: Mutant = .x86(
    "x86-sar", "sar shifts zeros in", at: "sar", field: "register",
    [0xB0, 0x80, 0xC0, 0xF8, 0x01]  // mov al, 0x80; sar al, 1
  ) {
    $0.alter("sar", as: "shr")
  }
}
