import MachineCore
import Testing
import Trace
import X86Backend

#if os(Linux) && arch(x86_64)
  /// Time, interrupts and the dirty log of the virtualizer.
  @Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
  struct KVMTimeTests {
    /// Sets the timer to a thousand ticks a second and spins until five interrupts were counted in BX.
    ///
    /// Handler at 0x7C42, vector 8: INC BX; end of interrupt; IRET.
    private static let fiveTicks: [UInt8] = [
      0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0, 0xBC, 0x00, 0x7C, 0xC7, 0x06, 0x20, 0x00, 0x42,
      0x7C, 0xA3, 0x22, 0x00, 0xB0, 0x11, 0xE6, 0x20, 0xB0, 0x08, 0xE6, 0x21, 0xB0, 0x04, 0xE6, 0x21, 0xB0,
      0x01, 0xE6, 0x21, 0xB0, 0xFE, 0xE6, 0x21, 0xB0, 0x34, 0xE6, 0x43, 0xB0, 0xA9, 0xE6, 0x40, 0xB0, 0x04,
      0xE6, 0x40, 0x31, 0xDB, 0xFB, 0x83, 0xFB, 0x05, 0x72, 0xFB, 0x88, 0xD8, 0xE6, 0xF4, 0xF4, 0x43, 0xB0,
      0x20, 0xE6, 0x20, 0xCF,
    ]

    private static func engine(_ code: [UInt8]) throws -> KVMEngine {
      var machine = try X86Loader.load(code, mode: .real16)
      machine.pc = PCParts()
      return try KVMEngine(
        platform: machine.makePlatform(), state: machine.initialState, instructionSet: X86InstructionSet())
    }

    @Test func freeRunsAreInterruptedAnywhere() throws {
      let shared = try Self.engine(Self.fiveTicks)
      #expect(try shared.run(RunLimits(hostSeconds: 0.2), into: nil) == .hostTimeLimit)
      // One at most: that of the timer's output, which rises when it is programmed.
      #expect(shared.statistics.injected <= 1)
      let free = try Self.engine(Self.fiveTicks)
      try free.runFreely()
      #expect(
        try free.run(RunLimits(hostSeconds: 30), into: nil)
          == .powerOff(status: PowerPort.status(ofWritten: 5)))
      #expect(free.statistics.injected >= 5)
      // Four whole periods of a timer that divides its clock by 0x4A9: the first tick may be its output that rises
      // when it is programmed.
      #expect(free.platform.now >= 4 * 0x4A9 * X86Layout.instructionsPerTimerTick)
    }

    @Test func freeRunsWithARecordAreTheSame() throws {
      let free = try Self.engine(Self.fiveTicks)
      try free.runFreely()
      var places: [UInt64] = []
      let recorder = TraceRecorder(level: .events) { batch in
        places += batch.filter { $0.kind == EventKind.interrupt.rawValue }.map(\.aux)
      }
      #expect(
        try free.run(RunLimits(hostSeconds: 30), into: recorder)
          == .powerOff(status: PowerPort.status(ofWritten: 5)))
      recorder.flush()
      #expect(places.count >= 5)
      #expect(places.allSatisfy { $0 == 0x7C42 })
    }

    @Test func freeRunsAreBounded() throws {
      // The timer runs, its interrupt is masked: STI; HLT. And the same with a spin.
      let start: [UInt8] = [
        0xB0, 0xFF, 0xE6, 0x21, 0xB0, 0x34, 0xE6, 0x43, 0xB0, 0xA9, 0xE6, 0x40, 0xE6, 0x40, 0xFB,
      ]
      for end in [[0xF4, 0xEB, 0xFD], [0xEB, 0xFE]] as [[UInt8]] {
        let engine = try Self.engine(start + end)
        try engine.runFreely()
        for _ in 0..<2 { #expect(try engine.run(RunLimits(hostSeconds: 0.1), into: nil) == .hostTimeLimit) }
        #expect(engine.statistics.controlViolations == [])
      }
    }

    @Test func aNewStateTakesNoInterruptForTheOldOne() throws {
      // STI; NOP; OUT 0x80, AL; and then, with interrupts off, INC BX; HLT.
      let engine = try Self.engine([0xFB, 0x90, 0xE6, 0x80, 0x43, 0xF4])
      engine.platform.accessesLeft = 1
      #expect(try engine.run(RunLimits(hostSeconds: 5), into: nil) == .limit)
      engine.platform.accessesLeft = nil
      #expect(engine.state[.rflags] & 0x200 != 0)
      engine.state[.rflags] = 2
      engine.platform.setRequest(true)
      #expect(try engine.run(RunLimits(hostSeconds: 5), into: nil) == .idle(pc: 0x7C06))
      #expect(engine.state[.rbx] == 1)
      #expect(engine.statistics.injected == 0)
    }

    @Test func whatFreeRunsCannotDoIsRefused() throws {
      let engine = try Self.engine(Self.fiveTicks)
      try engine.runFreely()
      if engine.capabilities.traceLevel == .instructions {
        let recorder = TraceRecorder(level: .instructions) { _ in }
        #expect(throws: EngineRefusal.self) { try engine.run(RunLimits(hostSeconds: 1), into: recorder) }
      }
      let machine = try X86Workload.real16.machine()
      let emulator = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      #expect(throws: EngineRefusal.self) { try X86Virtualizer.runFreely(emulator) }
      #expect(throws: EngineRefusal.self) { try X86Virtualizer.logWrites(emulator) }
      #expect(X86Virtualizer.writtenPages(emulator) == nil)
    }

    /// Interrupts of a run with what each changed: (what, numbers).
    private static func interrupts(
      _ engine: any Engine, _ level: TraceLevel = .events, clocks: Bool = false,
      instructions: UInt64 = 10_000
    ) throws -> [[UInt64]] {
      var seen: [[UInt64]] = []
      var isInside = false
      let recorder = TraceRecorder(level: level) { batch in
        for record in batch {
          switch record.eventKind {
          case .interrupt:
            seen.append([UInt64(record.code), record.value, record.pc, record.aux, UInt64(record.mode)])
            if clocks { seen[seen.count - 1].append(record.clock) }
            isInside = true
          case .registerWrite where isInside: seen[seen.count - 1] += [UInt64(record.code), record.value]
          default: isInside = false
          }
        }
      }
      _ = try engine.run(RunLimits(instructions: instructions, hostSeconds: 20), into: recorder)
      recorder.flush()
      return seen
    }

    @Test func interruptsCarryTheirEffects() throws {
      let machine = try X86Workload.timerROM.machine(memorySize: 4 << 20)
      let emulator = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      let expected = try Self.interrupts(emulator)
      #expect(expected.count == 10)
      #expect(expected.allSatisfy { $0.count > 5 })
      #expect(try Self.interrupts(try X86Virtualizer.make(machine, on: machine.makePlatform())) == expected)
    }

    /// While it steps, the engine counts, and interrupts come at the very instruction where they come on the emulator.
    @Test(.enabled(if: KVMProbe.shared.stepping.real16, "this host cannot single-step real mode"))
    func steppedRunsAreInterruptedWhereTheEmulatorIs() throws {
      for code in [nil, Self.spinning] {
        var machine = try X86Workload.timerROM.machine(memorySize: 4 << 20)
        if let code {
          machine = try X86Loader.load(code, mode: .real16)
          machine.pc = PCParts()
        }
        let emulator = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
        let expected = try Self.interrupts(emulator, .instructions, clocks: true)
        #expect(expected.count >= 3)
        let engine = try X86Virtualizer.make(machine, on: machine.makePlatform())
        #expect(try Self.interrupts(engine, .instructions, clocks: true) == expected)
        #expect(engine.platform.now == emulator.platform.now)
      }
    }

    /// A guest that only spins gets time at shared points in a stepped run, too, at the same instruction.
    @Test(.enabled(if: KVMProbe.shared.stepping.real16, "this host cannot single-step real mode"))
    func steppedGuestsThatSpinGetTime() throws {
      var machine = try X86Loader.load(Self.deepSpinning, mode: .real16)
      machine.pc = PCParts()
      machine.usesSharedPoints = true
      let emulator = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      let expected = try Self.interrupts(emulator, .instructions, clocks: true, instructions: 40_000)
      #expect(expected.count == 3)
      #expect(emulator.platform.powerOff == PowerPort.status(ofWritten: 3))
      let engine = try X86Virtualizer.make(machine, on: machine.makePlatform())
      #expect(
        try Self.interrupts(engine, .instructions, clocks: true, instructions: 40_000) == expected)
      #expect(engine.platform.powerOff == emulator.platform.powerOff)
      #expect(engine.platform.now == emulator.platform.now)
    }

    /// A jump to itself instead of the loop; the handler at 0x7C42 counts to three in BX and ends the run.
    private static var deepSpinning: [UInt8] {
      var code = Array(fiveTicks[..<56])
      code += [0xEB, 0xFE] + [UInt8](repeating: 0x90, count: 8)
      // INC BX; CMP BX, 3; JAE end; end of interrupt; IRET; end: MOV AL, BL; OUT 0xF4, AL; HLT.
      code += [0x43, 0x83, 0xFB, 3, 0x73, 5, 0xB0, 0x20, 0xE6, 0x20, 0xCF, 0x88, 0xD8, 0xE6, 0xF4, 0xF4]
      return code
    }

    /// The same guest with a timer of thirty ticks, and three interrupts counted.
    private static var spinning: [UInt8] {
      var code = fiveTicks
      // MOV AL, 30 and MOV AL, 0 for the timer's count; CMP BX, 3.
      (code[46], code[50], code[58]) = (30, 0, 3)
      return code
    }

    // MARK: The dirty log

    @Test func writtenPagesAreThoseOfTheEmulatorsStores() throws {
      // Flat and without paging: the addresses that the program computes are those of storage.
      let machine = try X86Workload.protected32.machine()
      let emulator = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      var stored: Set<UInt64> = []
      let recorder = TraceRecorder(level: .instructions) { batch in
        for record in batch where record.kind == EventKind.memoryWrite.rawValue {
          stored.formUnion([record.address >> 12, (record.address + max(record.aux, 1) - 1) >> 12])
        }
      }
      _ = try emulator.run(RunLimits(), into: recorder)
      recorder.flush()
      #expect(!stored.isEmpty)
      let engine = try X86Virtualizer.make(machine, on: machine.makePlatform())
      #expect(X86Virtualizer.writtenPages(engine) == nil)
      try X86Virtualizer.logWrites(engine)
      #expect(X86Virtualizer.writtenPages(engine) == [])
      guard case .powerOff = try engine.run(RunLimits(hostSeconds: 30), into: nil) else {
        Issue.record("the guest did not come to its end")
        return
      }
      #expect(X86Virtualizer.writtenPages(engine) == stored.sorted())
      // What a device writes counts, too.
      try engine.platform.memory.write([1], at: 0x50_0000)
      #expect(X86Virtualizer.writtenPages(engine)?.last == 0x500)
    }

    @Test func thePagesOfRing3AreLogged() throws {
      let machine = try X86Workload.long64.machine()
      let engine = try X86Virtualizer.make(machine, on: machine.makePlatform())
      let pages = engine.platform.memory.size / GuestMemory.pageSize
      func digests() throws -> [UInt64] {
        try (0..<pages).map {
          Digest.of(try engine.platform.memory.read(($0 * 4096)..<($0 * 4096 + 4096)))
        }
      }
      let before = try digests()
      try X86Virtualizer.logWrites(engine)
      guard case .powerOff = try engine.run(RunLimits(hostSeconds: 30), into: nil) else {
        Issue.record("the guest did not come to its end")
        return
      }
      let after = try digests()
      let written = Set(X86Virtualizer.writtenPages(engine) ?? [])
      let changed = (0..<pages).filter { before[$0] != after[$0] }.map(UInt64.init)
      #expect(!changed.isEmpty)
      #expect(changed.allSatisfy(written.contains))
      #expect(written.count < pages / 8)
    }
  }
#endif
