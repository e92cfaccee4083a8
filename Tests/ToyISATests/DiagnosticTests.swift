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
    (".balign 3", "out-of-range"), ("", "no-instructions"), ("; nothing\n\n", "no-instructions"),
    (".equ a, 1\n.set b, 2\nc = a + b\n", "no-instructions"), ("here:", "no-instructions"),
    (".bss\n .space 8", "no-instructions"), (".include \"toy.inc\"", "no-instructions"),
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

  @Test func anEmptyProgramIsExplained() throws {
    let failure = try failure("; one line\n")
    #expect(failure.short == "t.asm:1:1: error: no instructions: there is nothing to run")
    // Data may be instructions.
    #expect(errors(".word 0") == [])
    #expect(errors(".data\n.space 4") == [])
  }

  @Test func nothingRawReachesTheTerminal() throws {
    let escape = "\u{1B}[2J\u{9B}31m\u{202E}\u{2028}\u{7}\u{0}\rx"
    let sources = [
      "nop \(escape)", ".error \"\(escape)\"", ".include \"\(escape)\"", ".word '\(escape)'", escape,
      "nop ; \(escape)\n foo ; \(escape)", ".macro m x\n foo \\x\n.endm\nm \(escape)",
    ]
    for source in sources {
      var found: [AssemblyFailure] = [try failure(source)]
      do {
        _ = try ToyAssembler.run(source, file: escape, include: { _ in nil })
      } catch {
        found.append(error)
      }
      #expect(found.count == 2)
      for failure in found {
        for text in [failure.short, failure.pretty] {
          let raw = text.unicodeScalars.filter {
            $0 != "\n"
              && [.control, .format, .lineSeparator].contains($0.properties.generalCategory)
          }
          #expect(raw.isEmpty, "\(source.debugDescription)")
        }
      }
    }
    // One character a column: the marks stay under the place.
    let lines = try failure("\u{1B}\u{1B} x").diagnostics[0].pretty.split(separator: "\n")
    #expect(lines.contains("1 | \u{FFFD}\u{FFFD} x"))
  }

  @Test(
    arguments: [
      ([0x6E, 0x6F, 0x70, 0x0A, 0x20, 0xC3, 0xA4, 0xFF], 2, 3),  // after a space and a character of two bytes
      ([0x2E, 0x61, 0x73, 0x63, 0x69, 0x69, 0x20, 0x22, 0xE4, 0x22], 1, 9),  // Latin-1 in a string
      ([0x6E, 0x6F, 0x70, 0x20, 0xC3], 1, 5), ([0xED, 0xA0, 0x80], 1, 1),  // cut off; half a surrogate
    ] as [([UInt8], Int, Int)]) func bytesThatAreNoText(bytes: [UInt8], line: Int, column: Int) throws
  {
    do throws(AssemblyFailure) {
      _ = try ToyAssembler.run(bytes: bytes, file: "t.asm")
      Issue.record("accepted")
    } catch {
      let found = try #require(error.diagnostics.first { $0.code == "invalid-utf8" })
      #expect(found.range.line == line)
      #expect(found.range.column == column)
    }
  }

  @Test func bytesThatAreNoTextInComments() throws {
    let latin =
      Array("nop ; gr".utf8) + [0xFC, 0xDF] + Array("e\n/* ".utf8) + [0xFF] + Array("*/ nop\n".utf8)
    #expect(try ToyAssembler.run(bytes: latin).image.segments.map(\.bytes.count) == [8])
    // An included file is checked, too, and named.
    do throws(AssemblyFailure) {
      _ = try ToyAssembler.run(bytes: Array(".include \"b\"".utf8), include: { _ in [0x0A, 0xFE] })
      Issue.record("accepted")
    } catch {
      #expect(error.diagnostics[0].code == "invalid-utf8")
      #expect(error.short.hasPrefix("b:2:1: error: byte 0xfe"))
    }
  }

  @Test func suggestionsAreNear() {
    #expect(nearest(to: "lop", among: ["loop", "lost", "zoo"]) == "loop")
    #expect(nearest(to: "ADD", among: ["add", "and"]) == "add")
    #expect(nearest(to: "xyzzy", among: ["loop"]) == nil)
  }
}
