import MachineCore
import Properties
import Testing
import ToyISA

@Suite struct StaticClassificationTests {
  private func classes(_ variant: ToyVariant) -> [String: InstructionClass] {
    Dictionary(
      uniqueKeysWithValues: zip(toyTable.map(\.mnemonic), StaticClassification(of: variant).classes))
  }

  private func offenders(_ variant: ToyVariant) -> Set<String> {
    Set(StaticClassification(of: variant).offenders.map { toyTable[$0].mnemonic })
  }

  /// The verdicts follow from the effects; these are the paper's, worked out by hand.
  @Test func classicHasNoSensitiveUnprivilegedInstruction() {
    #expect(offenders(.classic).isEmpty)
  }

  @Test func everyVariantFailsAtItsFlawAndNowhereElse() {
    #expect(offenders(.popf) == ["setie"])
    #expect(offenders(.jrst) == ["jrst"])
    #expect(offenders(.leaky) == ["getbase", "getbound"])
  }

  @Test func computationIsInnocuousAndUnprivileged() throws {
    let classes = classes(.classic)
    for name in ["add", "div", "lw", "sw", "cas", "beq", "jal", "jalr", "auipc", "svc", "brk"] {
      let found = try #require(classes[name])
      #expect(found.innocuous, "\(name)")
      #expect(!found.privileged, "\(name)")
    }
  }

  @Test func systemInstructionsFallInTheirClasses() throws {
    let classes = classes(.classic)
    for name in ["lpsw", "jrst", "setie", "tlbflush", "wait", "in", "out"] {
      #expect(try #require(classes[name]).controlSensitive, "\(name)")
    }
    for name in ["getpsw", "getbase", "getbound", "getclk", "in"] {
      #expect(try #require(classes[name]).behaviourSensitive, "\(name)")
    }
    for row in toyTable where row.group == .system {
      #expect(try #require(classes[row.mnemonic]).privileged, "\(row.mnemonic)")
    }
  }
}
