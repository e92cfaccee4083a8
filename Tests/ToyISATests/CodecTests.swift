import Foundation
import Testing
import ToyISA

/// A small generator, so that runs repeat.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Values of a field that are likely to break something: ends, zero and its neighbours, single bits.
private func corners(_ field: ToyField) -> [Int64] {
  let isTarget = field == .words16 || field == .words20
  let step: Int64 = isTarget ? 4 : 1
  let range = field.range
  var values: Set<Int64> = [
    range.lowerBound, range.lowerBound + step, range.upperBound - step, range.upperBound, 0,
  ]
  if range.contains(-step) { values.insert(-step) }
  var bit = step
  while bit <= range.upperBound {
    values.insert(bit)
    bit *= 2
  }
  return values.sorted()
}

private func everyValue(_ field: ToyField) -> StrideThrough<Int64> {
  // A debug build takes every third value of the widest fields, to be fast enough.
  #if DEBUG
    let step = field.range.count > 0x40000 ? 3 : 1
  #else
    let step = 1
  #endif
  return stride(
    from: field.range.lowerBound, through: field.range.upperBound,
    by: field == .words16 || field == .words20 ? 4 * step : step)
}

@Suite struct CodecTests {
  @Test func tableIsSound() {
    #expect(ToyVerify.problems() == [])
  }

  @Test func unsoundTablesAreFound() throws {
    var table = toyTable
    table[1].opcode = table[0].opcode
    table[2].mnemonic = table[3].mnemonic
    table[4].format = .rd
    table[5].effects = []
    let problems = ToyVerify.problems(in: table)
    #expect(problems.contains { $0.contains("opcode") })
    #expect(problems.contains { $0.contains("used twice") })
    #expect(problems.contains { $0.contains("operand 1, which it does not have") })
    #expect(problems.contains { $0.contains("no effects") })
  }

