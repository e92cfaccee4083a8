import Foundation
import Testing
import Trace
import X86Backend

/// The decoder against an independent disassembler, whose answers are in a committed file.
@Suite struct DecoderFixtureTests {
  /// The folder of the oracles' scripts and answers.
  static let oracles = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Oracles")

  /// Mnemonics of the disassembler that ours spell differently.
  static let spelling: [String: String] = ["sal": "shl", "movabs": "mov", "call": "lcall", "jmp": "ljmp"]

  /// Where ours and the disassembler's answers differ for a reason: our mnemonics, and why.
  static let explained: [(ours: Set<String>, theirs: Set<String>, why: String)] = [
    (
      ["nop", "prefetchw"],
      [
        "-", "bndldx", "bndstx", "bndmov", "bndmk", "bndcl", "bndcu", "bndcn", "cldemote", "prefetchnta",
        "prefetcht0", "prefetcht1", "prefetcht2", "prefetchwt1",
      ],
      "hints are reserved no-operations; bounds checking (MPX) is not part of the processor model"
    ),
    (["cbw", "cwd"], ["cwde", "cdq"], "the disassembler ignores the operand size in 16-bit code"),
    (
      ["ud0", "ud1"], ["ud0", "ud1"],
      "the length of an instruction that always faults: with ModRM, as the manual has it"
    ),
    (["ud2"], ["syscall", "sysret"], "outside 64-bit mode they are not part of the processor model"),
    (
      ["ud2"], ["sldt", "str", "lldt", "ltr", "verr", "verw", "lar", "lsl", "arpl"],
      "undefined in real mode"
    ),
    (["pause"], ["xchg"], "only REX.B makes an exchange of it"),
    (["ud2"], ["mov"], "moves of control registers that do not exist"),
    (["lfence", "mfence", "sfence"], ["-"], "ModRM.rm is ignored"),
    (
      [
        "jo", "jno", "jb", "jae", "je", "jne", "jbe", "ja", "js", "jns", "jp", "jnp", "jl", "jge", "jle",
        "jg",
        "call", "jmp", "ret",
      ],
      [
        "jo", "jno", "jb", "jae", "je", "jne", "jbe", "ja", "js", "jns", "jp", "jnp", "jl", "jge", "jle",
        "jg",
        "call", "jmp", "ret",
      ],
      "in 64-bit mode near branches ignore the operand-size prefix on Intel's processors, not on AMD's"
    ),
  ]

  private func bytes(_ text: Substring) -> [UInt8] {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16) ?? 0
    }
  }

  @Test func agreesWithTheDisassembler() throws {
    let text = try String(contentsOf: Self.oracles.appending(path: "x86_decoder.txt"), encoding: .utf8)
    let set = X86InstructionSet()
    var compared = 0
    var same = 0
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      let context: X86DecodeContext =
        fields[0] == "16" ? .real16 : fields[0] == "32" ? .flat32 : .long64
      let code = InstructionBytes(bytes(fields[1]))
      let theirs = String(fields[3])
      let shown = set.disassemble(code, pc: 0x1000, context: context.rawValue)
      // Not carried out by us, and named as such: nothing to compare.
      if shown.hasPrefix("(") { continue }
      compared += 1
      let words = shown.split(separator: " ").map(String.init)
      let ours = words.first { !["lock", "rep", "repe", "repne"].contains($0) } ?? ""
      let length = set.length(of: code, context: context)
      let named = ours == theirs || Self.spelling[theirs] == ours
      if named, length == Int(fields[2]) {
        same += 1
        continue
      }
      if theirs == "-", ours == "ud2" { continue }
      let reason = Self.explained.first { $0.ours.contains(ours) && $0.theirs.contains(theirs) }
      #expect(reason != nil, "\(line): ours \(shown), \(length ?? 0) bytes")
    }
    #expect(compared > 8000)
    #expect(same > 7800)
  }

  @Test func listOfOpcodesIsTheTable() throws {
    let text = try String(contentsOf: Self.oracles.appending(path: "x86_opcodes.txt"), encoding: .utf8)
    let lines = X86InstructionSet.opcodes.map { opcode in
      opcode.bytes.map { String(format: "%02x", $0) }.joined() + " "
        + (opcode.digit.map { String($0) } ?? "-")
    }
    let expected = lines.joined(separator: "\n") + "\n"
    #expect(text == expected, "write this list to Tests/Oracles/x86_opcodes.txt and run the script there")
  }
}
