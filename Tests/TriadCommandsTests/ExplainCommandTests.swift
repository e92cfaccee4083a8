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

  @Test func flagsHaveALineEach() {
    let add = triad("explain", "add", "al,", "bl").output
    for line in ["OF ← ", "SF ← ((t2 >> 7) & 1)", "ZF ← isZero(t2):8", "PF ← parity8(t2):8"] {
      #expect(add.contains(line), "\(line)\n\(add)")
    }
    #expect(!add.contains("check that"), "nothing to check of a register\n\(add)")
    #expect(triad("explain", "add [rbx], al").output.contains("check that memory of [rbx]"))
    let divide = triad("explain", "div", "cl", "--isa", "x86").output
    #expect(divide.contains("undefined: OF SF ZF AF PF CF"), "\(divide)")
    #expect(triad("explain", "shl eax, cl").output.contains("undefined if (1 < t3): OF"))
  }

  @Test func theModeChoosesTheForm() {
    #expect(triad("explain", "push").output.contains("ss:[(rsp − 8)]:64"))
    #expect(triad("explain", "push ecx", "--mode", "32").output.contains("ss:[((rsp − 4) & 0xffffffff)]:32"))
    #expect(triad("explain", "push ax", "--cpu", "8086").output.contains("& 0xffff)]:16"))
    #expect(triad("explain", "push", "--mode", "8").status == 2)
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
