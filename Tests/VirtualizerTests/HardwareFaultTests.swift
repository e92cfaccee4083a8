import MachineCore
import Testing
import ToyISA
import Trace
import Virtualizer

/// Hardware that does not do what it should.
private final class BrokenHardware: ToyHardware {
  let variant = ToyVariant.classic
  let storage: GuestMemory
  var psw = PSW()
  var executed: UInt64 = 0
  /// What execution does.
  var behaviour: (BrokenHardware) -> HardwareEvent

  init(size: Int, _ behaviour: @escaping (BrokenHardware) -> HardwareEvent) throws {
    storage = try GuestMemory(size: size)
    self.behaviour = behaviour
  }

  func register(_ number: Int) -> UInt32 { 0 }
  func setRegister(_ number: Int, _ value: UInt32) {}
  func flushTLB() {}
  func execute(slice: UInt64, into recorder: TraceRecorder?) -> HardwareEvent { behaviour(self) }
}

/// The VMM on broken hardware: it says so, and comes to an end.
@Suite struct HardwareFaultTests {
  private func monitor(
    _ change: (inout ProcessorState) -> Void = { _ in },
    _ behaviour: @escaping (BrokenHardware) -> HardwareEvent
  ) throws -> VirtualMachineMonitor {
    let size = 0x10000
    let hardware = try BrokenHardware(size: ResourceMap.storageNeeded(guestSize: size), behaviour)
    let memory = try VirtualMachineMonitor.guestStorage(on: hardware, size: size)
    var state = ToyInstructionSet.resetState(entry: 0x100, storage: size)
    change(&state)
    return try VirtualMachineMonitor(
      on: hardware, platform: ToyMachine(memorySize: size).makePlatform(on: memory), state: state)
  }

  @Test func hardwareThatLeavesUserModeIsNoticed() throws {
    let monitor = try monitor { hardware in
      hardware.executed += 10
      hardware.psw.user = false
      return .sliceEnd
    }
    #expect(try monitor.run(RunLimits(instructions: 100), into: nil) == .limit)
    #expect(monitor.statistics.controlViolations.contains { $0.contains("supervisor mode") })
  }

  @Test func faultsWithoutEndStopTheRun() throws {
    let paged: (inout ProcessorState) -> Void = { $0.registers[Int(ToyRegister.paging)] = 1 }
    let monitor = try monitor(paged) { _ in .trap(cause: ToyCause.pageRead.rawValue, value: 0x100) }
    // A directory and a table at 0 that map page 0.
    monitor.platform.memory.store(0, 0x0000_001F, width: 4)
    let reason = try monitor.run(RunLimits(instructions: 100), into: nil)
    guard case .hostFailure = reason else {
      Issue.record("ended with \(reason)")
      return
    }
  }

  @Test func aRecorderThatFailsStopsTheRun() throws {
    struct Full: Error {}
    for level in [TraceLevel.events, .instructions] {
      let guest = SupervisorTests.preemption(interval: 20)
      let recorder = TraceRecorder(level: level, capacity: 4) { _ in throw Full() }
      let reason = try guest.monitor(depth: 2).run(RunLimits(instructions: 10_000), into: recorder)
      guard case .recorderFailed = reason else {
        Issue.record("ended with \(reason)")
        return
      }
    }
  }
}
