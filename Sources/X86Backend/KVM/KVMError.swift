/// Why KVM cannot be used, each with its own remedy.
public enum KVMError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Not Linux, or not an x86-64 processor.
  case foreignHost
  /// There is no device node.
  case missing(path: String)
  /// The node exists but this user may not open it.
  case noPermission(path: String)
  /// Another hypervisor holds the hardware, or the host's limits are used up.
  case busy(String)
  /// The kernel speaks another version of the interface, or lacks something this package needs.
  case tooOld(String)
  /// The device node did not open, for another reason.
  case cannotOpen(path: String, reason: String)
  /// The interface is there but a call that makes a machine failed.
  case cannotCreate(call: String, reason: String)
  /// A machine can be made but does not run a guest.
  case cannotRun(String)

  /// What is wrong.
  public var description: String {
    switch self {
    case .foreignHost: "KVM for x86 guests needs Linux on an x86-64 processor; this host is something else"
    case .missing(let path): "\(path) does not exist: this host offers no KVM"
    case .noPermission(let path): "\(path) exists, but this user may not open it"
    case .busy(let what): "KVM is busy: \(what)"
    case .tooOld(let what): "this kernel's KVM is too old: \(what)"
    case .cannotOpen(let path, let reason): "\(path) cannot be opened: \(reason)"
    case .cannotCreate(let call, let reason): "KVM cannot make a machine: \(call) failed: \(reason)"
    case .cannotRun(let what): "KVM makes machines but does not run a guest: \(what)"
    }
  }

  /// What the user can do.
  public var remedy: String {
    switch self {
    case .foreignHost: "run on a Linux x86-64 host, or use the simulator and the emulator, which run anywhere"
    case .missing:
      "enable virtualization in the firmware and load kvm_intel or kvm_amd; in a container pass --device=/dev/kvm; in a virtual machine enable nested virtualization"
    case .noPermission:
      "add the user to the group that owns the node (often `sudo usermod -aG kvm $USER`, then log in again), or add a udev rule with MODE=\"0666\""
    case .busy: "end other hypervisors (VirtualBox, VMware) and machines on this host, then try again"
    case .tooOld: "use Linux 4.13 or later"
    case .cannotOpen: "look at `dmesg | grep kvm` on the host"
    case .cannotCreate: "look at `dmesg | grep kvm` on the host, and at the limits on memory and open files"
    case .cannotRun: "look at `dmesg | grep kvm`; update the kernel, or use another host for the virtualizer"
    }
  }
}
