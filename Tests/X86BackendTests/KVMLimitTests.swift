import MachineCore
import Simulator
import Testing
import Trace
import X86Backend

#if os(Linux) && arch(x86_64)
  @Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
  struct KVMLimitTests {
    /// An instruction at a time where the host can step it.
    private static let steps = KVMProbe.shared.stepping.real16

    @Test func noInstructionsAreNoInstructions() throws {
      let engine = try KVMEngineTests.engine(.real16, [0x40, 0xF4])
      #expect(try engine.run(RunLimits(instructions: 0, hostSeconds: 5), into: nil) == .limit)
      #expect(engine.state[.rax] == 0)
      #expect(engine.capabilities.countsInstructions == false)
    }

    @Test func timeEndsEveryKindOfLoop() throws {
      // JMP itself; OUT 0x80, AL and back; a store to a hole and back.
      let loops: [(X86Mode, [UInt8])] = [
        (.protected32, [0xEB, 0xFE]), (.real16, [0xE6, 0x80, 0xEB, 0xFC]),
        (.protected32, [0xA2, 0, 0, 0, 0x80, 0xEB, 0xF9]),
      ]
      for (mode, code) in loops {
        for level in [TraceLevel.final, .events, .instructions] {
          let engine = try KVMEngineTests.engine(mode, code)
          guard level <= engine.capabilities.traceLevel else { continue }
          let recorder = TraceRecorder(level: level) { _ in }
          let limits = RunLimits(instructions: .max, hostSeconds: 0.05)
          #expect(try engine.run(limits, into: recorder) == .hostTimeLimit, "\(mode), \(level.name)")
          #expect(engine.statistics.controlViolations == [])
        }
      }
    }

    /// A place in ring 3 is stopped at, or it is said that this host cannot tell.
    @Test func placesThatAreNotWatchedAreToldOf() throws {
      let machine = try X86Workload.long64.machine()
      let place = try #require(machine.symbols["user_main"])
      let stops = SteppingSupport.stopsInRing3
      let engine = try X86Virtualizer.make(machine, on: machine.makePlatform())
      let limits = RunLimits(until: [place], hostSeconds: 20)
      if stops {
        #expect(try engine.run(limits, into: nil) == .breakpoint(pc: place))
      } else {
        let refusal = #expect(throws: EngineRefusal.self) { try engine.run(limits, into: nil) }
        #expect(refusal?.isHostLack == true)
        #expect(refusal?.reason.contains(hex(place)) == true)
      }
    }

    /// What only ring 0 can execute is watched: a run that does not come there says so.
    @Test func placesOfRing0AreWatched() throws {
      let machine = try X86Workload.long64.machine()
      // The page tables are no code.
      let nowhere = X86Layout.pml4 + 8
      let engine = try X86Virtualizer.make(machine, on: machine.makePlatform())
      guard case .powerOff = try engine.run(RunLimits(until: [nowhere], hostSeconds: 20), into: nil) else {
        Issue.record("the guest did not come to its end")
        return
      }
      let real = try KVMEngineTests.engine(.real16, [0x40, 0xF4, 0x90])
      guard case .idle = try real.run(RunLimits(until: [0x7C02], hostSeconds: 5), into: nil) else {
        Issue.record("the guest did not halt")
        return
      }
    }

    @Test(.enabled(if: steps, "this host cannot single-step real mode"))
    func runsGoOnFromABreakpoint() throws {
      // INC AX; OUT 0x80, AL; JMP back.
      let code: [UInt8] = [0x40, 0xE6, 0x80, 0xEB, 0xFB]
      for place in [UInt64(0x7C00), 0x7C01, 0x7C03] {
        for level in [TraceLevel.final, .events, .instructions] {
          let engine = try KVMEngineTests.engine(.real16, code)
          var accesses = 0
          let recorder = TraceRecorder(level: level) { batch in
            accesses += batch.count { $0.kind == EventKind.device.rawValue }
          }
          let limits = RunLimits(until: [place], hostSeconds: 5)
          if place != 0x7C00 { #expect(try engine.run(limits, into: recorder) == .breakpoint(pc: place)) }
          let before = engine.state[.rax]
          for round in UInt64(1)...3 {
            #expect(try engine.run(limits, into: recorder) == .breakpoint(pc: place), "\(level.name)")
            #expect(engine.state[.rax] == before + round)
          }
          recorder.flush()
          if level != .final { #expect(accesses == (place == 0x7C03 ? 4 : 3), "\(hex(place))") }
          if level != .instructions { #expect(engine.statistics.retired == 0) }
        }
      }
    }

    @Test(.enabled(if: steps, "this host cannot single-step real mode"))
    func aJumpToItselfStopsAfterOnce() throws {
      let engine = try KVMEngineTests.engine(.real16, [0xEB, 0xFE])
      let limits = RunLimits(until: [0x7C00], hostSeconds: 5)
      for _ in 0..<2 { #expect(try engine.run(limits, into: nil) == .breakpoint(pc: 0x7C00)) }
    }
  }

  /// A processor that shuts down does not say why: all engines give the same cause and place.
  @Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
  struct KVMShutdownTests {
    @Test(arguments: [X86Mode.protected32, .long64])
    func enginesAgree(mode: X86Mode) throws {
      let address = mode.defaultLoadAddress
      // NOP; UD2, without an interrupt table.
      let machine = X86Machine(
        mode: mode, entry: address, segments: [LoadSegment(address: address, bytes: [0x90, 0x0F, 0x0B])])
      let state = machine.initialState
      let engines: [any Engine] = [
        Evaluator(instructionSet: X86InstructionSet(), platform: try machine.makePlatform(), state: state),
        X86Interpreter(platform: try machine.makePlatform(), state: state),
        try X86Virtualizer.make(machine, on: machine.makePlatform()),
      ]
      for engine in engines {
        var halts: [TraceRecord] = []
        let recorder = TraceRecorder(level: .events) { batch in
          halts += batch.filter { $0.kind == EventKind.halt.rawValue }
        }
        let reason = try engine.run(KVMEngineTests.quick, into: recorder)
        recorder.flush()
        guard case .checkStop(cause: 8, let pc) = reason else {
          Issue.record("\(engine.flavour): \(reason)")
          continue
        }
        #expect(halts.map(\.value) == [8])
        // Some processors come out of a shutdown reset.
        let keepsState = !HostDeviations.measured.contains { $0.id == "shutdown-state" }
        if engine.kind != .virtualizer || keepsState {
          #expect(pc == address + 1, "\(engine.flavour)")
          #expect(halts.map(\.pc) == [pc])
        }
      }
    }
  }
#endif
