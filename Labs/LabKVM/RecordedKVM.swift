internal import KVMInterface
internal import LabKVMHost

/// KVM as it was once: answers calls as the kernel does, and plays back the exits of a real run.
///
/// The guest itself does not run, so the processor must be set up as it was, or nothing happens.
final class RecordedKVM: KVMBackend {
  private let recording: Recording
  private let guest: Guest
  private var next = 0
  private var region: kvm_userspace_memory_region?
  private var system: [UInt8]
  private var registers = kvm_regs()
  private var hasStarted = false
  private let complain: (String) -> Void

  init(_ recording: Recording, guest: Guest, complain: @escaping (String) -> Void) {
    self.recording = recording
    self.guest = guest
    self.complain = complain
    system = recording.systemRegisters
    registers.rip = 0xFFF0
    registers.rflags = 2
  }

  func open(_ path: String) -> Int32 {
    guard path == "/dev/kvm" else { return -HostError.noEntry }
    return recording.openError == 0 ? 3 : -recording.openError
  }

  func ioctl(_ descriptor: Int32, _ request: UInt, _ argument: UInt) -> Int32 {
    switch request {
    case KVM_GET_API_VERSION: recording.version
    case KVM_CREATE_VM: recording.createError == 0 ? 4 : -recording.createError
    case KVM_CREATE_VCPU: 5
    case KVM_GET_VCPU_MMAP_SIZE: Int32(recording.runPageSize)
    case KVM_CHECK_EXTENSION: 1
    case KVM_SET_TSS_ADDR: 0
    default: -HostError.notTypewriter
    }
  }

  func ioctl(_ descriptor: Int32, _ request: UInt, _ argument: UnsafeMutableRawPointer) -> Int32 {
    // SAFETY: the session has compared the structure's size with the one that the request's number tells.
    switch request {
    case KVM_SET_USER_MEMORY_REGION:
      let given = argument.load(as: kvm_userspace_memory_region.self)
      guard (given.guest_phys_addr | given.memory_size | given.userspace_addr) & 4095 == 0,
        given.memory_size > 0
      else { return -HostError.invalid }
      if given.slot == 0 { region = given }
    case KVM_GET_REGS: argument.storeBytes(of: registers, as: kvm_regs.self)
    case KVM_SET_REGS: registers = argument.load(as: kvm_regs.self)
    case KVM_GET_SREGS:
      UnsafeMutableRawBufferPointer(start: argument, count: system.count).copyBytes(from: system)
    case KVM_SET_SREGS: system = Array(UnsafeRawBufferPointer(start: argument, count: system.count))
    default: return -HostError.notTypewriter
    }
    return 0
  }

  func map(_ processor: Int32, _ size: Int, _ error: inout Int32) -> UnsafeMutableRawPointer? {
    guard size <= recording.runPageSize else {
      error = HostError.invalid
      return nil
    }
    return lab_map(-1, recording.runPageSize, &error)
  }

  func run(_ processor: Int32, _ page: UnsafeMutablePointer<kvm_run>) -> Int32 {
    if !hasStarted, let obstacle {
      complain("recorded KVM: \(obstacle)")
      page.pointee.exit_reason = KVM_EXIT_INTERNAL_ERROR
      page.pointee.internal = kvm_run_internal()
      page.pointee.internal.suberror = 1
      return 0
    }
    hasStarted = true
    guard next < recording.exits.count else {
      complain("recorded KVM: the guest has ended, but KVM_RUN was called again")
      return -HostError.inputOutput
    }
    next += 1
    return play(recording.exits[next - 1], page)
  }

  /// Why the guest would not begin as it did in the real run.
  private var obstacle: String? {
    // SAFETY: as many bytes as the structure has were given by the recording or the program.
    let system = system.withUnsafeBytes { $0.loadUnaligned(as: kvm_sregs.self) }
    guard let region, region.guest_phys_addr == 0, region.memory_size >= guest.memorySize else {
      return "the guest has no memory from 0 on of the size that it expects"
    }
    let place = system.cs.base &+ registers.rip
    guard place == guest.address else {
      return "the first instruction would come from 0x\(String(place, radix: 16)), where no program is"
    }
    guard system.cr0 & 1 == (guest.mode == .protected ? 1 : 0) else {
      return "the processor is not in \(guest.mode) mode"
    }
    guard system.cs.db == (guest.mode == .protected ? 1 : 0) else {
      return "the code segment is not one of \(guest.mode == .protected ? 32 : 16) bits"
    }
    return nil
  }

  private func play(_ exit: Recording.Exit, _ page: UnsafeMutablePointer<kvm_run>) -> Int32 {
    page.pointee.exit_reason = exit.reason
    switch exit {
    case .interrupted: return -HostError.interrupted
    case .io(let isOut, let port, let size, let count, let data):
      // The kernel puts the data into the page after the first.
      page.pointee.io = kvm_run_io(
        direction: isOut ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN, size: size, port: port, count: count,
        data_offset: 4096)
      // SAFETY: the recording's reader has seen that the data fit into one page, and the mapping has three.
      let place = UnsafeMutableRawPointer(page) + 4096
      let length = Int(size) * Int(count)
      for index in 0..<length {
        // What a program does not fill in is what was there before: nothing of use.
        place.storeBytes(of: isOut ? data[index] : 0xEE, toByteOffset: index, as: UInt8.self)
      }
    case .memory(let isWrite, let address, let length, let data):
      var access = kvm_run_mmio()
      access.phys_addr = address
      access.len = length
      access.is_write = isWrite ? 1 : 0
      withUnsafeMutableBytes(of: &access.data) { place in
        for index in place.indices { place[index] = isWrite && index < data.count ? data[index] : 0xEE }
      }
      page.pointee.mmio = access
    case .failedEntry(let reason):
      page.pointee.fail_entry = kvm_run_fail_entry(
        hardware_entry_failure_reason: reason, cpu: 0)
    case .internalError(let suberror):
      page.pointee.internal = kvm_run_internal()
      page.pointee.internal.suberror = suberror
    case .halted, .shutdown, .other: break
    }
    return 0
  }
}
