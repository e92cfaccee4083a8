#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import Glibc
  internal import MachineCore

  /// The host's KVM, opened and found to speak the interface this package needs.
  struct KVMSystem: ~Copyable {
    let device: FileDescriptor
    let runPageSize: Int

    /// The version of the interface since Linux 2.6.22; there has never been another.
    static let apiVersion: Int32 = 12

    init(path: String = "/dev/kvm") throws(KVMError) {
      let number = open(path, O_RDWR | O_CLOEXEC)
      guard number >= 0 else {
        switch errno {
        case ENOENT, ENXIO, ENODEV: throw .missing(path: path)
        case EACCES, EPERM: throw .noPermission(path: path)
        case EBUSY: throw .busy(errorText(EBUSY))
        case let other: throw .cannotOpen(path: path, reason: errorText(other))
        }
      }
      let device = FileDescriptor(number)
      let version = device.call(ckvm_get_api_version)
      guard version >= 0 else { throw .cannotOpen(path: path, reason: "it is not KVM (\(errorText()))") }
      guard version == Self.apiVersion else {
        throw .tooOld("interface version \(version), needed is \(Self.apiVersion)")
      }
      for (name, capability) in Self.needed where device.call(ckvm_check_extension, capability) <= 0 {
        throw .tooOld("no \(name)")
      }
      runPageSize = Int(device.call(ckvm_get_vcpu_mmap_size))
      self.device = device
    }

    private static var needed: [(String, UInt)] {
      [
        ("KVM_CAP_USER_MEMORY", ckvm_cap_user_memory), ("KVM_CAP_EXT_CPUID", ckvm_cap_ext_cpuid),
        ("KVM_CAP_IMMEDIATE_EXIT", ckvm_cap_immediate_exit),
      ]
    }

    /// Value of a capability; 0 where it is absent.
    func capability(_ number: UInt) -> Int { max(0, Int(device.call(ckvm_check_extension, number))) }
  }

  /// A KVM virtual machine with one virtual CPU.
  ///
  /// Members close in the reverse order of their making. All vCPU calls must come from the thread
  /// that made this object; ``VirtualCPUThread`` sees to that. The storage stays mapped as long as the
  /// object lives.
  final class KVMVirtualMachine {
    let page: RunPage
    let vcpu: FileDescriptor
    let vm: FileDescriptor
    let syncsRegisters: Bool
    let hasDebugRegisters: Bool
    let hasStatistics: Bool
    /// The host memory that KVM was given.
    let slot: (start: UnsafeMutableRawPointer, size: Int)
    /// Whether this kernel knows which pages have storage behind them.
    let tellsResidence: Bool
    /// The pieces of guest-physical memory that KVM has, by slot number.
    var slots: [KVMSlot]
    private let memory: GuestMemory
    /// Whether KVM notes which pages the guest writes to.
    var logsWrites = false
    /// Whether the kernel tells of the entries of PAE paging.
    let hasEntries: Bool
    /// Whether the x87 and SSE registers go in and out as XSAVE stores them.
    let hasExtended: Bool
    /// ``ProcessorState/deliveries`` as written, until the vCPU is entered.
    var deliveries = 0

    /// A machine on this storage.
    ///
    /// - Parameter slotSize: bytes given to KVM; anything but the storage's size is a fault, for tests.
    init(
      _ system: borrowing KVMSystem, memory: GuestMemory, slotSize: Int? = nil
    ) throws(KVMError) {
      let vmNumber = system.device.call(ckvm_create_vm)
      guard vmNumber >= 0 else { throw Self.failure("KVM_CREATE_VM") }
      let vm = FileDescriptor(vmNumber)
      if system.capability(ckvm_cap_set_identity_map_addr) > 0 {
        var address = X86Layout.hostIdentityMap
        guard vm.call(ckvm_set_identity_map_addr, &address) == 0 else {
          throw Self.failure("KVM_SET_IDENTITY_MAP_ADDR")
        }
      }
      if system.capability(ckvm_cap_set_tss_addr) > 0 {
        guard vm.call(ckvm_set_tss_addr, UInt(X86Layout.hostTSS)) == 0 else {
          throw Self.failure("KVM_SET_TSS_ADDR")
        }
      }
      var region = kvm_userspace_memory_region()
      slot = (memory.base, slotSize ?? memory.size)
      tellsResidence = memory.hasGuards && !Self.isResident(memory.base + memory.size)
      region.memory_size = UInt64(slot.size)
      region.userspace_addr = UInt64(UInt(bitPattern: slot.start))
      guard vm.call(ckvm_set_user_memory_region, &region) == 0 else {
        throw Self.failure("KVM_SET_USER_MEMORY_REGION")
      }
      slots = [
        KVMSlot(
          guest: 0, host: UInt(bitPattern: slot.start), size: UInt64(slot.size), isReadOnly: false)
      ]
      let vcpuNumber = vm.call(ckvm_create_vcpu, 0)
      guard vcpuNumber >= 0 else { throw Self.failure("KVM_CREATE_VCPU") }
      let vcpu = FileDescriptor(vcpuNumber)
      guard let page = RunPage(vcpu: vcpu, size: system.runPageSize) else {
        throw Self.failure("mmap of the run page")
      }
      syncsRegisters = system.capability(ckvm_cap_sync_regs) & 3 == 3
      hasDebugRegisters = system.capability(ckvm_cap_debugregs) > 0
      hasEntries = system.capability(ckvm_cap_sregs2) > 0
      hasExtended = system.capability(ckvm_cap_xsave) > 0
      hasStatistics = system.capability(ckvm_cap_binary_stats_fd) > 0
      guard X86CPUID.install(on: vcpu) else { throw Self.failure("KVM_SET_CPUID2") }
      self.page = page
      self.vcpu = vcpu
      self.vm = vm
      self.memory = memory
    }

    private static func failure(_ call: String) -> KVMError {
      errno == EBUSY ? .busy("\(call): \(errorText(EBUSY))") : .cannotCreate(call: call, reason: errorText())
    }
  }
#endif
