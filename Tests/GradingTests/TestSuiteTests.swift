import Foundation
import Grading
import Mutants
import Testing

/// Lab 10: tests that students write, on correct and on wrong machines.
@Suite struct TestSuiteTests {
  private func judge(_ tests: String...) throws -> TestSuiteJudge {
    try TestSuiteJudge(
      Dictionary(uniqueKeysWithValues: tests.enumerated().map { ("t\($0.offset).asm", $0.element) }))
  }

  private func mutant(_ name: String) throws -> Mutant {
    try #require(Mutant.all.first { $0.name == name })
  }

  /// Writes `ok`, makes a call and a division by zero, reads a byte, and ends with status 3.
  private static let program = """
            .include "toy.inc"
    _start: la t0, handler
            sw t0, TRAP_NEW + 4(zero)
            li t0, 0x10000
            sw t0, TRAP_NEW + 12(zero)
            li a0, 'o'
            out a0, CONSOLE_DATA(zero)
            in a0, CONSOLE_DATA(zero)
            out a0, CONSOLE_DATA(zero)
            la s3, 1f
            svc 7
    1:      la s3, 1f
            div a0, a0, zero
    1:      li a1, -2
            sw a1, 0x8000(zero)
            li t0, 3
            out t0, POWER(zero)
    handler: jr s3

    """.replacing("sw a1, 0x8000(zero)", with: "li t1, 0x8000\n        sw a1, 0(t1)")

  @Test(arguments: [
    ("output \"ok\"", "output \"o\""), ("status 3", "status 4"), ("stop power-off", "stop idle"),
    ("register a1 -2", "register a1 2"), ("register r2 0xFFFFFFFE", "register r3 1"),
    ("word 0x8000 0xFFFFFFFE", "word 0x8004 0xFFFFFFFE"), ("traps svc 1", "traps svc 0"),
    ("traps divide >= 1", "traps timer 1"), ("traps privileged = 0", "traps breakpoint >= 1"),
    ("retired <= 40", "retired 1"), ("output \"\\x6fk\"", "output \"ok\\n\""),
    ("retired >= 20", "retired >= 10000"),
  ])
  func whatAGuestDoesIsSeenOnEveryMachine(_ pair: (holds: String, fails: String)) throws {
    let head = "# input: \"k\"\n# expect "
    let right = try judge(head + pair.holds + "\n" + Self.program)
    #expect(right.alarms.isEmpty && right.tests.count == 1, "\(right.alarms)")
    let wrong = try judge(head + pair.fails + "\n" + Self.program)
    #expect(wrong.tests.isEmpty)
    #expect(wrong.alarms.map(\.machine) == GuestTest.Machine.allCases, "\(wrong.alarms)")
  }

