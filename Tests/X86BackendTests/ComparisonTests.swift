import MachineCore
import Testing
import Trace
import X86Backend

@Suite struct ComparisonTests {
  /// One change of EFLAGS for the head of an instruction with these bytes.
  private static func flags(_ bytes: [UInt8]) throws -> UndefinedBits {
    let all = X86Comparison.undefinedBits(TraceRecord(.retire, bytes: InstructionBytes(bytes)))
    try #require(all.count == 1)
    return all[0]
  }

  /// Where the count may be zero, flags may stay as they were.
  @Test func countsThatTheTraceDoesNotTell() throws {
    let arithmetic: UInt64 = 0x8D5
    for bytes: [UInt8] in [[0xA6], [0xAE], [0x39, 0xC8], [0x01, 0xC8]] {
      #expect(try Self.flags(bytes) == UndefinedBits(register: 17, undefined: 0, defined: arithmetic))
    }
    for bytes: [UInt8] in [[0xF3, 0xA6], [0xF2, 0xAE], [0xF3, 0xA7], [0xD3, 0xD3]] {
      #expect(try Self.flags(bytes).defined == 0)
    }
    // RCL by 27: overflow is undefined, carry is not.
    let rotation = try Self.flags([0xC1, 0xD3, 27])
    #expect((rotation.undefined, rotation.defined) == (0x800, 1))
  }

  /// RCL by 27, then ADD: on one machine the overflow flag was set in between, and it is clear on both after.
  @Test func undefinedFlagsThatAnAdditionDefines() throws {
    func run(_ rotated: UInt64?, _ added: UInt64?) -> TraceLog {
      func step(_ bytes: [UInt8], _ flags: UInt64?) -> [TraceRecord] {
        [TraceRecord(.retire, bytes: InstructionBytes(bytes))]
          + (flags.map { [TraceRecord(.registerWrite, code: 17, value: $0)] } ?? [])
      }
      return TraceLog(
        header: TraceHeader(
          isa: "x86", variant: "x86-64", engine: "", flavour: "", level: .instructions, program: "",
          registers: X86Register.table.map(\.name)),
        records: step([0x83, 0xC6, 0], 0x6) + step([0xC1, 0xD3, 27], rotated)
          + step([0x83, 0xC6, 1], added))
    }
    func verdict(_ left: TraceLog, _ right: TraceLog) throws -> String {
      try TraceComparator.compare(
        TraceLogSource(left), TraceLogSource(right), policy: X86Comparison.policy(withHardware: [])
      ).verdict.name
    }
    #expect(try verdict(run(0x806, 0x6), run(nil, nil)) == "equal except")
    #expect(try verdict(run(nil, nil), run(0x806, 0x6)) == "equal except")
    #expect(try verdict(run(0x806, 0x2), run(nil, nil)) == "divergent")
    #expect(try verdict(run(nil, nil), run(0x806, 0x7)) == "divergent")
  }
}
