import MachineCore
import ToyISA
import X86Backend

/// Instruction sets with a row or a procedure that is wrong.
enum DataMutants {
  static let all = computing + storage + control + system + x86

  private static let isModeWrite: @Sendable (Effect) -> Bool = {
    if case .write(ToyRegister.mode, _) = $0 { true } else { false }
  }

  static let computing: [Mutant] = [
    .data("slt", "signed comparison is unsigned", at: "slt", field: "register", on: MutantPrograms.tour) {
      $0.alter("slt", as: "sltu")
    },
    .data("sra", "zeros enter instead of sign bits", at: "sra", field: "register", on: MutantPrograms.tour) {
      $0.alter("sra", as: "srl")
    },
    .data("sll", "shift count is not masked", at: "sll", field: "register", on: MutantPrograms.tour) {
      $0.alter("sll") { effects in
        let rewriting = Rewriting(expression: {
          if case .binary(.and, let count, .constant(31), _) = $0 { count } else { $0 }
        })
        return rewriting(effects)
      }
    },
    .data("mulhu", "high word of the signed product", at: "mulhu", field: "register", on: MutantPrograms.tour)
    {
      $0.alter("mulhu") { effects in
        Rewriting.operation(.multiplyHighUnsigned, to: .multiplyHighSigned)(effects)
      }
    },
    .data("div", "division by zero does not trap", at: "div", field: "kind", on: MutantPrograms.tour) {
      $0.alter("div") { _ in [.setOperand(0, .binary(.divideSigned, .operand(1), .operand(2), .bits32))] }
    },
    .data("bge", "equal is not greater or equal", at: "bge", field: "next pc", on: MutantPrograms.tour) {
      $0.alter("bge") { effects in Rewriting.operation(.lessSigned, to: .lessOrEqualSigned)(effects) }
    },
    .data("jal", "links to itself", at: "jal", field: "register", on: MutantPrograms.tour) {
      $0.alter("jal") { effects in Rewriting(expression: { $0 == .nextPC ? .pc : $0 })(effects) }
    },
  ]

  static let storage: [Mutant] = [
    .data("lb", "byte is not sign-extended", at: "lb", field: "register", on: MutantPrograms.tour) {
      $0.alter("lb", as: "lbu")
    },
    .data("cas", "stores whatever it finds", at: "cas", field: "memory effect", on: MutantPrograms.tour) {
      $0.alter("cas") { effects in
        let rewriting = Rewriting(effect: {
          if case .when(let condition, let then, []) = $0 {
            .when(condition, then: then, otherwise: then)
          } else {
            $0
          }
        })
        return rewriting(effects)
      }
    },
    .data("lw", "misaligned load does not trap", at: "lw", field: "kind", on: MutantPrograms.tour) {
      $0.alter("lw") { effects in
        guard case .when(_, _, let otherwise)? = effects.first else { return effects }
        return otherwise
      }
    },
    .data("bound", "a word behind the bound is in reach", at: "lw", field: "kind", on: MutantPrograms.tour) {
      $0.alter($0.system.translate) { effects in
        let rewriting = Rewriting(expression: {
          $0 == .register(ToyRegister.bound) ? .binary(.add, $0, .constant(4), .bits64) : $0
        })
        return rewriting(effects)
      }
    },
    .data("dirty", "a write does not set the dirty bit", on: MutantPrograms.paging) {
      $0.alter($0.system.translate) { effects in
        Rewriting.constant(PageEntry.accessed | PageEntry.dirty, to: PageEntry.accessed)(effects)
      }
    },
    .data("tlb-empty", "the TLB is never filled", on: MutantPrograms.paging) {
      $0.alter($0.system.translate) { effects in
        Rewriting.without { if case .setAuxiliary = $0 { true } else { false } }(effects)
      }
    },
    .data("tlb-stale", "tlbflush forgets nothing", on: MutantPrograms.paging) {
      $0.alter("tlbflush") { effects in Rewriting.without { $0 == .clearAuxiliary(0) }(effects) }
    },
    .data("user-bit", "user mode reaches the supervisor's pages", on: MutantPrograms.paging) {
      $0.alter($0.system.translate) { effects in Rewriting.constant(PageEntry.user, to: 0)(effects) }
    },
  ]

