import Testing
import ToyISA

/// The bytes of a program whose only segment is its text.
func bytes(_ source: String, start: UInt32 = 0x100, defines: [String: Int64] = [:]) throws -> [UInt8] {
  let image = try ToyAssembler.assemble(source, defines: defines, start: start)
  try #require(image.segments.count <= 1)
  return image.segments.first?.bytes ?? []
}

/// The instructions of a program as text.
func instructions(_ source: String, defines: [String: Int64] = [:]) throws -> [String] {
  let image = try ToyAssembler.assemble(source, defines: defines)
  let text = try #require(image.segments.first)
  return stride(from: 0, to: text.bytes.count - 3, by: 4).map { offset in
    let word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(text.bytes[offset + $1]) << UInt32($1 * 8) }
    return ToyDisassembler.text(of: word, at: text.address &+ UInt32(offset))
  }
}

/// Codes of the errors, in order.
func errors(_ source: String) -> [String] {
  do {
    _ = try ToyAssembler.assemble(source)
    return []
  } catch {
    return error.diagnostics.filter { $0.severity == .error }.map(\.code)
  }
}

@Suite struct AssemblerTests {
  /// One line of every row, each operand at a value of its own: a new row needs no new test.
  @Test func everyRowHasItsSyntax() throws {
    for (index, row) in toyTable.enumerated() {
      let fields = row.format.fields
      let values = fields.enumerated().map { number, field in
        field == .words16 || field == .words20 ? Int64(8) : Int64(number + 1)
      }
      let operands = row.format.syntax.map { operand, _ in
        switch operand {
        case .register(let field): "r\(values[field])"
        case .value(let field): "\(values[field])"
        case .target(let field): ". + \(values[field])"
        case .memory(let offset, let base): (offset.map { "\(values[$0])" } ?? "") + "(r\(values[base]))"
        }
      }
      let word = try #require(ToyCodec.encode(row: index, values))
      let got = try bytes(row.mnemonic + " " + operands.joined(separator: ", "))
      #expect(got == (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }, "\(row.mnemonic)")
    }
  }

  @Test(arguments: [
    ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("7 - 2 - 1", 4), ("100 / 7 % 5", 4), ("-7 / 2", -3),
    ("-7 % 3", -1),
    ("1 << 4 + 1", 32), ("0xFF & 0x0F | 0x30", 0x3F), ("1 | 2 ^ 3 & 1", 3), ("~0 & 0xFF", 255),
    ("!5 + !0", 1),
    ("1 < 2 == 1", 1), ("3 >= 3 && 2 != 2", 0), ("0 || 4", 1), ("'a' + '\\n'", 107), ("'\\x41'", 65),
    ("'\\''", 39),
    ("0b1010 + 0o17 + 0x1_0", 41), ("hi20(0x12345678)", 0x12345), ("lo12(0x12345678)", 0x678), ("- -3", 3),
    ("';'", 59), ("'#'", 35), ("two * 3", 6), ("later - 1", 9), ("1_000 >> 3", 125), ("5 > 4 > 3", 0),
  ]) func expressions(text: String, value: Int64) throws {
    let got = try bytes(".equ two, 2\n.word \(text)\n.equ later, 10")
    #expect(got == (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }, "\(text)")
  }

  @Test(arguments: [
    ("0", ["addi r1, r0, 0"]), ("-1", ["addi r1, r0, -1"]), ("32767", ["addi r1, r0, 32767"]),
    ("32768", ["ori r1, r0, 0x8000"]), ("65535", ["ori r1, r0, 0xffff"]), ("65536", ["lui r1, 0x10"]),
    ("-32769", ["lui r1, 0xffff7", "ori r1, r1, 0xfff"]), ("0xFFFFFFFF", ["addi r1, r0, -1"]),
    ("0x12345678", ["lui r1, 0x12345", "ori r1, r1, 0x678"]), ("0x80000000", ["lui r1, 0x80000"]),
  ]) func loadImmediate(value: String, expected: [String]) throws {
    #expect(try instructions("li a0, \(value)") == expected)
  }

