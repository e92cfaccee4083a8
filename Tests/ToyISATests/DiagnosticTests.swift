import Testing
import ToyISA

/// The diagnostics of a source that must not assemble.
private func failure(_ source: String) throws -> AssemblyFailure {
  do {
    _ = try ToyAssembler.assemble(source, file: "t.asm")
  } catch {
    return error
  }
  throw Missing()
}
private struct Missing: Error {}

@Suite struct DiagnosticTests {
  @Test(arguments: [
    ("foo a0", "unknown-instruction"), (".foo", "unknown-directive"), ("addi a0, x9, 1", "unknown-register"),
    ("addi a0, a1, 40000", "out-of-range"), ("andi a0, a1, -1", "out-of-range"),
    ("add a0, a1", "missing-operand"),
    ("add a0 a1, a2", "expected-comma"), ("add a0, a1, a2, a3", "unexpected-text"),
    ("j nowhere", "undefined-symbol"),
    ("a: a:", "duplicate-symbol"), (".equ a, b\n.equ b, a\n.word a", "circular-definition"),
    (".word 1 / 0", "division-by-zero"), (".word (1", "missing-parenthesis"), (".word 'ab'", "bad-character"),
    (".word 0x", "bad-number"), (".word 12z", "bad-number"), (".word 99999999999999999999", "bad-number"),
    (".ascii \"abc", "unterminated-string"), (".if 1", "missing-endif"), (".endif", "unexpected-end"),
    (".macro m\nnop", "missing-endm"), (".rept 2", "missing-endr"), (".macro m\nm\n.endm\nm", "too-deep"),
    (".rept 1000000\n.rept 1000000\n .space 10000\n.endr\n.endr", "too-large"),
    (".space 0x100000000", "too-large"),
    (".rept 9999999\n.endr", "out-of-range"), (".include \"none\"", "include-not-found"),
    ("/* open", "unterminated-comment"),
    (".error \"stop here\"", "error-directive"), (".org 0x200\n nop\n.org 0x1FE\n .word 1", "overlap"),
    (".byte 1\n nop", "misaligned-instruction"), ("beq r0, r0, . + 0x40000", "out-of-range"),
    ("j . + 2", "misaligned-target"),
    (".bss\n .word 5", "data-in-bss"), (".space later\n.equ later, 4", "undefined-symbol"),
    ("1b: nop", "expected-statement"),
    ("j 1b", "undefined-symbol"), ("j 1f", "undefined-symbol"), ("sp: nop", "bad-label"),
    (".word sp", "unexpected-register"),
    (".macro m x\n.byte \\x\n.endm\nm", "macro-arguments"), (".macro m\n.endm\nm 1", "macro-arguments"),
    (".macro nop\n.endm", "duplicate-macro"), ("lw a0, 4(sp", "missing-parenthesis"),
    ("li a0, 0x1FFFFFFFF", "out-of-range"),
    (".data\na: .word a & 4", "none"), ("\u{7F}", "expected-statement"), ("é: nop", "expected-statement"),
    (".if late\n.endif\nlate:", "undefined-symbol"), ("lw a0, 0x10000(sp)", "out-of-range"),
    (".balign 3", "out-of-range"),
  ]) func oneErrorOneDiagnostic(source: String, code: String) throws {
    if code == "none" {
      #expect(errors(source) == [])
    } else {
      #expect(errors(source) == [code], "\(source)")
    }
  }

  @Test func allErrorsAreReportedAtOnce() throws {
    let failure = try failure("adi a0, a1, 1\nok: addi a0, a0, 99999\n j lop\nloop: lw a0, 4(spp)\n.wrd 3\n")
    #expect(
      failure.diagnostics.map(\.short) == [
        "t.asm:1:1: error: `adi` is no instruction or macro",
        "t.asm:2:18: error: 99999 does not fit: `addi` takes -32768 to 32767",
        "t.asm:3:4: error: symbol `lop` is not defined",
        "t.asm:4:16: error: `spp` is no register",
        "t.asm:5:1: error: `.wrd` is no directive",
      ])
    let help = failure.diagnostics.map(\.help)
    #expect(help[2] == "did you mean `loop`?")
    #expect(help[3] == "did you mean `sp`?")
    #expect(help[4] == "did you mean `.word`?")
    #expect(failure.errorCount == 5)
  }

  @Test func prettyFormHasCaretsUnderThePlace() throws {
    let failure = try failure("\tnop\n\tlw\tt0, lenght(zero)\n")
    #expect(
      failure.diagnostics[0].pretty == """
        error[undefined-symbol]: symbol `lenght` is not defined
         --> t.asm:2:9
          |
        2 |  lw t0, lenght(zero)
          |         ^^^^^^
        """)
    #expect(failure.pretty.hasSuffix("\n\n1 error"))
  }

  @Test func columnsCountCharacters() throws {
    let failure = try failure(".ascii \"äöü\", xyz")
    #expect(failure.diagnostics[0].range.column == 15)
  }

  @Test func expansionsAreExplained() throws {
    let failure = try failure(".macro twice r\n add \\r, \\r, \\r\n.endm\nnop\ntwice q1\n")
    let diagnostic = failure.diagnostics[0]
    #expect(diagnostic.code == "unknown-register")
    #expect(diagnostic.range.line == 2)
    #expect(diagnostic.labels.map(\.range.line) == [5])
    #expect(diagnostic.labels[0].message == "in macro `twice` from here")
  }

  @Test func duplicatesShowTheFirstDefinition() throws {
    let failure = try failure("x: nop\nx: nop")
    #expect(failure.diagnostics[0].labels.map(\.message) == ["first defined here"])
    #expect(failure.diagnostics[0].labels[0].range.line == 1)
  }

  @Test func manyErrorsAreBounded() throws {
    let failure = try failure(String(repeating: "bad\n", count: 120))
    #expect(failure.diagnostics.count == ToyAssembler.diagnosticLimit)
    #expect(failure.suppressed == 70)
    #expect(failure.errorCount == 120)
    #expect(failure.short.hasSuffix("and 70 more errors"))
  }

  @Test func messagesFollowTheRules() throws {
    let failure = try failure("bad\n.word 1/0\nadd q, q, q\n.if 1\nj x\n.error \"Stop.\"\n")
    for diagnostic in failure.diagnostics where diagnostic.code != "error-directive" {
      #expect(!diagnostic.message.hasSuffix("."))
      #expect(diagnostic.message.first?.isUppercase == false)
    }
  }

  @Test func warnings() throws {
    let result = try ToyAssembler.run(".byte 1\n.word 2\n.byte 300\n.warning \"careful\"\n", file: "w.asm")
    #expect(result.warnings.map(\.code) == ["misaligned-data", "value-truncated", "warning-directive"])
    #expect(result.warnings[2].short == "w.asm:4:1: warning: careful")
    #expect(try ToyAssembler.run(".word -1, 0xFFFFFFFF\n.byte -128, 255").warnings.isEmpty)
  }

  @Test func suggestionsAreNear() {
    #expect(nearest(to: "lop", among: ["loop", "lost", "zoo"]) == "loop")
    #expect(nearest(to: "ADD", among: ["add", "and"]) == "add")
    #expect(nearest(to: "xyzzy", among: ["loop"]) == nil)
  }
}
