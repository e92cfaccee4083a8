import KVMInterface
import LabKVM

/// Why no virtual machine could be made.
struct SetupError: Error {
  var text: String
  init(_ text: String) { self.text = text }
}

/// A virtual machine monitor: makes a virtual machine with KVM, runs a guest in it, and is all devices that the guest sees.
public struct VMM: VirtualMachineMonitor {
  let guest: Guest
  let host: any KVMHost
  var devices: Devices
  /// Descriptor of the virtual CPU.
  var processor: Int32 = -1
  /// What the virtual CPU shares with us.
  var page: UnsafeMutablePointer<kvm_run>?

  public static func run(_ guest: Guest, on host: any KVMHost, terminal: any Terminal) -> GuestEnd {
    var monitor = VMM(guest: guest, host: host, devices: Devices(terminal: terminal))
    do {
      try monitor.makeMachine()
      try monitor.setRegisters()
    } catch let error as SetupError {
      return .hostFailure(error.text)
    } catch {
      return .hostFailure("\(error)")
    }
    return monitor.runToTheEnd()
  }

  // MARK: 1. Make the machine

  /// Opens KVM, and makes a virtual machine with memory and one virtual CPU.
  mutating func makeMachine() throws {
    // TODO 1: in this order,
    // - host.open("/dev/kvm") gives a descriptor `kvm`, or -1: throw a SetupError;
    // - ask KVM_GET_API_VERSION (argument 0) of `kvm`; if it is not KVM_API_VERSION, throw, too;
    // - KVM_CREATE_VM (argument 0) gives the machine's descriptor, or -1: throw;
    // - host.allocate(guest.memorySize) gives memory; copy guest.image to guest.address in it;
    // - KVM_SET_USER_MEMORY_REGION tells the machine: a kvm_userspace_memory_region for slot 0;
    // - KVM_CREATE_VCPU (argument 0) of the machine gives the virtual CPU's descriptor: keep it in `processor`;
    // - KVM_GET_VCPU_MMAP_SIZE of `kvm` gives the size with which host.map(processor, size) maps its page: keep it in `page`.
    // BEGIN SOLUTION
    let kvm = host.open("/dev/kvm")
    guard kvm >= 0 else { throw SetupError("cannot open /dev/kvm: error \(host.errno)") }
    guard host.ioctl(kvm, KVM_GET_API_VERSION, 0) == KVM_API_VERSION else {
      throw SetupError("KVM has another version of its interface than \(KVM_API_VERSION)")
    }
    let machine = host.ioctl(kvm, KVM_CREATE_VM, 0)
    guard machine >= 0 else { throw SetupError("KVM_CREATE_VM: error \(host.errno)") }
    guard let memory = host.allocate(guest.memorySize) else { throw SetupError("no memory for the guest") }
    memory.advanced(by: Int(guest.address)).copyMemory(from: guest.image, byteCount: guest.image.count)
    var region = kvm_userspace_memory_region()
    region.slot = 0
    region.guest_phys_addr = 0
    region.memory_size = UInt64(guest.memorySize)
    region.userspace_addr = UInt64(UInt(bitPattern: memory))
    guard host.ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) == 0 else {
      throw SetupError("KVM_SET_USER_MEMORY_REGION: error \(host.errno)")
    }
    processor = host.ioctl(machine, KVM_CREATE_VCPU, 0)
    guard processor >= 0 else { throw SetupError("KVM_CREATE_VCPU: error \(host.errno)") }
    let size = host.ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)
    guard size > 0, let page = host.map(processor, Int(size)) else {
      throw SetupError("the virtual CPU's page cannot be mapped: error \(host.errno)")
    }
    self.page = page
    // END SOLUTION
    // BEGIN SKELETON
    //| throw SetupError("TODO 1: no virtual machine yet")
    // END SKELETON
  }

  // MARK: 2. Set the processor up

  /// Brings the virtual CPU from its state after a reset to where the guest begins.
  func setRegisters() throws {
    var system = kvm_sregs()
    guard host.ioctl(processor, KVM_GET_SREGS, &system) == 0 else { throw SetupError("KVM_GET_SREGS") }
    var registers = kvm_regs()
    registers.rflags = 2
    switch guest.mode {
    case .real:
      // TODO 2: After a reset the code segment begins at 0xFFFF0000. Let all segments begin at 0 (`base` and
      // `selector`), and let `rip` be where the guest is.
      // BEGIN SOLUTION
      for segment in Self.segments {
        system[keyPath: segment].base = 0
        system[keyPath: segment].selector = 0
      }
      registers.rip = guest.address
      // END SOLUTION
      break
    case .protected:
      // TODO 8: Bit 0 of CR0, and for each segment what a descriptor would give: base 0, limit 0xFFFFFFFF in pages
      // (`g`), 32 bits (`db`), present, `s` for code and data; selector 8 and type 11 for code, 16 and 3 for data.
      // BEGIN SOLUTION
      system.cr0 |= 1
      for segment in Self.segments {
        let isCode = segment == \kvm_sregs.cs
        system[keyPath: segment].base = 0
        system[keyPath: segment].limit = 0xFFFF_FFFF
        system[keyPath: segment].selector = isCode ? 8 : 16
        system[keyPath: segment].type = isCode ? 11 : 3
        system[keyPath: segment].present = 1
        system[keyPath: segment].dpl = 0
        system[keyPath: segment].db = 1
        system[keyPath: segment].s = 1
        system[keyPath: segment].l = 0
        system[keyPath: segment].g = 1
        system[keyPath: segment].unusable = 0
      }
      registers.rip = guest.address
      // END SOLUTION
      break
    }
    guard host.ioctl(processor, KVM_SET_SREGS, &system) == 0 else { throw SetupError("KVM_SET_SREGS") }
    guard host.ioctl(processor, KVM_SET_REGS, &registers) == 0 else { throw SetupError("KVM_SET_REGS") }
  }

  /// The segments that a program uses.
  static var segments: [WritableKeyPath<kvm_sregs, kvm_segment>] {
    [\.cs, \.ds, \.es, \.fs, \.gs, \.ss]
  }

  // MARK: 3. Run

  /// Runs the virtual CPU and does what the guest asks for, until it ends.
  mutating func runToTheEnd() -> GuestEnd {
    guard let page else { return .hostFailure("no virtual CPU") }
    while true {
      // TODO 3: A KVM_RUN that fails with KVM_EINTR was only interrupted, by a signal: nothing has happened, run
      // again. Any other failure is a `.hostFailure`.
      // BEGIN SOLUTION
      if host.ioctl(processor, KVM_RUN, 0) < 0 {
        if host.errno == KVM_EINTR { continue }
        return .hostFailure("KVM_RUN: error \(host.errno)")
      }
      // END SOLUTION
      // BEGIN SKELETON
      //| guard host.ioctl(processor, KVM_RUN, 0) == 0 else { return .hostFailure("KVM_RUN") }
      // END SKELETON
      switch page.pointee.exit_reason {
      case KVM_EXIT_IO: handlePort(page)
      case KVM_EXIT_MMIO: handleMemory(page)
      case KVM_EXIT_HLT: return .halted
      // TODO 7: KVM_EXIT_SHUTDOWN, KVM_EXIT_FAIL_ENTRY and KVM_EXIT_INTERNAL_ERROR have ends of their own.
      // BEGIN SOLUTION
      case KVM_EXIT_SHUTDOWN: return .shutdown
      case KVM_EXIT_FAIL_ENTRY: return .failedEntry(page.pointee.fail_entry.hardware_entry_failure_reason)
      case KVM_EXIT_INTERNAL_ERROR: return .internalError(page.pointee.internal.suberror)
      // END SOLUTION
      case let reason: return .unexpected(reason)
      }
    }
  }

  // MARK: 4. and 5. Ports

  /// IN and OUT: `count` items of `size` bytes, all for the same port, in the page at `data_offset`.
  mutating func handlePort(_ page: UnsafeMutablePointer<kvm_run>) {
    let io = page.pointee.io
    let data = UnsafeMutableRawPointer(page) + Int(io.data_offset)
    // TODO 4 and 5: give each item of an OUT to devices.writePort, and put what devices.readPort gives where each item of an IN
    // belongs. The lowest byte comes first. An instruction like REP INSB brings many items at once.
    // BEGIN SOLUTION
    let size = Int(io.size)
    for item in 0..<Int(io.count) {
      let place = data + item * size
      if io.direction == KVM_EXIT_IO_OUT {
        devices.writePort(io.port, Self.load(place, size), size: size)
      } else {
        Self.store(devices.readPort(io.port, size: size), place, size)
      }
    }
    // END SOLUTION
    // BEGIN SKELETON
    //| _ = data
    // END SKELETON
  }

  // MARK: 6. Devices in memory

  /// An access to a guest-physical address where the machine has no memory.
  mutating func handleMemory(_ page: UnsafeMutablePointer<kvm_run>) {
    // TODO 6: the same for page.pointee.mmio: `len` bytes, at most 8, at `data`; devices.writeMemory, devices.readMemory.
    // BEGIN SOLUTION
    let access = page.pointee.mmio
    withUnsafeMutableBytes(of: &page.pointee.mmio.data) { data in
      for index in 0..<min(Int(access.len), data.count) {
        let address = access.phys_addr &+ UInt64(index)
        if access.is_write != 0 {
          devices.writeMemory(address, data[index])
        } else {
          data[index] = devices.readMemory(address)
        }
      }
    }
    // END SOLUTION
  }

  /// A number of some bytes, the lowest first.
  static func load(_ place: UnsafeMutableRawPointer, _ size: Int) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<size {
      value |= UInt32(place.load(fromByteOffset: index, as: UInt8.self)) << UInt32(8 * index)
    }
    return value
  }

  /// The lowest bytes of a number.
  static func store(_ value: UInt32, _ place: UnsafeMutableRawPointer, _ size: Int) {
    for index in 0..<size {
      place.storeBytes(
        of: UInt8(truncatingIfNeeded: value >> UInt32(8 * index)), toByteOffset: index, as: UInt8.self)
    }
  }
}

