public import KVMInterface

/// The system calls by which a program uses KVM, with C's names and results.
///
/// Behind it is the kernel, or a recording of one; a program cannot tell, and need not.
public protocol KVMHost: AnyObject {
  /// `open(path, O_RDWR | O_CLOEXEC)`: a descriptor, or -1.
  func open(_ path: String) -> Int32
  /// `ioctl` of a request whose argument is a number: what the request gives, or -1.
  func ioctl(_ descriptor: Int32, _ request: UInt, _ argument: UInt) -> Int32
  /// `ioctl` of a request that reads or fills a structure: 0, or -1.
  func ioctl<Argument>(_ descriptor: Int32, _ request: UInt, _ argument: inout Argument) -> Int32
  /// `mmap` of zeroed memory, at an address that is a multiple of 4,096; `nil` when there is none.
  func allocate(_ size: Int) -> UnsafeMutableRawPointer?
  /// `mmap` of a virtual CPU's descriptor: the page that it shares with this program; `nil` on failure.
  func map(_ processor: Int32, _ size: Int) -> UnsafeMutablePointer<kvm_run>?
  /// Why the last call failed.
  var errno: Int32 { get }
}

/// The machine's console as the person in front of it has it.
public protocol Terminal: AnyObject {
  /// Shows a byte.
  func write(_ byte: UInt8)
  /// Whether a byte was typed that was not read yet.
  var hasInput: Bool { get }
  /// The next byte that was typed; `nil` when there is none.
  func read() -> UInt8?
}

/// A program for a bare x86 machine, and what it expects of it.
public struct Guest: Sendable {
  /// The mode that the processor must be in at the first instruction.
  public enum Mode: String, Sendable {
    /// 16-bit real mode, all segments at 0.
    case real
    /// 32-bit protected mode without paging, all segments from 0 to 4 GiB.
    case protected
  }

  /// See ``Mode``.
  public let mode: Mode
  /// The program.
  public let image: [UInt8]
  /// Where in guest-physical memory it goes, and where its first instruction is.
  public let address: UInt64
  /// Bytes of memory, from guest-physical address 0 on; a multiple of 4,096.
  public let memorySize: Int
}

/// How a guest's life ended.
public enum GuestEnd: Sendable, Equatable {
  /// It halted.
  case halted
  /// The processor shut down: a trap while it had no way left to deliver traps.
  case shutdown
  /// The hardware refused to enter the guest, with its own reason.
  case failedEntry(UInt64)
  /// KVM itself could not go on, with its suberror.
  case internalError(UInt32)
  /// KVM came back for another reason, which is not handled.
  case unexpected(UInt32)
  /// The virtual machine could not be made, with a sentence for the user.
  case hostFailure(String)
}

/// What the lab is about.
public protocol VirtualMachineMonitor {
  /// Makes a virtual machine and runs the guest in it to its end.
  static func run(_ guest: Guest, on host: any KVMHost, terminal: any Terminal) -> GuestEnd
}
