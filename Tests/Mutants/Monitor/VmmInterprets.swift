internal import MachineCore
internal import ToyISA
internal import Virtualizer

extension Mutant {
  /// Multiplication is interpreted by the VMM.
  // A word that no real cause has, so that the VMM knows what the hardware lacks.
  static let vmmInterprets: Mutant = .machine(
    "vmm-interprets", "multiplication is interpreted by the VMM", breaks: .efficiency, twin: .virtualizer,
    on: MutantPrograms.tour
  ) {
    let opcode = toyTable.first { $0.mnemonic == "mul" }?.opcode ?? 0
    return try Mutant.monitor($0) { policy in
      policy.sort = { cause, psw in
        cause == TrappingProcessor.cause ? .emulate : VMMPolicy.correct.sort(cause, psw)
      }
      policy.routines["mul"] = { processor, word in
        let factor = processor.register(Int(word.word >> 12 & 15))
        processor.setRegister(word.a, processor.register(word.b) &* factor)
        return processor.psw.pc &+ 4
      }
    } wrap: {
      TrappingProcessor($0, opcode: opcode)
    }
  }
}
