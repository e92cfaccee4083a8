import Testing

@Suite struct ExplainCommandTests {
  @Test func flagsComeFromTheEffects() {
    let result = triad("explain", "adc eax, ebx")
    #expect(result.status == 0, "\(result.error)")
    #expect(result.output.contains("defined: OF SF ZF AF PF CF"))
    #expect(result.output.contains("unchanged: DF IF TF"))
    #expect(result.output.contains("eax ← t2"))
    #expect(!result.output.contains("page fault"))
    #expect(triad("explain", "adc [rbx], eax").output.contains("page fault"))
  }

  @Test func undefinedFlagsAndFaultsAreTold() {
    let divide = triad("explain", "div ecx", "--isa", "x86").output
    #expect(divide.contains("undefined: OF SF ZF AF PF CF"))
    #expect(divide.contains("of the instruction: divide error"))
    #expect(triad("explain", "shl al, cl").output.contains("undefined in some cases: OF AF CF"))
    #expect(triad("explain", "shl al, cl", "--cpu", "8086").output.contains("(cl & 0xff)"))
  }

  @Test func privilegeIsTold() {
    for name in ["lpsw", "hlt", "cli"] {
      #expect(triad("explain", name).output.contains("traps where the mode"), "\(name)")
    }
    #expect(triad("explain", "add").output.contains("any mode may execute it"))
  }

  @Test func unknownNamesGetASuggestion() {
    let result = triad("explain", "addd")
    #expect(result.status == 2)
    #expect(result.error.contains("did you mean"), "\(result.error)")
  }
}
