import MachineCore
import Testing
import ToyISA

/// Sources that are not what anyone would write must give an image or diagnostics, and end.
@Suite struct FuzzTests {
  private static let seeds = [
    ToyReferenceCard.example,
    """
    .macro push2 a, b=ra
    push \\a, \\b
    l\\@: j l\\@
    .endm
    .equ x, y + 1
    .equ y, 3
    .rept 3
    push2 s0
    .endr
    .if x == 4
    li a0, 'a' << 3
    .else
    .error "no"
    .endif
    1: bnez a0, 1b
    lw t0, lo12(table)(t1) /* comment */
    .rodata
    .balign 16
    table: .word table, 1f - 1b, hi20(table), .
    .asciz "text\\n\\x41", ""
    .phase 0x400
    1: .half 1, 2
    .dephase
    .bss
    .space 1024
    .org 0x4000
    .fill 3, 2, 0xAB
    """,
  ]

  private static let pieces: [String] =
    [
      "\n", "\\", "\\@", "\"", "'", "(", ")", "((((", ",", ":", "1:", "1b", "9f", "-", "~", "<<", "&&", "0x",
      "0b", "#",
      "/*", "*/", ".", "..", "\u{0}", "é", "\u{FEFF}", "\t", "hi20(", "lo12(", "99999999999999999999",
      "0xFFFFFFFFFFFFFFF",
      ".rept 1000000\n", ".endr\n", ".macro m a\n", ".endm\n", "m m\n", "m \\a\\a\n", ".if 1\n", ".else\n",
      ".endif\n",
      ".include \"toy.inc\"\n", ".include \"self\"\n", ".org 0xFFFFFFFF\n", ".org -1\n",
      ".space 0xFFFFFFFF\n",
      ".align 20\n", ".fill 0x7FFFFFFF, 8, 1\n", ".phase 0xFFFFFFFC\n", ".set x, x + 1\n", ".equ q, q\n",
      ".equ a, b\n.equ b, a\n", "la sp, . - .\n", "j 0\n", ".bss\n", ".section x\n", "= 1\n", "x = y\n",
      "push\n",
      ".word -9223372036854775808 / -1, 1 << 64, 1 >> -1, -(-9223372036854775807 - 1)\n",
    ] + toyTable.map { $0.mnemonic + " " }

  private func mutate(_ text: String, _ random: inout SplitMix) -> String {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
      case 1 where place < bytes.count:
        bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...20, using: &random)))
      case 2 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 3:
        let from = Int.random(in: 0...bytes.count, using: &random)
        bytes.insert(contentsOf: Array(bytes[from..<min(bytes.count, from + 60)]), at: place)
      default:
        bytes.insert(contentsOf: Array((Self.pieces.randomElement(using: &random) ?? "").utf8), at: place)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(arguments: [UInt64(0xA55E), 0xB0B]) func mutatedSources(seed: UInt64) throws {
    var random = SplitMix(seed: seed)
    var assembled = 0
    for round in 0..<600 {
      let text = mutate(Self.seeds[round & 1], &random)
      do {
        let image = try ToyAssembler.assemble(text, include: { $0 == "self" ? text : nil })
        assembled += 1
        let decoded = try? ToyImage(decoding: image.encode())
        #expect(decoded == image, "seed \(seed), round \(round)")
        _ = ToyDisassembler.listing(of: image).utf8.count
      } catch {
        #expect(error.errorCount > 0, "seed \(seed), round \(round)")
        #expect(!error.pretty.isEmpty)
        for diagnostic in error.diagnostics {
          #expect(diagnostic.range.line > 0 && diagnostic.range.column > 0 && diagnostic.range.length > 0)
        }
      }
    }
    #expect(assembled > 0 && assembled < 600, "seed \(seed): \(assembled) assembled")
  }

  @Test func hugeNumbersOfThingsEnd() {
    let deep = String(repeating: "(", count: 100_000)
    #expect(errors(".word " + deep) == ["expression-too-complex"])
    #expect(errors(".word " + String(repeating: "-", count: 100_000) + "x\nx:") == ["expression-too-complex"])
    #expect(errors(".word x" + String(repeating: "+x", count: 1000) + "\nx:") == ["expression-too-complex"])
    #expect(errors(".word 1" + String(repeating: "+1", count: 10_000)) == [])
    #expect(errors(String(repeating: ".if 1\n", count: 2000)).first == "too-deep")
    #expect(errors(".macro m a\nm \\a\\a\\a\\a\n.endm\nm xxxxxxxx").last == "too-long")
    #expect(errors(".macro m\nm\nm\n.endm\nm").allSatisfy { $0 == "too-deep" })
    // A chain of definitions that doubles at every link must not take exponential time.
    let chain = (1...60).map { ".equ n\($0), n\($0 - 1) + n\($0 - 1)\n" }.joined()
    #expect(errors(chain + ".equ n0, 0\n.word n60\n") == [])
    let long = (1...5000).map { ".equ n\($0), n\($0 - 1)\n" }.joined()
    #expect(errors(long + ".word n5000\n.equ n0, 0\n").first == "circular-definition")
  }

  @Test func aHundredThousandLines() throws {
    var text = "_start:\n"
    for index in 0..<20_000 {
      text += "label_\(index): addi t0, t1, 12 + 3 * 4 # comment\n lw a0, 16(sp)\n beqz a0, label_\(index)\n"
      text += " la a1, label_\(index + 1)\n .word 1, 2, 3, label_\(index)\n"
    }
    let image = try ToyAssembler.assemble(text + "label_20000:\n")
    #expect(image.end == 0x100 + 20_000 * 36)
    #expect(image.lines.count == 100_000)
  }
}
