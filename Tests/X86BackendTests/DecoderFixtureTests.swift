import Foundation
import Testing
import Trace
import X86Backend

/// The decoder against an independent disassembler, whose answers are in a committed file.
///
/// `Tests/Oracles/x86_decoder_compare.py` writes that file, and compares many more cases.
@Suite struct DecoderFixtureTests {
  /// The folder of the oracles' scripts and answers.
  static let oracles = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Oracles")

  /// One case: some bytes and what the other disassembler says of them.
  struct Case {
    var mode: Substring
    var context: X86DecodeContext
    var bytes: [UInt8]
    var length: Int
    var mnemonic: String
  }

  /// The committed cases.
  static let cases: [Case] = {
    let text = try? String(contentsOf: oracles.appending(path: "x86_decoder.txt"), encoding: .utf8)
    return (text ?? "").split(separator: "\n").map { line in
      let fields = line.split(separator: " ")
      let context: X86DecodeContext = fields[0] == "16" ? .real16 : fields[0] == "32" ? .flat32 : .long64
      return Case(
        mode: fields[0], context: context, bytes: hexBytes(fields[1]), length: Int(fields[2]) ?? 0,
        mnemonic: String(fields[3]))
    }
  }()

  private static func hexBytes(_ text: Substring) -> [UInt8] {
    let digits = Array(text.utf8)
    func value(_ digit: UInt8) -> UInt8 { digit < 0x3A ? digit - 0x30 : digit - 0x61 + 10 }
    return stride(from: 0, to: digits.count - 1, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
  }

  /// Our mnemonic without prefix words, `-` for no instruction, and our length.
  private func ours(_ code: Case) -> (mnemonic: String, length: Int) {
    let found = X86InstructionSet().disassembly(
      of: InstructionBytes(code.bytes), pc: 0x1000, context: code.context, syntax: .intel)
    switch found.kind {
    case .undefined, .tooLong, .incomplete: return ("-", 0)
    case .refused: return (String(found.text.dropFirst().prefix { $0 != " " }), found.length)
    case .executed, .named:
      let words = found.text.split(separator: " ").map(String.init)
      let word = words.first { !["lock", "rep", "repe", "repne"].contains($0) }
      return (word ?? "", found.length)
    }
  }

  @Test func agreesWithTheDisassembler() throws {
    let text = try String(
      contentsOf: Self.oracles.appending(path: "x86_decoder_exceptions.txt"), encoding: .utf8)
    let exceptions = try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(
      DecoderException.init(line:))
    #expect(Self.cases.count > 8000)
    var same = 0
    var unexplained = 0
    for code in Self.cases {
      let our = ours(code)
      if our.mnemonic == code.mnemonic, our.length == code.length {
        same += 1
        continue
      }
      guard !exceptions.contains(where: { $0.explains(code, our.mnemonic, our.length) }) else { continue }
      unexplained += 1
      if unexplained < 20 {
        let digits = code.bytes.map { String(format: "%02x", $0) }.joined()
        Issue.record(
          "\(code.mode) \(digits): ours \(our.mnemonic), \(our.length); theirs \(code.mnemonic), \(code.length)"
        )
      }
    }
    #expect(unexplained == 0)
    #expect(same * 10 > Self.cases.count * 9)
  }

  @Test func everyRowIsReached() {
    var missing = Set(X86InstructionSet.rowNames.indices)
    for code in Self.cases {
      if let row = X86InstructionSet().row(of: InstructionBytes(code.bytes), context: code.context) {
        missing.remove(row)
      }
    }
    let names = missing.sorted().map { X86InstructionSet.rowNames[$0] }.filter { !$0.isEmpty }
    #expect(names.isEmpty, "no case of x86_decoder.txt is decoded by these rows")
  }
}
