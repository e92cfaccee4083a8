import Foundation
import Grading
import Testing
import ToyISA

/// Lab 5: guests that show a sensitive instruction that does not trap.
@Suite struct SensitiveGuestTests {
  private static let lab = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Labs/Lab05")

  /// What an exercise makes of these files.
  private func grade(_ files: [String: String], seed: UInt64 = 1, only: String) throws -> Assessment {
    try Attempt(lab: Self.lab, only: only, seed: seed, texts: files).judged()
  }

  private func points(_ variant: ToyVariant, _ source: String, seed: UInt64 = 1) throws -> Int {
    try grade(["\(variant.rawValue).asm": source], seed: seed, only: variant.rawValue).good
  }

  /// A guest that does what its task asks.
  private func guest(_ task: SensitiveTask) -> String {
    let head = """
              .include "toy.inc"
              .text
      _start: la t0, word
      1:      lbu t1, 0(t0)
              beqz t1, 2f
              out t1, CONSOLE_DATA(zero)
              addi t0, t0, 1
              j 1b
      word:   .asciz "\(task.word)\\n"
              .balign 4
      bare:   li t0, \(task.bareStatus)
              out t0, POWER(zero)
      vmm:    li t0, \(task.monitorStatus)
              out t0, POWER(zero)
      2:      la t0, handler
              sw t0, TRAP_NEW + 4(zero)
              li t0, 0x100000
              sw t0, TRAP_NEW + 12(zero)

      """
    let own = "r\(task.register)"
    switch task.variant {
    case .classic: return head
    case .popf:
      return head + """
                li t0, 20
                out t0, TIMER(zero)
                li \(own), 1
                j there
        3:      li t0, 100
        4:      addi t0, t0, -1
                bnez t0, 4b
                j vmm
        handler: j bare
                .org \(task.address)
        there:  setie \(own)
                j 3b
        """
    case .jrst:
      let call = task.cause == .supervisorCall ? "svc 1" : "getclk t0\n        j vmm"
      let handler =
        task.cause == .supervisorCall
        ? "lw t0, TRAP_OLD(zero)\n        andi t0, t0, PSW_USER\n        beqz t0, vmm\n        j bare"
        : "j bare"
      return head + """
                la \(own), user
                j there
        user:   \(call)
        handler: \(handler)
                .org \(task.address)
        there:  jrst \(own)
        """
    case .leaky:
      return head + """
                lpsw psw(zero)
        handler:
                addi r1, \(own), 0
                la t0, expected
                lw t0, 0(t0)
                beq r1, t0, bare
                j vmm
        expected: .word \(task.base)
        psw:    .word PSW_USER, \(task.address), \(task.base), 0x1000
                .org \(task.base + task.address)
                getbase \(own)
                svc 1
        """
    }
  }

  private static let variants = ToyVariant.allCases.filter { $0 != .classic }

  @Test(arguments: variants) func everySeedHasATaskThatCanBeDone(_ variant: ToyVariant) throws {
    var words: Set<String> = []
    for seed in 1...12 as ClosedRange<UInt64> {
      let task = try #require(SensitiveTask(variant, seed: seed))
      words.insert(task.word)
      let report = try grade(["\(variant.rawValue).asm": guest(task)], seed: seed, only: variant.rawValue)
      #expect(report.good == report.all, "seed \(seed): \(report.message)")
    }
    #expect(words.count > 10)
    #expect(SensitiveTask(variant, seed: 7) == SensitiveTask(variant, seed: 7))
  }

  @Test func aGuestForAnotherSeedGetsOnlyTheDifference() throws {
    for variant in Self.variants {
      let task = try #require(SensitiveTask(variant, seed: 1))
      let points = try points(variant, guest(task), seed: 2)
      // A difference at a sensitive instruction, and none elsewhere.
      #expect(points == 2, "\(variant)")
    }
  }

