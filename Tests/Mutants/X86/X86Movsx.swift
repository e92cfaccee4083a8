internal import MachineCore
internal import Properties

extension Mutant {
  /// Movsx extends with zeros.
  static let x86Movsx: Mutant = .x86(
    "x86-movsx", "movsx extends with zeros", at: "movsx", field: "register rax",
    [0xB3, 0x80, 0x0F, 0xBE, 0xC3]  // mov bl, 0x80; movsx eax, bl
  ) {
    $0.alter("movsx") {
      Rewriting(expression: { if case .unary(.signExtend8, let byte, _) = $0 { byte } else { $0 } })($0)
    }
  }
}