  /// Every value of every field of every format, the other fields at corner values by turns; of the rows
  /// that share a format with an earlier row, corner values.
  @Test func everyEncodingComesBack() throws {
    var words = 0
    var formats: Set<ToyFormat> = []
    for (row, instruction) in toyTable.enumerated() {
      let fields = instruction.format.fields
      let isNew = formats.insert(instruction.format).inserted
      let rest = [fields.map(\.range.lowerBound), fields.map(\.range.upperBound)]
      if fields.isEmpty { #expect(ToyCodec.encode(row: row, []).flatMap(ToyCodec.row) == row) }
      for (index, field) in fields.enumerated() {
        for value in isNew ? Array(everyValue(field)) : corners(field) {
          var values = rest[words & 1]
          values[index] = value
          let back = ToyCodec.encode(row: row, values).flatMap { ToyCodec.fields(of: $0) }
          guard let back, back.row == row, back.values == values else {
            Issue.record("\(instruction.mnemonic) \(values) does not come back")
            return
          }
          words += 1
        }
      }
    }
    #expect(words > 500_000)
  }

  @Test func valuesOutOfRangeAreRefused() {
    for (row, instruction) in toyTable.enumerated() {
      let fields = instruction.format.fields
      for (index, field) in fields.enumerated() {
        for bad in [field.range.lowerBound - 1, field.range.upperBound + 4, .min, .max] {
          var values = fields.map { _ in Int64(0) }
          values[index] = bad
          #expect(ToyCodec.encode(row: row, values) == nil)
        }
      }
      #expect(ToyCodec.encode(row: row, fields.map { _ in 0 } + [0]) == nil)
    }
  }

  /// Every opcode with corner values and a dense sample below it: an instruction that encodes to the same word, or illegal.
  @Test func everyWordIsAnInstructionOrIllegal() {
    var low: Set<UInt32> = [0, 0xFF_FFFF]
    for a in 0..<24 {
      for b in 0..<24 { low.insert(1 << UInt32(a) | 1 << UInt32(b)) }
      low.insert(0xFF_FFFF ^ 1 << UInt32(a))
    }
    for value in stride(from: UInt32(0), to: 1 << 24, by: 4099) { low.insert(value) }
    var legal = 0
    for opcode in UInt32(0)..<256 {
      for rest in low where check(opcode << 24 | rest) { legal += 1 }
    }
    #expect(legal > 10_000)
  }

  /// All 2³² words; minutes in a release build, so only on request.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["TRIAD_EXHAUSTIVE"] == "1"))
  func everyWordWhatever() {
    var legal = 0
    var word: UInt32 = 0
    repeat {
      if check(word) { legal += 1 }
      word &+= 1
    } while word != 0
    let expected = toyTable.reduce(0) { $0 + 1 << $1.format.mask.nonzeroBitCount }
    #expect(legal == expected)
    print("2^32 words: \(legal) instructions, \((1 << 32) - legal) illegal")
  }

  /// Whether the word is an instruction; an issue if it does not encode back.
  private func check(_ word: UInt32) -> Bool {
    guard let row = ToyCodec.row(of: word) else {
      // An illegal word must be so for a reason: no such opcode, or a bit outside the fields.
      let known = toyTable.first { $0.opcode == UInt8(word >> 24) }
      if let known, word & 0xFF_FFFF & ~known.format.mask == 0 {
        Issue.record("\(word) is illegal without reason")
      }
      return false
    }
    if let fields = ToyCodec.fields(of: word), fields.row == row,
      ToyCodec.encode(row: row, fields.values) == word
    {
      return true
    }
    Issue.record("\(word) does not encode back")
    return true
  }
}

@Suite struct DisassemblerTests {
  /// Assembles lines in one go at address 0 and compares the words.
  private func expectRoundTrip(_ words: [UInt32], _ comment: Comment) throws {
    let lines = words.enumerated().map { ToyDisassembler.text(of: $1, at: UInt32($0 * 4)) }
    let image = try ToyAssembler.assemble(lines.joined(separator: "\n"), start: 0)
    let bytes = image.segments.first?.bytes ?? []
    try #require(bytes.count == words.count * 4)
    for (index, word) in words.enumerated() {
      let got = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[index * 4 + $1]) << UInt32($1 * 8) }
      #expect(got == word, "\(lines[index]): \(comment)")
      if got != word { return }
    }
  }

  @Test func textAssemblesToTheSameWord() throws {
    var words: [UInt32] = []
    for (row, instruction) in toyTable.enumerated() {
      let fields = instruction.format.fields
      var combinations: [[Int64]] = [[]]
      for field in fields {
        combinations = combinations.flatMap { head in corners(field).map { head + [$0] } }
      }
      words += combinations.compactMap { ToyCodec.encode(row: row, $0) }
    }
    #expect(words.count > 5_000)
    try expectRoundTrip(words, "corner values")
  }

  @Test(arguments: [UInt64(1), 0x5EED]) func randomTextAssemblesToTheSameWord(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    let words = (0..<20_000).map { _ in
      let opcode = UInt32(toyTable.randomElement(using: &random)?.opcode ?? 0)
      let rest = UInt32.random(in: 0..<1 << 24, using: &random)
      // Half of them with only the bits that the row has.
      guard Bool.random(using: &random), let row = toyTable.first(where: { UInt32($0.opcode) == opcode })
      else {
        return opcode << 24 | rest
      }
      return opcode << 24 | rest & row.format.mask
    }
    try expectRoundTrip(words, "seed \(seed)")
  }

  @Test func listingShowsLabelsTargetsAndSources() throws {
    let image = try ToyAssembler.assemble(
      "_start: li a0, 1 ; one\n  beqz a0, there\n  nop\nthere: brk\n.data\ntext: .ascii \"hi\"\n.bss\nroom: .space 8\n",
      file: "x.asm")
    let text = ToyDisassembler.listing(of: image)
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.contains("there:"))
    #expect(lines.contains { $0.contains("0x00000104") && $0.contains("beq r1, r0, there") })
    #expect(lines.contains { $0.hasSuffix("; x.asm:1: _start: li a0, 1 ; one") })
    #expect(lines.contains { $0.hasSuffix(".byte 0x68, 0x69") })
    #expect(lines.contains { $0.hasPrefix("room:") })
    #expect(lines.contains("  .space 8"))
  }
}