  static let control: [Mutant] = [
    .data("saved-pc", "a trap saves the next pc", at: "lpsw", field: "next pc", on: MutantPrograms.tour) {
      $0.alter($0.system.deliver) { effects in
        let rewriting = Rewriting(expression: { $0 == .pc ? .binary(.add, .pc, .constant(4), .bits32) : $0 })
        return rewriting(effects)
      }
    },
    .data(
      "mode-kept", "a trap does not enter supervisor mode", field: "register mode", on: MutantPrograms.tour
    ) {
      $0.alter($0.system.deliver) { effects in Rewriting.without(isModeWrite)(effects) }
    },
    .data(
      "mode-lost", "lpsw does not restore the mode", at: "lpsw", field: "register mode",
      on: MutantPrograms.tour
    ) {
      $0.alter("lpsw") { effects in Rewriting.without(isModeWrite)(effects) }
    },
  ]

  static let system: [Mutant] = [
    .data("ie", "interrupts are taken while they are off", field: "kind", on: MutantPrograms.tour) {
      $0.system.interruptible = .constant(1)
    },
    .data("setie", "setie does not trap in user mode", at: "setie", field: "kind", on: MutantPrograms.tour) {
      let popf = ToyInstructionSet(.popf).definitions.first { $0.mnemonic == "setie" }
      $0.alter("setie") { _ in popf?.effects ?? [] }
    },
  ]

  private static func flags(_ change: @escaping (Expression) -> Expression) -> Rewriting {
    let rflags = X86Register.rflags.rawValue
    return Rewriting(effect: {
      if case .write(rflags, let value) = $0 { .write(rflags, change(value)) } else { $0 }
    })
  }

  static let x86: [Mutant] = [
    .x86(
      "x86-adc", "adc never sets carry", at: "adc", field: "register rflags",
      [0xB3, 0xFF, 0xF9, 0x80, 0xD3, 0x00]  // mov bl, 0xff; stc; adc bl, 0
    ) {
      $0.alter("adc") { flags { .binary(.and, $0, .constant(~1), .bits64) }($0) }
    },
    .x86(
      "x86-sub", "sub sets overflow the wrong way round", at: "sub", field: "register rflags",
      [0xB0, 0x80, 0x2C, 0x01]  // mov al, 0x80; sub al, 1
    ) {
      $0.alter("sub") { flags { .binary(.xor, $0, .constant(0x800), .bits64) }($0) }
    },
    .x86(
      "x86-upper", "32-bit writes keep the upper half", at: "mov", field: "register rax",
      [0x48, 0xC7, 0xC0, 0xFF, 0xFF, 0xFF, 0xFF, 0xB8, 5, 0, 0, 0]  // mov rax, -1; mov eax, 5
    ) {
      $0.adjust = { decoded in
        for index in 0..<4 where decoded.operands[index].width == .bits32 {
          decoded.operands[index].merges = true
        }
      }
    },
    .x86(
      "x86-sar", "sar shifts zeros in", at: "sar", field: "register",
      [0xB0, 0x80, 0xC0, 0xF8, 0x01]  // mov al, 0x80; sar al, 1
    ) {
      $0.alter("sar", as: "shr")
    },
    .x86(
      "x86-movsx", "movsx extends with zeros", at: "movsx", field: "register rax",
      [0xB3, 0x80, 0x0F, 0xBE, 0xC3]  // mov bl, 0x80; movsx eax, bl
    ) {
      $0.alter("movsx") {
        Rewriting(expression: { if case .unary(.signExtend8, let byte, _) = $0 { byte } else { $0 } })($0)
      }
    },
  ]
}
