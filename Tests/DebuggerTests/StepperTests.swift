import Debugger
import MachineCore
import Properties
import Testing
import ToyISA
import X86Backend

@Suite struct StepperTests {
  private func run(_ sessions: [DebugSession], _ commands: [String]) -> (lines: [String], stepper: Stepper) {
    var lines: [String] = []
    let stepper = Stepper(sessions, put: { lines.append($0) })
    for command in commands where stepper.execute(command) == .quit { break }
    return (lines, stepper)
  }

  /// The same script gives the same text on every engine.
  @Test(arguments: ["minos", "minos-paging"])
  func scriptsAreTheSameOnEveryEngine(_ name: String) throws {
    let workload = try DebuggedPrograms.toy(name)
    let script = [
      "break puts if a0 > 0", "c", "info registers", "x/4i pc", "x/2w sp", "finish", "si 3", "back 2", "rc",
      "delete",
      "event trap", "walk pc", "event interrupt", "back", "next", "goto 4000", "list", "p sp - 4",
      "info breakpoints",
    ]
    var texts: [[String]] = []
    for kind in EngineKind.allCases {
      let (lines, stepper) = run([try DebuggedPrograms.session(workload, kind)], script)
      #expect(stepper.failures == 0, "\(kind): \(lines)")
      texts.append(lines)
    }
    #expect(texts[0] == texts[1])
    #expect(texts[1] == texts[2])
    #expect(texts[0].allSatisfy { $0.count <= 80 }, "\(texts[0].filter { $0.count > 80 })")
  }

  /// A stepper's script and gdb's reach the same breakpoint with the same registers, on every engine.
  @Test(arguments: [("protected32", "kernel_main"), ("long64", "reloaded")])
  func stepperAndGDBAgree(_ name: String, _ symbol: String) throws {
    let workload = try DebuggedPrograms.x86(name)
    let address = try #require(workload.symbolAddress(symbol))
    var seen: Set<[UInt64]> = []
    for kind in DebuggedPrograms.kinds(workload) {
      let client = try PacketClient(name, kind)
      _ = client.ask("Z0,\(String(address, radix: 16)),1")
      _ = client.ask("vCont;c")
      let session = try DebuggedPrograms.session(workload, kind)
      let (lines, stepper) = run([session], ["break \(symbol)", "continue", "info registers"])
      #expect(stepper.failures == 0 && lines.contains("breakpoint 1"))
      seen.insert(Array(session.engine.state.registers.prefix(18)))
      seen.insert(Array(client.session.engine.state.registers.prefix(18)))
    }
    #expect(seen.count == 1)
  }

  /// A call may take longer than machines in lock step go at a time.
  @Test func longCallsInLockStep() throws {
    let source = """
              .include "toy.inc"
      start:  call  outer
      back:   out   zero, POWER(zero)
      outer:  mv    s1, ra
              call  inner
              mv    ra, s1
              ret
      inner:  li    t0, 30000
      again:  addi  t0, t0, -1
              bne   t0, zero, again
              ret
      """
    let image = try ToyAssembler.run(bytes: Array(source.utf8), file: "test.asm", include: { _ in nil }).image
    let workload = Workload(name: "test.asm", machine: .toy(image, ToyMachine(), .classic))
    let back = try #require(workload.symbolAddress("back"))
    for script in [["next"], ["tbreak outer", "c", "finish"]] {
      let sessions = try [EngineKind.emulator, .simulator].map { try DebuggedPrograms.session(workload, $0) }
      let (lines, stepper) = run(sessions, script)
      #expect(stepper.failures == 0 && !stepper.sawDifference, "\(lines)")
      #expect(sessions.map(\.position.pc) == [back, back], "\(lines)")
    }
  }

  @Test func machinesInLockStep() throws {
    let workload = try DebuggedPrograms.toy("minos")
    let sessions = try EngineKind.allCases.map { try DebuggedPrograms.session(workload, $0) }
    let (lines, stepper) = run(
      sessions, ["si 4", "break trap", "c", "c", "back", "event interrupt", "goto 9000", "rc", "rc"])
    #expect(stepper.failures == 0 && !stepper.sawDifference, "\(lines)")
    #expect(lines.filter { $0 == "  simulator, emulator, virtualizer agree" }.count == 8)
    #expect(Set(sessions.map(\.position.count)).count == 1)
  }

  /// The first difference is found, even one that leaves no mark in later states.
  @Test(arguments: [7, 4000, 23_456] as [UInt64])
  func theFirstDifferenceStops(_ instruction: UInt64) throws {
    let workload = try DebuggedPrograms.toy("minos")
    let wrong = try PlantedFault(try workload.makeEngine(.emulator), instruction: instruction)
    let sessions = [try DebuggedPrograms.session(workload, .simulator), DebugSession(workload, wrong)]
    let (lines, stepper) = run(sessions, ["goto 60000"])
    #expect(stepper.sawDifference)
    #expect(lines.contains { $0.hasPrefix("- #0  n=\(instruction) ") }, "\(lines)")
    #expect(lines.contains { $0.hasPrefix("+ #0  n=\(instruction) ") }, "\(lines)")
    #expect(sessions.allSatisfy { $0.position.count == instruction })
  }

  @Test(arguments: [
    "bogus", "si x", "si 0", "break", "break nowhere", "break pc if", "break pc if nothing", "watch pc",
    "watch 0,9",
    "rwatch r1", "x/0 0", "x/4z 0", "x 0xffffffff", "walk", "info", "info nothing", "delete 7", "set",
    "set r1",
    "set nothing = 1", "event", "event sun", "event trap 0", "goto", "list :99999", "print 1 +", "p/x 1",
  ])
  func mistakesAreTold(_ command: String) throws {
    let session = try DebuggedPrograms.session(try DebuggedPrograms.toy("hello"))
    let (lines, stepper) = run([session], [command])
    #expect(stepper.failures == 1 && lines.last?.hasPrefix("error: ") == true, "\(lines)")
    #expect(session.position.count == 0)
  }

  @Test func everyCommandIsInHelp() throws {
    let session = try DebuggedPrograms.session(try DebuggedPrograms.toy("hello"))
    let (lines, _) = run([session], ["help"])
    #expect(lines.count >= 20 && lines.allSatisfy { $0.count <= 80 }, "\(lines.filter { $0.count > 80 })")
  }
}