/// The machine's devices; the handout has a table of them.
struct Devices {
  let terminal: any Terminal
  /// What the adder at port 0x500 holds.
  var sum: UInt32 = 0
  /// The screen's memory, from guest-physical address 0xB8000 on.
  var screen = [UInt8](repeating: 0, count: 4000)

  init(terminal: any Terminal) { self.terminal = terminal }

  /// The guest writes `size` bytes to a port.
  mutating func writePort(_ port: UInt16, _ value: UInt32, size: Int) {
    // TODO 4: the console's data port (0x3F8) and the adder (0x500). All other ports take no notice.
    // BEGIN SOLUTION
    switch port {
    case 0x3F8: terminal.write(UInt8(truncatingIfNeeded: value))
    case 0x500: sum &+= value
    default: break
    }
    // END SOLUTION
  }

  /// The guest reads `size` bytes from a port.
  mutating func readPort(_ port: UInt16, size: Int) -> UInt32 {
    // TODO 5: the console's data (0x3F8) and status (0x3FD), and the adder.
    // BEGIN SOLUTION
    switch port {
    case 0x3F8: return UInt32(terminal.read() ?? 0)
    case 0x3FD: return terminal.hasInput ? 0x21 : 0x20
    case 0x500: return sum
    default: break
    }
    // END SOLUTION
    // Where there is no device, nobody pulls a line down.
    return 0xFFFF_FFFF
  }

  /// The guest writes a byte at an address where it has no memory.
  mutating func writeMemory(_ address: UInt64, _ value: UInt8) {
    // TODO 6: the screen. All other addresses take no notice.
    // BEGIN SOLUTION
    if (0xB8000..<0xB8FA0).contains(address) { screen[Int(address - 0xB8000)] = value }
    // END SOLUTION
  }

  /// The guest reads a byte there.
  func readMemory(_ address: UInt64) -> UInt8 {
    // TODO 6: the screen; all ones elsewhere.
    // BEGIN SOLUTION
    if (0xB8000..<0xB8FA0).contains(address) { return screen[Int(address - 0xB8000)] }
    // END SOLUTION
    return 0xFF
  }
}
