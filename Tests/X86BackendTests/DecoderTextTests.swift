import Testing
import Trace
import X86Backend

/// Text of instructions, and what is no instruction.
@Suite struct DecoderTextTests {
  private func show(_ bytes: [UInt8], _ context: X86DecodeContext, _ syntax: X86Syntax) -> X86Disassembly {
    X86InstructionSet().disassembly(of: InstructionBytes(bytes), pc: 0x1000, context: context, syntax: syntax)
  }

  @Test(
    arguments: [
      ([0x8B, 0x44, 0x8B, 0xF8], "mov eax, dword ptr [rbx + rcx*4 - 0x8]", "movl -0x8(%rbx,%rcx,4), %eax"),
      ([0xF0, 0x48, 0xFF, 0x00], "lock inc qword ptr [rax]", "lock incq (%rax)"),
      ([0x48, 0x63, 0xC8], "movsxd rcx, eax", "movslq %eax, %rcx"),
      ([0x0F, 0xB6, 0x05, 4, 0, 0, 0], "movzx eax, byte ptr [rip + 0x4]", "movzbl 0x4(%rip), %eax"),
      ([0xC8, 0x10, 0, 1], "enter 0x10, 1", "enter $0x10, $1"),
      ([0xFF, 0xE0], "jmp rax", "jmp *%rax"),
      ([0xF3, 0x48, 0xA5], "rep movsq qword ptr es:[rdi], qword ptr [rsi]", "rep movsq (%rsi), %es:(%rdi)"),
      ([0x99], "cdq", "cltd"),
      (
        [0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8], "mov rax, 0x807060504030201", "movabsq $0x807060504030201, %rax"
      ),
      ([0x0F, 0x58, 0xC1], "addps xmm0, xmm1", "addps %xmm1, %xmm0"),
      (
        [0x66, 0x0F, 0x3A, 0x0F, 0x01, 5], "palignr xmm0, xmmword ptr [rcx], 5", "palignr $5, (%rcx), %xmm0"
      ),
      ([0xDD, 0x00], "fld qword ptr [rax]", "fldl (%rax)"),
      ([0xDE, 0xE1], "fsubrp st(1), st", "fsubp %st, %st(1)"),
      ([0xF3, 0x48, 0x0F, 0x2A, 0x00], "cvtsi2ss xmm0, qword ptr [rax]", "cvtsi2ssq (%rax), %xmm0"),
    ] as [([UInt8], String, String)])
  func bothSyntaxes(bytes: [UInt8], intel: String, att: String) {
    #expect(show(bytes, .long64, .intel).text == intel)
    #expect(show(bytes, .long64, .att).text == att)
    #expect(show(bytes, .long64, .att).length == bytes.count)
  }

  @Test func lockNeedsAWriteToMemory() {
    #expect(show([0xF0, 0x01, 0x03], .flat32, .intel).text == "lock add dword ptr [ebx], eax")
    // A register destination, a load, and instructions that cannot be locked.
    for bytes: [UInt8] in [
      [0x01, 0xC3], [0x03, 0x03], [0x90], [0x0F, 0x58, 0xC1], [0xD9, 0xE8], [0x38, 0x03],
    ] {
      #expect(show([0xF0] + bytes, .flat32, .intel).kind == .undefined)
    }
  }

  @Test func fifteenBytesAreTheLimit() {
    for count in 0..<20 {
      let bytes = [UInt8](repeating: 0x66, count: count) + [0x90]
      let found = show(bytes, .flat32, .intel)
      #expect(found.kind == (count < 15 ? .executed : .tooLong))
      #expect(found.length == min(count + 1, 15))
    }
  }

  @Test func otherEncodingsAreRefusedWithTheirLength() {
    func check(_ bytes: [UInt8], _ context: X86DecodeContext, _ text: String) {
      let found = show(bytes + [0x90, 0x90], context, .intel)
      #expect(found.kind == .refused)
      #expect(found.text == text)
      #expect(found.length == bytes.count)
    }
    // vaddps, vzeroupper, vpalignr, EVEX vaddps, XOP vprotb.
    check([0xC5, 0xF0, 0x58, 0xC1], .long64, "(VEX 0F 58)")
    check([0xC5, 0xF8, 0x77], .flat32, "(VEX 0F 77)")
    check([0xC4, 0xE3, 0x71, 0x0F, 0x04, 0x08, 5], .long64, "(VEX 0F3A 0F)")
    check([0x62, 0xF1, 0x74, 0x48, 0x58, 0x44, 0x08, 1], .long64, "(EVEX 0F 58)")
    check([0x8F, 0xE8, 0x78, 0xC0, 0xC1, 3], .long64, "(XOP map 8 C0)")
    // Real mode does not know them; in 32-bit code a memory form is LES; REX before VEX is undefined.
    #expect(show([0xC5, 0xF0, 0x58, 0xC1], .real16, .intel).kind == .undefined)
    #expect(show([0xC4, 0x03], .flat32, .intel).text.hasPrefix("les eax"))
    #expect(show([0x48, 0xC5, 0xF0, 0x58, 0xC1], .long64, .intel).kind == .undefined)
  }

  /// Random bytes: the decoder ends, stays within the bytes, and what it read decides alone.
  @Test(arguments: [X86DecodeContext.real16, .flat32, .long64])
  func randomBytes(context: X86DecodeContext) {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for _ in 0..<5000 {
      var bytes: [UInt8] = []
      for _ in 0..<15 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.append(UInt8(truncatingIfNeeded: state >> 33))
      }
      let found = show(bytes, context, .intel)
      #expect((1...15).contains(found.length))
      guard [.executed, .named, .refused].contains(found.kind) else { continue }
      #expect(show(Array(bytes.prefix(found.length)), context, .intel) == found)
      #expect(show(Array(bytes.prefix(found.length - 1)), context, .intel).kind == .incomplete)
    }
  }
}
