import Emulator
import MachineCore
import Testing
import ToyISA
import Trace

/// Traps, interrupts, waiting and the ends of runs.
@Suite struct EventTests {
  /// New PSW for traps: supervisor mode, interrupts off, at `handler`.
  static let vector = """
          .org 0x20
          .word 0, handler, 0, 0x10000
          .org 0x100

    """

  @Test(
    "A run retires exactly as many instructions as allowed", arguments: [0, 1, 2, 7, 8, 9, 2047, 2050, 5000])
  func limit(count: UInt64) throws {
    let source = "_start: addi r1, r1, 1\n addi r2, r2, 1\n j _start"
    for level in [nil, TraceLevel.events, .instructions] {
      let outcome = try Lab.run(source, level: level, limits: RunLimits(instructions: count))
      #expect(outcome.reason == .limit)
      #expect(outcome.engine.platform.retired == count)
      #expect(outcome.engine.statistics.retired == count)
      #expect(UInt64(outcome.register(1)) == (count + 2) / 3)
    }
  }

  @Test("`until` stops before the instruction, but not before the first one")
  func until() throws {
    let (image, entry) = try Lab.assemble("_start: addi r1, r1, 1\n addi r2, r2, 1\n j _start")
    let engine = try EmulatedPrograms.interpreter(
      Lab.platform(image), ToyInstructionSet.resetState(entry: entry, storage: Lab.memorySize))
    let limits = RunLimits(instructions: 1000, until: [UInt64(entry)])
    #expect(try engine.run(limits, into: nil) == .breakpoint(pc: UInt64(entry)))
    #expect(engine.platform.retired == 3)
    #expect(try engine.run(limits, into: nil) == .breakpoint(pc: UInt64(entry)))
    #expect(engine.platform.retired == 6)
  }

  @Test("A trap saves the old PSW, cause and value, and the handler can go on")
  func trap() throws {
    let outcome = try Lab.run(
      Self.vector + """
        _start: li r1, 7
                svc 42
        back:   out r1, 0x30(r0)
        handler: lw r2, 0x10(r0)
                lw r3, 0x14(r0)
                lw r4, 0x04(r0)
                la r5, back
                jalr r0, 0(r5)
        """, level: .instructions)
    #expect(outcome.reason == .powerOff(status: 7))
    #expect(outcome.register(2) == ToyCause.supervisorCall.rawValue)
    #expect(outcome.register(3) == 42)
    #expect(outcome.register(4) == outcome.register(5) - 4)
    #expect(outcome.count(.trap) == 1)
    #expect(outcome.count(.halt) == 1)
  }

  @Test("A second trap before any instruction retires is a check stop")
  func doubleTrap() throws {
    for level in [nil, TraceLevel.events, .instructions] {
      let outcome = try Lab.run(Self.vector + "_start: nop\n brk\nhandler: svc 1", level: level)
      #expect(
        outcome.reason
          == .checkStop(cause: ToyCause.supervisorCall.rawValue, pc: outcome.engine.state.registers[16]))
      #expect(outcome.engine.platform.retired == 1)
      #expect(outcome.count(.halt) == (level == nil ? 0 : 1))
    }
  }

  @Test("Waiting without anything to come is idle for ever")
  func idle() throws {
    let outcome = try Lab.run("_start: wait\n nop", level: .events)
    #expect(outcome.reason == .idle(pc: 0x104))
    #expect(outcome.engine.platform.retired == 1)
    #expect(outcome.records.last?.eventKind == .halt)
  }

  @Test("The timer interrupts after exactly so many instructions", arguments: [1, 5, 100, 1500, 4000])
  func timer(ticks: Int) throws {
    let source =
      Self.vector + """
        _start: li r1, \(ticks)
                li r2, 1
                out r1, 0x10(r0)
                setie r2
        loop:   addi r3, r3, 1
                j loop
        handler: getclk r4
                out r0, 0x30(r0)
        """
    for level in [nil, TraceLevel.events, .instructions] {
      let outcome = try Lab.run(source, level: level)
      #expect(outcome.reason == .powerOff(status: 0))
      guard level != nil else { continue }
      // The timer counts from before the `out`; interrupts are enabled after the instruction behind it.
      let start = try #require(outcome.records.first { $0.eventKind == .device }).clock
      let interrupt = try #require(outcome.records.first { $0.eventKind == .interrupt })
      #expect(interrupt.code == ToyCause.timer.rawValue)
      #expect(interrupt.clock == start + UInt64(max(ticks, 2)))
      #expect(UInt64(outcome.register(4)) == interrupt.clock)
    }
  }

  @Test("Waiting ends with the timer, enabled or not")
  func wake() throws {
    let outcome = try Lab.run(
      "_start: li r1, 5000\n out r1, 0x10(r0)\n wait\n in r2, 0x11(r0)\n out r0, 0x30(r0)")
    #expect(outcome.reason == .powerOff(status: 0))
    #expect(outcome.register(2) >= 5000)
    #expect(outcome.engine.platform.retired < 10)
  }

  @Test("A write to the power port ends the run after it retires")
  func powerOff() throws {
    let outcome = try Lab.run("_start: li r1, 3\n out r1, 0x30(r0)\n addi r1, r1, 1", level: .instructions)
    #expect(outcome.reason == .powerOff(status: 3))
    #expect(outcome.register(1) == 3)
    let kinds = outcome.records.compactMap(\.eventKind)
    #expect(kinds.suffix(3) == [.device, .retire, .halt])
  }
}
