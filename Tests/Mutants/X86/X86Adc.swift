internal import MachineCore
internal import Properties

extension Mutant {
  /// Adc never sets carry.
  static let x86Adc: Mutant = .x86(
    "x86-adc", "adc never sets carry", at: "adc", field: "register rflags",
    [0xB3, 0xFF, 0xF9, 0x80, 0xD3, 0x00]  // mov bl, 0xff; stc; adc bl, 0
  ) {
    $0.alter("adc") { Rewriting.rflags { .binary(.and, $0, .constant(~1), .bits64) }($0) }
  }
}