  @Test(arguments: [
    ("exits 5", "exits <= 4", "vmm"), ("interpreted 3", "interpreted 2", "vmm"),
    ("interpreted out 3", "interpreted out 2", "vmm"), ("interpreted div 0", "interpreted div 1", "vmm"),
    ("stretch <= 30", "stretch >= 1000", "vmm"), ("interpreted >= 20", "interpreted <= 3", "hybrid"),
  ])
  func whatAVMMDoesIsSeenOnVMMs(_ row: (holds: String, fails: String, machine: String)) throws {
    // One device access less: three are left.
    let program = Self.program.replacing("        in a0, CONSOLE_DATA(zero)\n", with: "")
    let head = "# machine: \(row.machine)\n# expect "
    let right = try judge(head + row.holds + "\n" + program)
    #expect(right.alarms.isEmpty, "\(right.alarms)")
    #expect(try judge(head + row.fails + "\n" + program).alarms.count == 1)
    // Other machines have nothing to count.
    #expect(
      try judge("# machine: simulator emulator\n# expect \(row.fails)\n" + program).alarms.isEmpty)
  }

  @Test func aTestKillsWhatItLooksAt() throws {
    let compares = """
      # expect status 1
              .include "toy.inc"
      _start: li t0, -7
              slti t1, t0, 3
              li t2, 3
              slt t1, t0, t2
              out t1, POWER(zero)

      """
    let judge = try judge(
      compares, compares.replacing("# expect", with: "# machine: emulator vmm\n# expect"))
    #expect(judge.tests.count == 2)
    #expect(try judge.killers(of: mutant("sim-slt"), all: true) == ["t0"])
    for other in ["sim-sra", "sim-lb", "machine-stale-code", "vmm-base", "hybrid-mulhu"] {
      #expect(try judge.killers(of: mutant(other), all: true).isEmpty, "\(other)")
    }
    #expect(try judge.killers(of: mutant("vmm-region"), all: true) == ["t0", "t1"])
  }

  @Test func aWriteBehindStorageIsSeenOutside() throws {
    let writes = """
      # machine: vmm
      # expect outside unchanged
              .include "toy.inc"
      _start: la t0, off
              sw t0, TRAP_NEW + 4(zero)
              li t0, 0x10000
              sw t0, TRAP_NEW + 12(zero)
              sw t0, 0(t0)
      off:    out zero, POWER(zero)

      """
    let judge = try judge(writes, writes.replacing("0(t0)", with: "-4(t0)"))
    #expect(judge.alarms.isEmpty)
    #expect(try judge.killers(of: mutant("vmm-bound"), all: true) == ["t0"])
  }

  @Test func aFalseAlarmKillsNothing() throws {
    let judge = try judge("# expect status 1\n .include \"toy.inc\"\n_start: out zero, POWER(zero)\n")
    #expect(judge.alarms.count == 4)
    #expect(judge.alarms[0].text.contains("line 1") && judge.alarms[0].text.contains("status 0"))
    #expect(try judge.killers(of: mutant("vmm-region"), all: false).isEmpty)
  }

  @Test(arguments: [
    ("# expect", "missing"), ("# expect luck", "luck"), ("# expect status", "missing"),
    ("# expect status x", "not a number"), ("# expect status 0 0", "more on the line"),
    ("# expect output ok", "quotes"), ("# expect output \"ok", "does not end"),
    ("# expect output \"\\xg0\"", "hexadecimal"), ("# expect stop now", "now"),
    ("# expect register r16 0", "r16"), ("# expect register pc 0", "pc"),
    ("# expect register r1 0x100000000", "32 bits"), ("# expect word 3 0", "multiple"),
    ("# expect word 0x10000 0", "storage"), ("# expect traps bad-luck 1", "bad-luck"),
    ("# expect retired < 3", "<"), ("# expect outside", "missing"), ("# machine: laptop", "laptop"),
    ("# machine:", "machine"), ("# variant: best", "best"), ("# limit: 0", "limit"),
    ("# limit: 1000000", "limit"), ("# note: nothing is expected", "no `expect`"),
    ("nop\n# expect status 0", "no `expect`"),
  ])
  func headersThatMeanNothingAreErrors(_ row: (header: String, word: String)) throws {
    let judge = try judge(row.header + "\n_start: nop\n")
    #expect(judge.tests.isEmpty && judge.alarms.count == 1)
    let text = judge.alarms.first?.text ?? ""
    #expect(text.contains("t0.asm") && text.contains(row.word), "\(text)")
  }

  @Test func testsThatTakeLongDoNotCountAndEnd() throws {
    let endless = "# limit: 100000\n# expect stop limit\n_start: j _start\n"
    let all = try judge(endless)
    #expect(all.tests.isEmpty && all.alarms.isEmpty && all.notes.count == 1)
    let one = try judge("# machine: vmm\n" + endless.replacing("100000", with: "60000"), endless)
    #expect(one.tests.map(\.name) == ["t0"] && one.notes.count == 1)
    let many = try TestSuiteJudge(
      Dictionary(
        uniqueKeysWithValues: (0..<40).map { ("\($0).asm", "# expect stop idle\n_start: wait\n") }))
    #expect(many.tests.count == TestSuiteJudge.testLimit)
    // A wrong machine that never ends ends soon after the correct one would.
    let short = try judge("# expect status 0\n .include \"toy.inc\"\n_start: out zero, POWER(zero)\n")
    #expect(short.tests[0].limit == 1 + TestSuiteJudge.grace)
  }

  /// Guests of random words, with page tables of random entries, on every wrong machine.
  @Test(arguments: [1, 2, 3] as [UInt64]) func noGuestBreaksAWrongMachine(_ seed: UInt64) throws {
    var state = seed
    func random(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    func word() -> UInt64 {
      // Opcodes of the table more often than others; fields that must be zero sometimes are.
      let opcode = random(4) == 0 ? random(256) : 0x10 + random(0x4C)
      return opcode << 24 | random(1 << 24) & (random(2) == 0 ? 0xFF_0000 : 0xFF_F07C)
    }
    var texts: [String: String] = [:]
    for number in 0..<4 {
      var lines = [
        "# limit: 1000", "# expect retired >= 0",
        "# variant: \(["classic", "popf", "jrst", "leaky"][number])", "_start:",
      ]
      let flags = [0, 4, 6, 7][Int(random(4))]
      for (address, value) in [(0x20, flags), (0x24, 0x140), (0x28, 0x8000 * number / 2), (0x2C, 0x20000)] {
        lines += ["li r5, \(value)", "sw r5, \(address)(zero)"]
      }
      for register in 1..<16 { lines.append("li r\(register), \(random(1 << UInt64(8 + register)) & ~3)") }
      lines += (0..<100).map { _ in ".word \(word())" } + [".org 0x8000"]
      lines += (0..<64).map { _ in ".word \(random(2) == 0 ? 0x9001 : word())" } + [".org 0x9000"]
      lines += (0..<64).map { _ in ".word \(random(20) << 12 | random(128) | 1)" }
      texts["t\(number).asm"] = lines.joined(separator: "\n") + "\n"
    }
    let judge = try TestSuiteJudge(texts)
    #expect(judge.tests.count == 4, "\(judge.alarms)")
    for mutant in Mutant.all + Mutant.unnamed(seed: seed, count: 20) {
      #expect(try judge.killers(of: mutant, all: true).isEmpty)
    }
  }

  @Test func unnamedMachinesDependOnTheSeed() {
    let names = { (seed: UInt64) in Mutant.unnamed(seed: seed, count: 12).map(\.fault) }
    #expect(names(1) == names(1))
    #expect(Set((1...10).map { names($0) }).count == 10)
    #expect(names(3).count == 12)
    #expect(Mutant.unnamed(seed: 1, count: 1000).count < 100)
    #expect(Mutant.unnamed(seed: 1, count: -1).isEmpty)
  }

  @Test func theGradeIsKillsMinusFalseAlarms() throws {
    let lab = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Labs/Lab10")
    func grade(_ tests: [String: String]) throws -> Assessment {
      try Attempt(lab: lab, only: "instructions", seed: 1, texts: tests).judged()
    }
    let compares =
      "# machine: simulator\n# expect status 1\n .include \"toy.inc\"\n_start: li t0, -7\n li t2, 3\n slt t1, t0, t2\n out t1, POWER(zero)\n"
    let one = try grade(["compares.asm": compares])
    #expect(one.good == 1 && one.all == 10)
    #expect(one.message.contains("`sim-bge`") && !one.message.contains("sim-slt"))
    // Those that have no name are only counted.
    #expect(one.message.contains("3 wrong machines") && !one.message.contains("sim-cas"))
    let strict = compares.replacing("status 1", with: "status 2")
    for tests in [["compares.asm": compares, "wrong.asm": strict], ["wrong.asm": "nonsense"]] {
      let found = try grade(tests)
      #expect(found.good == 0 && found.message.contains("`wrong"), "\(found.message)")
    }
  }
}
