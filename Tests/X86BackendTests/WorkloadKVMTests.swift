import MachineCore
import Testing
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
  }
#endif
