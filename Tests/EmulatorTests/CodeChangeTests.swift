import Emulator
import MachineCore
import Testing
import ToyISA

/// Decoded code must never outlive the words it came from.
@Suite struct CodeChangeTests {
  private func check(_ source: String, input: [UInt8] = [], instructions: UInt64 = 100_000) throws -> Outcome
  {
    let (image, entry) = try Lab.assemble(source)
    let (outcome, differences) = try Lab.compare(
      image: image, state: ToyInstructionSet.resetState(entry: entry, storage: Lab.memorySize), input: input,
      instructions: instructions, slices: [3, 50, 7, 11])
    #expect(differences.isEmpty, "\(differences)")
    return outcome
  }

  @Test("A store into the next instruction is seen at once")
  func nextInstruction() throws {
    // The loop writes `addi r1, r1, r5`-like words over `patch`, changing the immediate each time.
    let outcome = try check(
      """
      _start: la r2, patch
              lw r3, 0(r2)
              li r4, 3000
      loop:   addi r3, r3, 1
              sw r3, 0(r2)
      patch:  addi r1, r1, 0
              addi r4, r4, -1
              bnez r4, loop
              out r0, 0x30(r0)
      """)
    #expect(outcome.reason == .powerOff(status: 0))
    #expect(outcome.register(1) == 3000 * 3001 / 2)
  }

  @Test("Stores of bytes and halfwords into code are seen", arguments: ["sb", "sh"])
  func narrowStores(store: String) throws {
    let outcome = try check(
      """
      _start: la r2, patch
              li r4, 100
      loop:   \(store) r4, 0(r2)
              nop
              nop
      patch:  addi r1, r1, 0
              addi r4, r4, -1
              bnez r4, loop
              out r0, 0x30(r0)
      """)
    #expect(outcome.register(1) == 5050)
  }

  @Test("Every word of a straight run can be replaced while the run is hot")
  func everyWord() throws {
    // Each round turns one `addi r1, r1, 1` of twelve into `addi r1, r1, 2`.
    let body = (0..<12).map { _ in "        addi r1, r1, 1" }.joined(separator: "\n")
    let outcome = try check(
      """
      _start: la r2, body
              li r4, 12
      loop:   lw r3, 0(r2)
              addi r3, r3, 1
              sw r3, 0(r2)
              addi r2, r2, 4
      body:
      \(body)
              addi r4, r4, -1
              bnez r4, loop
              out r0, 0x30(r0)
      """)
    #expect(outcome.register(1) == 12 * 12 + 12 * 13 / 2)
  }

  @Test("Code that the disk brings in replaces what was there")
  func disk() throws {
    // The disk is all zeros, and a word of zeros is illegal: its trap switches off with status 9.
    let outcome = try check(
      """
              .org 0x20
              .word 0, handler, 0, 0x10000
              .org 0x100
      _start: li r5, 0x2000
              jalr r15, 0(r5)
              out r0, 0x20(r0)
              out r5, 0x21(r0)
              li r1, 1
              out r1, 0x22(r0)
      busy:   in r2, 0x23(r0)
              li r3, 1
              beq r2, r3, busy
              jalr r15, 0(r5)
      handler: li r1, 9
              out r1, 0x30(r0)
              .org 0x2000
              addi r6, r6, 1
              jalr r0, 0(r15)
      """)
    #expect(outcome.reason == .powerOff(status: 9))
    #expect(outcome.register(6) == 1)
  }

  @Test("A write from outside between two runs is seen")
  func outside() throws {
    let (image, entry) = try Lab.assemble("_start: addi r1, r1, 1\n j _start")
    let engine = try EmulatedPrograms.interpreter(
      Lab.platform(image), ToyInstructionSet.resetState(entry: entry, storage: Lab.memorySize))
    _ = try engine.run(RunLimits(instructions: 100), into: nil)
    try engine.platform.memory.write([5, 0], at: Int(entry))
    _ = try engine.run(RunLimits(instructions: 100), into: nil)
    #expect(engine.state.registers[1] == 50 + 250)
  }

  @Test("The trap area may hold code")
  func trapArea() throws {
    // The trap stores cause 9 and value 0 at 0x10, over `jump: addi` words that ran before.
    _ = try check(
      """
              .org 0x00
      first:  addi r1, r1, 1
              addi r1, r1, 1
              addi r1, r1, 1
              addi r1, r1, 1
              addi r1, r1, 1
              jalr r0, 0(r15)
              .org 0x20
              .word 0, handler, 0, 0x10000
              .org 0x100
      _start: jal r15, first
              brk
      handler: jal r15, first
              out r1, 0x30(r0)
      """, instructions: 200)
  }
}
