import MachineCore
import Testing
import X86Backend

@Suite struct KVMProbeTests {
  @Test func missingNodeHasItsOwnMessage() {
    let probe = KVMProbe.probe(path: "/nonexistent/kvm")
    #if os(Linux) && arch(x86_64)
      #expect(probe.error == .missing(path: "/nonexistent/kvm"))
    #else
      #expect(probe.error == .foreignHost)
    #endif
    #expect(!probe.isUsable)
  }

  #if os(Linux) && arch(x86_64)
    @Test func nodeThatIsNotKVMIsRefused() {
      let probe = KVMProbe.probe(path: "/dev/null")
      guard case .cannotOpen(path: "/dev/null", let reason) = probe.error else {
        Issue.record("\(String(describing: probe.error))")
        return
      }
      #expect(reason.contains("not KVM"))
    }
  #endif

  @Test func everyErrorHasItsOwnTextAndRemedy() {
    let errors: [KVMError] = [
      .foreignHost, .missing(path: "p"), .noPermission(path: "p"), .busy("b"), .tooOld("v"),
      .cannotOpen(path: "p", reason: "r"), .cannotCreate(call: "c", reason: "r"), .cannotRun("x"),
    ]
    #expect(Set(errors.map(\.description)).count == errors.count)
    #expect(errors.allSatisfy { !$0.remedy.isEmpty })
  }

  @Test(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
  func usableHostTellsVersionAndFlavour() {
    let probe = KVMProbe.shared
    #expect(probe.apiVersion == 12)
    #expect(probe.flavour != "none")
    #expect(probe.capabilities.contains { $0.name == "KVM_CAP_IMMEDIATE_EXIT" && $0.value > 0 })
  }
}
