import MachineCore
import Testing
import ToyISA

/// Translation by two-level tables and the TLB that must be flushed.
@Suite struct PagingTests {
  /// A directory at 0x8000 with a table at 0x9000 that maps the first sixteen pages onto themselves.
  private func machine(_ source: String, changes: [Int: UInt32] = [:]) throws -> (
    image: [UInt8], state: ProcessorState
  ) {
    var (image, entry) = try Lab.assemble(source)
    func put(_ address: Int, _ word: UInt32) {
      for byte in 0..<4 { image[address + byte] = UInt8(truncatingIfNeeded: word >> UInt32(byte * 8)) }
    }
    put(0x8000, 0x9001)
    for page in 0..<16 { put(0x9000 + page * 4, UInt32(page) << 12 | 0x0F) }
    for (page, entry) in changes { put(0x9000 + page * 4, entry) }
    var state = ToyInstructionSet.resetState(entry: entry, storage: Lab.memorySize)
    state.registers[Int(ToyRegister.paging)] = 1
    state.registers[Int(ToyRegister.base)] = 0x8000
    return (image, state)
  }

  private func check(_ source: String, changes: [Int: UInt32] = [:]) throws -> Outcome {
    let (image, state) = try machine(source, changes: changes)
    let (outcome, differences) = try Lab.compare(image: image, state: state, slices: [5, 9, 40])
    #expect(differences.isEmpty, "\(differences)")
    return outcome
  }

  private func entry(_ page: Int, _ outcome: Outcome) throws -> UInt32 {
    UInt32(try #require(outcome.engine.platform.memory.load(0x9000 + UInt64(page) * 4, width: 4)))
  }

  @Test("Accessed and dirty bits are set in storage")
  func accessedAndDirty() throws {
    let outcome = try check(
      "_start: li r1, 0x4000\n lw r2, 0(r1)\n li r1, 0x5000\n lw r2, 0(r1)\n sw r2, 0(r1)\n out r0, 0x30(r0)")
    #expect(outcome.reason == .powerOff(status: 0))
    #expect(try entry(0, outcome) == 0x002F)
    #expect(try entry(4, outcome) == 0x402F)
    #expect(try entry(5, outcome) == 0x506F)
    #expect(try entry(6, outcome) == 0x600F)
  }

  @Test("An old translation stays until the TLB is flushed")
  func stale() throws {
    let outcome = try check(
      """
      _start: li r1, 0x4000
              li r2, 44
              sw r2, 0(r1)
              li r3, 0x5000
              li r2, 55
              sw r2, 0(r3)
              li r4, 0x9010       # entry of page 4
              li r5, 0x500F
              sw r5, 0(r4)        # now maps frame 5
              lw r6, 0(r1)
              tlbflush
              lw r7, 0(r1)
              out r0, 0x30(r0)
      """)
    #expect(outcome.register(6) == 44)
    #expect(outcome.register(7) == 55)
  }

  @Test("A page can be executed at another address, and a run crosses into the next page")
  func crossing() throws {
    // Page 2 is frame 3 and page 3 is frame 2: the straight run must leave one frame for the other.
    let outcome = try check(
      """
      _start: li r5, 0x2FF8
              jalr r15, 0(r5)
              out r1, 0x30(r0)
              .org 0x2000
              addi r1, r1, 100
              jalr r0, 0(r15)
              .org 0x3FF8
              addi r1, r1, 1
              addi r1, r1, 2
      """, changes: [2: 0x300F, 3: 0x200F])
    #expect(outcome.reason == .powerOff(status: 103))
  }

  @Test("Pages without permission fault", arguments: [("lw", 6), ("sw", 7)])
  func permission(instruction: String, cause: UInt32) throws {
    let outcome = try check(
      """
              .org 0x20
              .word 4, handler, 0x8000, 0x10000
              .org 0x100
      _start: li r1, 0x6004
              \(instruction) r2, 0(r1)
      handler: lw r3, 0x10(r0)
              lw r4, 0x14(r0)
              out r3, 0x30(r0)
      """, changes: [6: 0x6000])
    #expect(outcome.reason == .powerOff(status: UInt64(cause)))
    #expect(outcome.register(4) == 0x6004)
  }

  @Test("Code changed through another mapping is seen")
  func alias() throws {
    // Page 6 is frame 0, where the program is.
    let outcome = try check(
      """
      _start: la r2, patch
              li r6, 0x6000
              add r6, r6, r2
              li r4, 50
      loop:   lw r3, 0(r6)
              addi r3, r3, 1
              sw r3, 0(r6)
      patch:  addi r1, r1, 0
              addi r4, r4, -1
              bnez r4, loop
              out r0, 0x30(r0)
      """, changes: [6: 0x000F])
    #expect(outcome.register(1) == 1275)
  }
}
