internal import MachineCore
internal import X86Backend

/// What forms of instructions ask of the processor's state, for ``EffectCoverage``.
struct X86FuzzFacts {
  private let definitions: [Int: X86FuzzForm]

  /// Virtual-8086 mode: segments of 64 KiB, and 16-bit stacks.
  static let implications: [ReachAnalysis.Implication] = {
    var limit = KnownBits(0xFFFF)
    limit.zeros = ~0xFFFF
    var attributes = KnownBits()
    (attributes.ones, attributes.zeros) = (0xF3, 0x4000)
    return [
      ReachAnalysis.Implication(
        register: X86Register.rflags.id, bit: 0x2_0000,
        known: [
          (X86Register.csLimit.id, limit), (X86Register.ssLimit.id, limit),
          (X86Register.ssAttributes.id, attributes), (X86Register.efer.id, KnownBits(bit: 0x400, is: false)),
        ])
    ]
  }()

  init(_ machine: X86FuzzMachine) { definitions = machine.forms }

  /// What is known of a definition by its number.
  func of(_ number: Int) -> EffectCoverage.Facts {
    var facts = EffectCoverage.Facts()
    guard let form = definitions[number] else { return facts }
    for (operand, value) in form.constants { facts.operands[operand] = KnownBits(value) }
    for (operand, width) in form.widths {
      var bits = KnownBits()
      bits.zeros = ~width.mask
      facts.operands[operand] = bits
    }
    func set(_ register: X86Register, ones: UInt64 = 0, zeros: UInt64 = 0) {
      var bits = KnownBits()
      (bits.ones, bits.zeros) = (ones, zeros)
      facts.registers[register.id] = (facts.registers[register.id] ?? .unknown).with(bits)
    }
    // Virtual-8086 mode and long mode exclude each other, and the former has 16-bit stacks only.
    if form.is64 {
      set(.efer, ones: 0x500)
      set(.csAttributes, ones: 0x2000)
      set(.cr0, ones: 0x8000_0001)
      set(.rflags, zeros: 0x2_0000)
    }
    if let stack = form.stack {
      if stack == .bits32 {
        set(.ssAttributes, ones: 0x4000)
        set(.rflags, zeros: 0x2_0000)
      } else if stack == .bits16 {
        set(.ssAttributes, zeros: 0x4000)
      }
    }
    return facts
  }
}