  @Test func pseudoInstructions() throws {
    #expect(try instructions("nop") == ["addi r0, r0, 0"])
    #expect(try instructions("not t0, t1") == ["sub r5, r0, r6", "addi r5, r5, -1"])
    #expect(try instructions("bgt t0, t1, .") == ["blt r6, r5, 0x100"])
    #expect(try instructions("blez t0, .") == ["bge r0, r5, 0x100"])
    #expect(try instructions("subi t0, t1, 5") == ["addi r5, r6, -5"])
    #expect(try instructions("call .\nret") == ["jal r15, 0x100", "jalr r0, 0(r15)"])
    #expect(
      try instructions("push ra, s0\npop ra, s0")
        == [
          "addi r14, r14, -8", "sw r15, 0(r14)", "sw r9, 4(r14)", "lw r15, 0(r14)", "lw r9, 4(r14)",
          "addi r14, r14, 8",
        ])
    #expect(try instructions("la a0, x\nx:") == ["lui r1, 0x0", "ori r1, r1, 0x108"])
    #expect(try instructions("lw a0, 8\nsw a0, (sp)") == ["lw r1, 8(r0)", "sw r1, 0(r14)"])
  }

  @Test func labelsForwardBackwardAndLocal() throws {
    #expect(
      try instructions("1: j 1f\n1: j 1b\nj 1f\n1: nop\nj 1b")
        == ["jal r0, 0x104", "jal r0, 0x104", "jal r0, 0x10c", "addi r0, r0, 0", "jal r0, 0x10c"])
    #expect(try instructions("a: b: j end\nend: j a") == ["jal r0, 0x104", "jal r0, 0x100"])
  }

  @Test func sectionsAreLaidOutInOrder() throws {
    let image = try ToyAssembler.assemble(
      ".bss\nz: .space 5\n.data\nd: .byte 1\n.rodata\nr: .byte 2\n.text\n nop\n.data\n.byte 3\n.section .extra\n.word z, d"
    )
    #expect(image.segments.map(\.name) == [".text", ".rodata", ".data", ".extra", ".bss"])
    #expect(image.segments.map(\.address) == [0x100, 0x104, 0x108, 0x10C, 0x114])
    #expect(image.segments[2].bytes == [1, 3])
    #expect(image.segments[3].bytes == [0x14, 1, 0, 0, 0x08, 1, 0, 0])
    #expect(image.segments[4].bytes.isEmpty && image.segments[4].size == 5)
  }

  @Test func orgPhaseAndAlignment() throws {
    let image = try ToyAssembler.assemble(
      """
      .org 0x20
      .word 0, handler, 0, -1
      .org 0x400
      handler: nop
      user:
      .phase 0
      first: j first
      .align 4
      second: .word second, first, user
      .dephase
      after: .word after
      """)
    #expect(image.segments[0].address == 0x20)
    #expect(image.segments[0].bytes[4..<8] == [0, 4, 0, 0])
    #expect(image.symbol(named: "user")?.value == 0x404)
    #expect(image.symbol(named: "first")?.value == 0)
    #expect(image.symbol(named: "first")?.address == 0x404)
    #expect(image.symbol(named: "second")?.value == 16)
    #expect(image.symbol(named: "second")?.address == 0x414)
    #expect(image.symbol(named: "after")?.value == 0x420)
    #expect(image.segments.last?.bytes == [0x20, 4, 0, 0])
    #expect(image.entry == 0x400)
  }

  @Test func dataDirectives() throws {
    #expect(
      try bytes(".byte 1, -1, 'A'\n.half 0x1234\n.ascii \"a\\n\", \"\\\"\"\n.asciz \"é\"\n") == [
        1, 255, 65, 0x34, 0x12, 97, 10, 34, 0xC3, 0xA9, 0,
      ])
    #expect(try bytes(".fill 2, 2, 0x102\n.space 2, 7\n.zero 1\n.byte 9") == [2, 1, 2, 1, 7, 7, 0, 9])
    #expect(try bytes(".byte 1\n.balign 4, 0xEE\n.byte 2") == [1, 0xEE, 0xEE, 0xEE, 2])
    #expect(try instructions("nop\n.align 3\nbrk") == ["addi r0, r0, 0", "addi r0, r0, 0", "brk"])
  }

  @Test func conditionsAndDefines() throws {
    let source = """
      .ifdef PAGING
      .byte 1
      .if PAGING > 1
      .byte 2
      .elseif PAGING == 1
      .byte 3
      .else
      this is skipped .if nothing
      .endif
      .else
      .byte 4
      .endif
      .ifndef PAGING
      .byte 5
      .endif
      """
    #expect(try bytes(source) == [4, 5])
    #expect(try bytes(source, defines: ["PAGING": 1]) == [1, 3])
    #expect(try bytes(source, defines: ["PAGING": 2]) == [1, 2])
  }

  @Test func macrosAndRepetitions() throws {
    let source = """
      .macro twice value, last=9
      .byte \\value, \\value
      .byte \\last
      .endm
      .macro loop
      here\\@: .byte \\@
      .endm
      twice 1
      twice 2, 3 + 4
      loop
      loop
      .set n, 0
      .rept 3
      .byte n
      .set n, n + 1
      .endr
      """
    #expect(try bytes(source) == [1, 1, 9, 2, 2, 7, 3, 4, 0, 1, 2])
    #expect(
      try bytes(
        ".macro count n\n.byte \\n\n.if \\n\ncount (\\n - 1)\n.endif\n.endm\ncount 3\n.rept 2\n.rept 2\n.byte 8\n.endr\n.endr"
      )
        == [3, 2, 1, 0, 8, 8, 8, 8])
  }

  @Test func includesAndLineTable() throws {
    let image = try ToyAssembler.assemble(
      "nop\n.include \"b\"\nnop\n", file: "a", include: { $0 == "b" ? "\n\nbrk\n" : nil })
    #expect(image.line(for: 0x104).map { "\($0.file):\($0.line) \($0.text ?? "")" } == "b:3 brk")
    #expect(image.line(for: 0x108).map { "\($0.file):\($0.line)" } == "a:3")
  }

  @Test func bssReservesWithoutBytes() throws {
    let image = try ToyAssembler.assemble("nop\n.bss\n.space 0x40000000\nend:")
    #expect(image.symbol(named: "end")?.value == 0x4000_0104)
    #expect(image.encode().count < 1000)
  }
}
