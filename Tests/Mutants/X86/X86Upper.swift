internal import MachineCore

extension Mutant {
  /// 32-bit writes keep the upper half.
  static let x86Upper: Mutant = .x86(
    "x86-upper", "32-bit writes keep the upper half", at: "mov", field: "register rax",
    [0x48, 0xC7, 0xC0, 0xFF, 0xFF, 0xFF, 0xFF, 0xB8, 5, 0, 0, 0]  // mov rax, -1; mov eax, 5
  ) {
    $0.adjust = { decoded in
      for index in 0..<4 where decoded.operands[index].width == .bits32 {
        decoded.operands[index].merges = true
      }
    }
  }
}