  @Test func mistakesLoseThePointThatTheyConcern() throws {
    let task = try #require(SensitiveTask(.popf, seed: 1))
    let right = guest(task)
    #expect(try points(.popf, right) == 5)
    #expect(try points(.popf, right.replacing(task.word, with: "other")) == 4)
    #expect(try points(.popf, right.replacing("li t0, 20", with: "getpsw t0\n        li t0, 20")) == 4)
    #expect(try points(.popf, right.replacing("li t0, 100", with: "li t0, 30000")) == 4)
    #expect(try points(.popf, right.replacing("j vmm", with: "j bare")) == 4)
    // Nothing that is sensitive, so nothing differs: the word is all.
    #expect(try points(.popf, right.replacing("setie r", with: "addi r9, zero, 1 # ")) == 1)
    // It never ends on the bare machine.
    #expect(try points(.popf, right.replacing("handler: j bare", with: "handler: j handler")) == 0)
    #expect(try points(.popf, "") == 0)
  }

  @Test func theReportIsAboutTheGuestsThatAreThere() throws {
    let theory =
      #"{"popf": {"property": "equivalence", "notPrivileged": ["setie"], "sensitive": "control", "notSubset": ["sensitive"], "differs": ["plain"], "retired": 1, "pc": "0x100", "instruction": "setie"}}"#
    let alone = try grade(["report.json": theory], only: "report")
    #expect(alone.good == 5 && alone.all == 24)
    let task = try #require(SensitiveTask(.popf, seed: 1))
    let placed = theory.replacing("0x100", with: "0x" + String(task.address, radix: 16).uppercased())
    let both = try grade(["report.json": "// mine\n" + placed, "popf.asm": guest(task)], only: "report")
    #expect(both.good == 7)
    for text in [
      "", "[]", "{\"popf\": 3}", String(repeating: "[", count: 5000),
      String(repeating: "{\"a\":", count: 2000), String(repeating: " ", count: 20_000),
      "{\"popf\": {\"pc\": null}}",
      "{\"popf\": {\"retired\": -1e300, \"pc\": \"0xzz\"}}",
    ] {
      #expect(try grade(["report.json": text], only: "report").good == 0)
    }
  }

  @Test func sourcesThatGrowOrReadFilesAreRefused() throws {
    let bombs = [
      ".rept 1000000\n .rept 1000000\n nop\n .endr\n .endr\n",
      ".rept 1000000\n.endr\n" + "_start: nop",
      ".macro a\n a\n a\n .endm\n a\n",
      ".macro a x\n a \\x\\x\\x\\x\n .endm\n a yyyyyyyy\n",
      ".space 4000000000\n", ".fill 100000000, 8, 1\n", ".org 0xFFFFFFF0\n nop\n",
      ".bss\n .space 4294967295\n .text\n_start: nop\n", ".data\n .space 200000\n .space 200000\n",
      ".equ a, b\n .equ b, a\n .word a\n", " li t0, " + String(repeating: "(", count: 390) + "\n",
      ".include \"/etc/passwd\"\n", ".include \"report.json\"\n",
      String(repeating: "x", count: 5000), String(repeating: "nop\n", count: 20_000), "\u{0}\u{1}\n",
    ]
    for source in bombs {
      let report = try grade(["jrst.asm": source], only: "jrst")
      #expect(report.good == 0, "\(source.prefix(40))")
      #expect(report.message.utf8.count < 6000)
    }
  }

  @Test func guestsThatDoNotEndEndTheGradingAllTheSame() throws {
    let guests = [
      "_start: j _start", "_start: wait\n j _start", "_start: svc 1", "_start: brk",
      "_start: li t0, 1\n setie t0\n1: out t0, TIMER(zero)\n wait\n j 1b",
      "_start: li t0, 2\n1: out t0, DISK_COMMAND(zero)\n wait\n j 1b",
      "_start: li t0, 'a'\n1: out t0, CONSOLE_DATA(zero)\n j 1b",
      "_start: lw t0, 0(zero)\n sw t0, 0x100(zero)\n j _start\n",
      "_start: lpsw p(zero)\n.balign 4\np: .word 7, 0x100, 0xFFFFF000, 0xFFFFFFFF",
    ]
    for source in guests {
      for variant in Self.variants {
        #expect(try points(variant, ".include \"toy.inc\"\n" + source + "\n") == 0, "\(source)")
      }
    }
  }
}
