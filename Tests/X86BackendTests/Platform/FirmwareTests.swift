import MachineCore
import Simulator
import Testing
import Trace
import X86Backend

/// Firmware from the reset vector on, the same on every engine.
@Suite struct FirmwareTests {
  /// Interrupts of the run, as (vector, line, pc).
  private static func run(_ engine: any Engine) throws -> (StopReason, [[UInt64]]) {
    var interrupts: [[UInt64]] = []
    let recorder = TraceRecorder(level: .events) { batch in
      for record in batch where record.eventKind == .interrupt {
        interrupts.append([UInt64(record.code), record.value, record.pc])
      }
    }
    let stop = try engine.run(RunLimits(instructions: 10_000, hostSeconds: 20), into: recorder)
    recorder.flush()
    return (stop, interrupts)
  }

  private static func check(_ engine: any Engine) throws -> [[UInt64]] {
    let (stop, interrupts) = try run(engine)
    #expect(stop == .powerOff(status: X86Workload.timerROM.expectedStatus))
    #expect(String(decoding: engine.platform.console, as: UTF8.self) == X86Workload.timerROM.expectedConsole)
    #expect(PCPlatform.screen(of: engine.platform)?[0] == "ticks: 10")
    // The byte in read-only memory is still the one that was there before the store.
    #expect(PCPlatform.log(of: 0xE9, on: engine.platform) == Array("t".utf8))
    #expect(PCPlatform.log(of: 0x80, on: engine.platform) == [3])
    #expect(interrupts.count == 10)
    return interrupts
  }

  @Test func timerInterruptsAgree() throws {
    let machine = try X86Workload.timerROM.machine(memorySize: 4 << 20)
    let emulator = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
    let simulator = Evaluator(
      instructionSet: X86InstructionSet(), platform: try machine.makePlatform(), state: machine.initialState)
    let interrupts = try Self.check(emulator)
    #expect(try Self.check(simulator) == interrupts)
    #expect(emulator.platform.save() == simulator.platform.save())
    #expect(emulator.state == simulator.state)
    #expect(emulator.platform.memory.digest == simulator.platform.memory.digest)
    #if os(Linux) && arch(x86_64)
      guard let hardware = try? X86Virtualizer.make(machine, on: try machine.makePlatform()) else { return }
      #expect(try Self.check(hardware) == interrupts)
      #expect(hardware.platform.memory.digest == emulator.platform.memory.digest)
    #endif
  }

  @Test func aStoppedRunGoesBack() throws {
    let machine = try X86Workload.timerROM.machine(memorySize: 4 << 20)
    let simulator = Evaluator(
      instructionSet: X86InstructionSet(), platform: try machine.makePlatform(), state: machine.initialState)
    simulator.historyLimit = 1000
    let start = (simulator.state, simulator.platform.save(), simulator.platform.memory.digest)
    #expect(try simulator.run(RunLimits(instructions: 150), into: nil) == .limit)
    while simulator.stepBack() {}
    #expect(simulator.state == start.0)
    #expect(simulator.platform.save() == start.1)
    #expect(simulator.platform.memory.digest == start.2)
  }

  @Test func haltWithInterruptsOffIsTheEnd() throws {
    // CLI; HLT, with a timer request waiting.
    var machine = try X86Loader.load([0xFA, 0xF4], mode: .real16)
    machine.pc = PCParts()
    let platform = try machine.makePlatform()
    platform.setLine(0, true)
    let emulator = X86Interpreter(platform: platform, state: machine.initialState)
    #expect(try emulator.run(RunLimits(), into: nil) == .idle(pc: 0x7C02))
    let other = try machine.makePlatform()
    other.setLine(0, true)
    let simulator = Evaluator(
      instructionSet: X86InstructionSet(), platform: other, state: machine.initialState)
    #expect(try simulator.run(RunLimits(), into: nil) == .idle(pc: 0x7C02))
  }

  /// With the gate closed FFFF:0010 is address 0; open, 100000h.
  @Test(arguments: [false, true]) func theGateHoldsOnEveryEngine(_ isOpen: Bool) throws {
    // MOV AL, isOpen*2; OUT 92h, AL; (keyboard) MOV AL, D1h; OUT 64h, AL; MOV AL, DDh | isOpen*2; OUT 60h, AL;
    // MOV AX, FFFFh; MOV DS, AX; MOV BYTE [10h], 5Ah; MOV AL, [10h]; OUT E9h, AL; OUT F4h, AL
    let bits: UInt8 = isOpen ? 2 : 0
    var machine = try X86Loader.load(
      [
        0xB0, bits, 0xE6, 0x92, 0xB0, 0xD1, 0xE6, 0x64, 0xB0, 0xDD | bits, 0xE6, 0x60, 0xB8, 0xFF, 0xFF, 0x8E,
        0xD8, 0xC6, 0x06, 0x10, 0x00, 0x5A, 0xA0, 0x10, 0x00, 0xE6, 0xE9, 0xE6, 0xF4,
      ], mode: .real16)
    machine.pc = PCParts()
    var engines: [any Engine] = [
      X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState),
      Evaluator(
        instructionSet: X86InstructionSet(), platform: try machine.makePlatform(), state: machine.initialState
      ),
    ]
    #if os(Linux) && arch(x86_64)
      if let hardware = try? X86Virtualizer.make(machine, on: try machine.makePlatform()) {
        engines.append(hardware)
      }
    #endif
    for engine in engines {
      let stop = try engine.run(RunLimits(hostSeconds: 10), into: nil)
      guard case .powerOff = stop else {
        Issue.record("\(engine.kind): \(stop)")
        continue
      }
      let memory = engine.platform.memory
      #expect(memory.load(0, width: 1) == (isOpen ? 0 : 0x5A), "\(engine.kind)")
      #expect(memory.load(0x10_0000, width: 1) == (isOpen ? 0x5A : 0), "\(engine.kind)")
      #expect(PCPlatform.log(of: 0xE9, on: engine.platform) == [0x5A], "\(engine.kind)")
    }
  }
}
