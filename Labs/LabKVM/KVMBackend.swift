internal import KVMInterface

/// What is behind the calls: the kernel, or a recording. Results below 0 are negative error numbers.
protocol KVMBackend: AnyObject {
  func open(_ path: String) -> Int32
  func ioctl(_ descriptor: Int32, _ request: UInt, _ argument: UInt) -> Int32
  func ioctl(_ descriptor: Int32, _ request: UInt, _ argument: UnsafeMutableRawPointer) -> Int32
  func map(_ processor: Int32, _ size: Int, _ error: inout Int32) -> UnsafeMutableRawPointer?
  /// `KVM_RUN`.
  func run(_ processor: Int32, _ page: UnsafeMutablePointer<kvm_run>) -> Int32
}

/// Error numbers of Linux, wherever this is built.
enum HostError {
  static let noEntry: Int32 = 2
  static let interrupted: Int32 = 4
  static let inputOutput: Int32 = 5
  static let badDescriptor: Int32 = 9
  static let badAddress: Int32 = 14
  static let invalid: Int32 = 22
  static let notTypewriter: Int32 = 25
}

/// The names of requests, and on which descriptors they are.
enum Request {
  enum Place: String {
    case system = "kvm"
    case machine = "vm"
    case processor = "vcpu"
  }

  static func name(_ request: UInt) -> (text: String, place: Place)? {
    switch request {
    case KVM_GET_API_VERSION: ("KVM_GET_API_VERSION", .system)
    case KVM_CREATE_VM: ("KVM_CREATE_VM", .system)
    case KVM_CHECK_EXTENSION: ("KVM_CHECK_EXTENSION", .system)
    case KVM_GET_VCPU_MMAP_SIZE: ("KVM_GET_VCPU_MMAP_SIZE", .system)
    case KVM_CREATE_VCPU: ("KVM_CREATE_VCPU", .machine)
    case KVM_SET_USER_MEMORY_REGION: ("KVM_SET_USER_MEMORY_REGION", .machine)
    case KVM_SET_TSS_ADDR: ("KVM_SET_TSS_ADDR", .machine)
    case KVM_RUN: ("KVM_RUN", .processor)
    case KVM_GET_REGS: ("KVM_GET_REGS", .processor)
    case KVM_SET_REGS: ("KVM_SET_REGS", .processor)
    case KVM_GET_SREGS: ("KVM_GET_SREGS", .processor)
    case KVM_SET_SREGS: ("KVM_SET_SREGS", .processor)
    default: nil
    }
  }

  /// Bytes of the structure that a request takes; 0 for those that take a number.
  static func size(_ request: UInt) -> Int { Int(request >> 16 & 0x3FFF) }
}
