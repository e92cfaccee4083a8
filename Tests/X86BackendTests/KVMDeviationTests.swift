import MachineCore
import Testing
import X86Backend

@Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
struct KVMDeviationTests {
  @Test func everyBehaviourWasTried() {
    let behaviours = HostDeviations.behaviours
    #expect(behaviours.count >= 100)
    #expect(Set(behaviours.map(\.observation.id)).count == behaviours.count)
    for behaviour in behaviours {
      #expect(!behaviour.observation.seen.isEmpty)
      #expect(behaviour.deviates == (behaviour.observation.expected != behaviour.observation.seen))
    }
  }
}
