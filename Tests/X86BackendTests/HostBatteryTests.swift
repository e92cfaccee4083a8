import MachineCore
import Testing
import X86Backend

/// The probes of the host-deviation battery say what the manual does: the emulator, written from the same manual,
/// agrees with every one that it can judge.
@Suite struct HostBatteryTests {
  @Test func everyProbeIsThereOnce() {
    let ids = BatteryProbe.all.map(\.id)
    #expect(ids.count >= 40)
    #expect(Set(ids).count == ids.count)
    #expect(BatteryProbe.all.count { $0.isHardwareOnly } <= 3)
  }

  @Test(arguments: BatteryProbe.all.filter { !$0.isHardwareOnly })
  func theEmulatorAgrees(_ probe: BatteryProbe) {
    #expect(probe.emulated() == probe.expected, "\(probe.id): \(probe.behaviour)")
  }

  #if os(Linux) && arch(x86_64)
    /// A probe with a wrong expectation fails, so a probe that passes has seen what it says.
    @Test(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
    func aWrongExpectationIsADeviation() throws {
      var probe = try #require(BatteryProbe.all.first { $0.id == "real-divide" })
      #expect(!probe.tried().deviates)
      probe.expected = "trap divide error, at +4"
      #expect(probe.tried().deviates)
      #expect(probe.emulated() != probe.expected)
    }
  #endif
}
