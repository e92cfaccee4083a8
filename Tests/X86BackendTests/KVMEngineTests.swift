import MachineCore
import Testing
import Trace
import X86Backend

#if os(Linux) && arch(x86_64)
  import Glibc

  @Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
  struct KVMEngineTests {
    static func engine(
      _ mode: X86Mode, _ code: [UInt8], input: [UInt8] = [], change: (inout ProcessorState) -> Void = { _ in }
    ) throws -> KVMEngine {
      let address = mode.defaultLoadAddress
      let machine = X86Machine(
        mode: mode, entry: address, segments: [LoadSegment(address: address, bytes: code)],
        memorySize: X86Layout.minimumMemorySize, input: input)
      var state = machine.initialState
      change(&state)
      return try KVMEngine(
        platform: machine.makePlatform(), state: state, instructionSet: X86InstructionSet())
    }

    static let quick = RunLimits(hostSeconds: 5)

    @Test(arguments: X86Mode.allCases)
    func stateGoesInAndComesBack(mode: X86Mode) throws {
      let engine = try Self.engine(mode, [0xF4])
      var state = engine.state
      for (index, register) in X86Register.allCases.prefix(16).enumerated() {
        state[register] = 0x0101_0101_0101_0101 &* UInt64(index + 1)
      }
      state[.rflags] = 0x2 | 0xCD5 & ~0x400
      state[.cr2] = 0x1234_5678
      state[.dr0] = 0x1000
      if mode == .long64 {
        state[.lstar] = 0xFFFF_8000_0000_1000
        state[.star] = 0x001B_0008_0000_0000
        state[.sfmask] = 0x4_4700
        state[.kernelGSBase] = 0x5000
        state[.fsBase] = 0x6000
      }
      state[.sysenterEIP] = 0x1_0000
      engine.state = state
      let back = engine.state
      for register in X86Register.allCases where back[register] != state[register] {
        Issue.record("\(register): \(hex(state[register])) came back as \(hex(back[register]))")
      }
    }

    @Test func initialStateIsWhatTheMachineSays() throws {
      for mode in X86Mode.allCases {
        let machine = X86Machine(mode: mode, entry: mode.defaultLoadAddress, segments: [])
        #expect(try Self.engine(mode, [0xF4]).state == machine.initialState, "\(mode)")
      }
    }

    @Test func portAccessesOfAllWidthsAreRecordedWithTheirPlace() throws {
      // IN AL, DX; OUT DX, AX; OUT DX, EAX; OUT 0xF4, AL, with DX = 0x3FF resp. as it is.
      let code: [UInt8] = [0xBA, 0xA4, 0x05, 0xB8, 0x34, 0x12, 0xEF, 0x66, 0xEF, 0xEC, 0xE6, 0xF4]
      let engine = try Self.engine(.real16, code)
      var devices: [TraceRecord] = []
      var kinds: [UInt8] = []
      let recorder = TraceRecorder(level: .events) { batch in
        kinds += batch.map(\.kind)
        devices += batch.filter { $0.kind == EventKind.device.rawValue }
      }
      let reason = try engine.run(Self.quick, into: recorder)
      recorder.flush()
      #expect(reason == .powerOff(status: PowerPort.status(ofWritten: 0x34)))
      #expect(devices.map(\.code) == [0x5A4, 0x5A4, 0x5A4, 0xF4])
      #expect(devices.map(\.aux) == [2, 4, 1, 1])
      #expect(devices.map(\.isWrite) == [true, true, false, true])
      #expect(devices.map(\.value) == [0x1234, 0x1234, 0x34, 0x34])
      #expect(devices.map(\.pc) == [0x7C06, 0x7C07, 0x7C09, 0x7C0A])
      #expect(kinds.last == EventKind.halt.rawValue)
      #expect(engine.state[.rip] == 0x7C0C)
      #expect(engine.statistics.exits["IO"] == 4)
    }

    @Test func stringOutputArrivesWhole() throws {
      // MOV SI, 0x7C00 + 14; MOV CX, 5; MOV DX, 0x3F8; REP OUTSB; OUT 0xF4, AL; text.
      let text = Array("hello".utf8)
      let code: [UInt8] =
        [0xBE, 0x0D, 0x7C, 0xB9, 0x05, 0x00, 0xBA, 0xF8, 0x03, 0xF3, 0x6E, 0xE6, 0xF4] + text
      for level in [TraceLevel.events, .instructions] {
        guard level <= (try Self.engine(.real16, code)).capabilities.traceLevel else { continue }
        let engine = try Self.engine(.real16, code)
        var places: [UInt64] = []
        var retired = 0
        let recorder = TraceRecorder(level: level) { batch in
          for record in batch {
            if record.kind == EventKind.device.rawValue { places.append(record.pc) }
            if record.kind == EventKind.retire.rawValue { retired += 1 }
          }
        }
        #expect(
          try engine.run(Self.quick, into: recorder) == .powerOff(status: PowerPort.status(ofWritten: 0)))
        recorder.flush()
        #expect(engine.platform.console == text)
        #expect(places == [UInt64](repeating: 0x7C09, count: 5) + [0x7C0B])
        // Three loads, five iterations, the power-off.
        if level == .instructions { #expect(retired == 9) }
        #expect(engine.state[.rcx] == 0)
      }
    }

    @Test func stringInputIsStored() throws {
      // MOV DI, 0x600; MOV CX, 3; MOV DX, 0x3F8; REP INSB; OUT 0xF4, AL.
      let code: [UInt8] = [0xBF, 0x00, 0x06, 0xB9, 0x03, 0x00, 0xBA, 0xF8, 0x03, 0xF3, 0x6C, 0xE6, 0xF4]
      let engine = try Self.engine(.real16, code, input: [7, 8, 9])
      #expect(try engine.run(Self.quick, into: nil) == .powerOff(status: PowerPort.status(ofWritten: 0)))
      #expect(try engine.platform.memory.read(0x600..<0x603) == [7, 8, 9])
    }

    @Test func haltIsIdleAndStaysIdle() throws {
      let engine = try Self.engine(.real16, [0xF4])
      #expect(try engine.run(Self.quick, into: nil) == .idle(pc: 0x7C01))
      #expect(engine.state[.halted] == 1)
      #expect(try engine.run(Self.quick, into: nil) == .idle(pc: 0x7C01))
    }

    @Test(arguments: X86Mode.allCases)
    func endlessLoopIsBounded(mode: X86Mode) throws {
      let engine = try Self.engine(mode, [0xEB, 0xFE])
      #expect(try engine.run(RunLimits(hostSeconds: 0.1), into: nil) == .hostTimeLimit)
      // The machine is still whole: its registers can be read and it can be used again.
      #expect(engine.state[.rip] == mode.defaultLoadAddress)
      engine.platform.memory.store(mode.defaultLoadAddress, 0xF4, width: 1)
      guard case .idle = try engine.run(Self.quick, into: nil) else {
        Issue.record("the vCPU did not go on")
        return
      }
    }

    @Test func portStormIsBounded() throws {
      let engine = try Self.engine(.real16, [0xE6, 0x80, 0xEB, 0xFC])
      #expect(try engine.run(RunLimits(hostSeconds: 0.1), into: nil) == .hostTimeLimit)
      #expect(engine.statistics.exits["IO", default: 0] > 10)
    }

    @Test func hypercallInstructionIsBounded() throws {
      // VMCALL; HLT. Some hosts never get past it.
      let engine = try Self.engine(.long64, [0x0F, 0x01, 0xC1, 0xF4])
      switch try engine.run(RunLimits(hostSeconds: 0.2), into: nil) {
      case .idle, .hostTimeLimit, .hostFailure, .checkStop: break
      case let other: Issue.record("\(other)")
      }
    }

    @Test func tripleFaultIsACheckStop() throws {
      // UD2 without an interrupt table.
      let engine = try Self.engine(.protected32, [0x0F, 0x0B])
      guard case .checkStop = try engine.run(Self.quick, into: nil) else {
        Issue.record("no check stop")
        return
      }
    }

    @Test func memoryHoleReadsAllOnes() throws {
      // MOV EAX, [0x80000000]; MOV [0x80000000], EAX; HLT.
      let engine = try Self.engine(
        .protected32, [0xA1, 0, 0, 0, 0x80, 0xA3, 0, 0, 0, 0x80, 0xF4])
      var accesses: [TraceRecord] = []
      let recorder = TraceRecorder(level: .events) { batch in
        accesses += batch.filter { $0.kind == EventKind.device.rawValue }
      }
      let reason = try engine.run(Self.quick, into: recorder)
      recorder.flush()
      #expect(reason == .idle(pc: 0x10_000B))
      #expect(engine.state[.rax] == 0xFFFF_FFFF)
      #expect(accesses.map(\.address) == [0x8000_0000, 0x8000_0000])
      #expect(accesses.map(\.isWrite) == [false, true])
    }

    @Test func stopsAtAddresses() throws {
      let engine = try Self.engine(.real16, [0x40, 0x40, 0x40, 0xF4])
      let reason = try engine.run(RunLimits(until: [0x7C02], hostSeconds: 5), into: nil)
      #expect(reason == .breakpoint(pc: 0x7C02))
      #expect(engine.state[.rax] == 2)
    }

    @Test(.enabled(if: !KVMProbe.shared.stepping.user64, "this host single-steps ring 3"))
    func instructionTraceEndsInARefusalAtRing3() throws {
      let machine = try X86Workload.long64.machine()
      let engine = try KVMEngine(
        platform: machine.makePlatform(), state: machine.initialState, instructionSet: X86InstructionSet())
      #expect(engine.capabilities.traceLimitation != nil)
      let recorder = TraceRecorder(level: .instructions) { _ in }
      let refusal = #expect(throws: EngineRefusal.self) {
        _ = try engine.run(RunLimits(hostSeconds: 20), into: recorder)
      }
      #expect(refusal?.reason.contains("ring 3") == true)
      #expect(refusal?.isHostLack == true)
    }

    @Test(.enabled(if: KVMProbe.shared.stepping.real16, "this host cannot single-step real mode"))
    func steppingHonoursTheInstructionLimit() throws {
      let engine = try Self.engine(.real16, [0x40, 0xEB, 0xFD])
      let recorder = TraceRecorder(level: .instructions) { _ in }
      #expect(try engine.run(RunLimits(instructions: 11, hostSeconds: 5), into: recorder) == .limit)
      #expect(engine.statistics.retired == 11)
      #expect(engine.state[.rax] == 6)
    }

    @Test(.enabled(if: KVMProbe.shared.stepping.real16, "this host cannot single-step real mode"))
    func steppingDoesNotShowInPushedFlags() throws {
      // PUSHF; POP AX; POPF is fed a clean word; OUT.
      let engine = try Self.engine(.real16, [0x9C, 0x58, 0x50, 0x9D, 0xE6, 0xF4])
      var retired = 0
      let recorder = TraceRecorder(level: .instructions) { batch in
        retired += batch.count { $0.kind == EventKind.retire.rawValue }
      }
      #expect(try engine.run(Self.quick, into: recorder) == .powerOff(status: PowerPort.status(ofWritten: 2)))
      recorder.flush()
      #expect(retired == 5)
      #expect(engine.state[.rax] == 2)
      #expect(engine.state[.rflags] == 2)
    }

    @Test func machinesLeaveNothingOpen() throws {
      func openDescriptors() -> Int {
        (0..<1024).count { fcntl(Int32($0), F_GETFD) >= 0 }
      }
      for _ in 0..<5 { _ = try Self.engine(.real16, [0xF4]).run(Self.quick, into: nil) }
      let before = openDescriptors()
      for _ in 0..<100 { _ = try Self.engine(.real16, [0xF4]).run(Self.quick, into: nil) }
      // Other tests run beside this one and have machines of their own.
      #expect(openDescriptors() < before + 60)
    }

    @Test func kernelCountersTellWhatWasInterpreted() throws {
      let engine = try Self.engine(.real16, [0xB9, 0x64, 0x00, 0xE2, 0xFE, 0xF4])
      _ = try engine.run(Self.quick, into: nil)
      guard let count = engine.statistics.kernelEmulated else { return }
      let interprets = HostDeviations.measured.contains { $0.id == "ring0-interpreted" }
      #expect(interprets ? count >= 100 : count < 100)
    }

    @Test func exitsCostAboutWhatTheyCostInC() throws {
      let result = try KVMExitBench.run(exits: 300)
      #expect(result.cNanoseconds > 0 && result.swiftNanoseconds > 0)
    }
  }
#endif
