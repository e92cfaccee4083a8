internal import MachineCore
internal import Properties

extension Mutant {
  /// Sub sets overflow the wrong way round.
  static let x86Sub: Mutant = .x86(
    "x86-sub", "sub sets overflow the wrong way round", at: "sub", field: "register rflags",
    [0xB0, 0x80, 0x2C, 0x01]  // mov al, 0x80; sub al, 1
  ) {
    $0.alter("sub") { Rewriting.rflags { .binary(.xor, $0, .constant(0x800), .bits64) }($0) }
  }
}
