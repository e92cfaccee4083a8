internal import MachineCore

/// What this host's KVM is and can do, found out by trying.
public struct KVMProbe: Sendable {
  /// Why KVM is not usable; `nil` when a guest ran.
  public var error: KVMError?
  /// The kernel module behind KVM: `kvm_intel`, `kvm_amd`, `kvm_pvm`, …; `none` without one.
  public var flavour: String
  /// Version of the kernel's interface, if it could be asked.
  public var apiVersion: Int?
  /// Capabilities that matter here, with their values (0: absent).
  public var capabilities: [(name: String, value: Int)]
  /// Where single-stepping works.
  public var stepping: SteppingSupport

  /// Whether guests run.
  public var isUsable: Bool { error == nil }

  /// The result of probing this host, made once.
  public static let shared = KVMProbe.probe()

  /// The kernel module that implements KVM here.
  public static let flavour = findFlavour()
}

#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import Glibc

  extension KVMProbe {
    private static func findFlavour() -> String {
      // Several may be loaded; only one has the hardware. A software KVM takes the place of both.
      for name in ["kvm_pvm", "kvm_intel", "kvm_amd"] where access("/sys/module/\(name)", F_OK) == 0 {
        return name
      }
      return access("/sys/module/kvm", F_OK) == 0 ? "kvm" : "none"
    }

    /// Opens KVM, asks what it is, and runs a guest of three instructions.
    ///
    /// - Parameter path: the device node.
    public static func probe(path: String = "/dev/kvm") -> KVMProbe {
      var probe = KVMProbe(error: nil, flavour: flavour, capabilities: [], stepping: .none)
      do throws(KVMError) {
        try probe.ask(path)
        try runGuest(path)
        probe.stepping = .measured
      } catch {
        probe.error = error
      }
      return probe
    }

    private mutating func ask(_ path: String) throws(KVMError) {
      let system = try KVMSystem(path: path)
      apiVersion = Int(KVMSystem.apiVersion)
      let asked: [(String, UInt)] = [
        ("KVM_CAP_SYNC_REGS", ckvm_cap_sync_regs), ("KVM_CAP_SET_GUEST_DEBUG", ckvm_cap_set_guest_debug),
        ("KVM_CAP_DEBUGREGS", ckvm_cap_debugregs), ("KVM_CAP_BINARY_STATS_FD", ckvm_cap_binary_stats_fd),
        ("KVM_CAP_IMMEDIATE_EXIT", ckvm_cap_immediate_exit),
        ("KVM_CAP_NR_MEMSLOTS", ckvm_cap_nr_memslots), ("KVM_CAP_MAX_VCPUS", ckvm_cap_max_vcpus),
      ]
      for (name, number) in asked { capabilities.append((name, system.capability(number))) }
    }

    /// MOV AL, 5; OUT 0xF4, AL; HLT: must power off with 5 written, status 11, and then halt.
    private static func runGuest(_ path: String) throws(KVMError) {
      let code: [UInt8] = [0xB0, 0x05, 0xE6, 0xF4, 0xF4]
      let probe = try ProbeGuest(.real16, code, path: path)
      let first = probe.run()
      guard first == .powerOff(status: PowerPort.status(ofWritten: 5)) else {
        throw .cannotRun("a guest of three instructions gave `\(first)` for `power off, status 11`")
      }
      probe.platform.powerOff = nil
      let second = probe.run()
      guard case .idle = second else {
        throw .cannotRun("a guest of three instructions gave `\(second)` for a halt")
      }
    }
  }
#else
  extension KVMProbe {
    private static func findFlavour() -> String { "none" }

    /// There is no KVM for x86 guests on this host.
    public static func probe(path: String = "/dev/kvm") -> KVMProbe {
      KVMProbe(error: .foreignHost, flavour: flavour, capabilities: [], stepping: .none)
    }
  }
#endif
