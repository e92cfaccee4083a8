import MachineCore
import Testing
import Trace
import X86Backend

#if os(Linux) && arch(x86_64)
  @Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
  struct WorkloadKVMTests {
    @Test(arguments: X86Workload.all.map(\.name))
    func runsOnKVM(name: String) throws {
      let workload = try #require(X86Workload.named(name))
      let machine = try workload.machine()
      let platform = try machine.makePlatform()
      let engine = try KVMEngine(
        platform: platform, state: machine.initialState, instructionSet: X86InstructionSet())
      let reason = try engine.run(RunLimits(hostSeconds: 20), into: nil)
      #expect(reason == .powerOff(status: workload.expectedStatus))
      #expect(String(decoding: platform.console, as: UTF8.self) == workload.expectedConsole)
    }

    @Test(
      .enabled(if: KVMProbe.shared.stepping.real16, "this host cannot single-step real mode"),
      arguments: ["real16", "protected32"])
    func singleSteps(name: String) throws {
      let workload = try #require(X86Workload.named(name))
      let machine = try workload.machine()
      let free = try KVMEngine(
        platform: machine.makePlatform(), state: machine.initialState, instructionSet: X86InstructionSet())
      _ = try free.run(RunLimits(hostSeconds: 20), into: nil)
      let engine = try KVMEngine(
        platform: machine.makePlatform(), state: machine.initialState, instructionSet: X86InstructionSet())
      var retired: UInt64 = 0
      var lastNext: UInt64 = machine.entry
      var gaps = 0
      let recorder = TraceRecorder(level: .instructions) { batch in
        for record in batch where record.kind == EventKind.retire.rawValue {
          retired += 1
          if record.pc != lastNext || record.clock != retired || record.bytes.count == 0 { gaps += 1 }
          lastNext = record.address
        }
      }
      let reason = try engine.run(RunLimits(hostSeconds: 60), into: recorder)
      recorder.flush()
      #expect(reason == .powerOff(status: PowerPort.status(ofWritten: 0)))
      #expect(gaps == 0)
      #expect(retired == engine.statistics.retired && retired > 20_000)
      #expect(engine.platform.console == free.platform.console)
      #expect(engine.state == free.state)
      #expect(engine.platform.memory.digest == free.platform.memory.digest)
    }
  }
#endif
