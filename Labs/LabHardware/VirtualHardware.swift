public import LabKit
public import ToyISA

/// A toy processor with its storage as the software sees it that runs on it in supervisor mode: what a virtual
/// machine monitor stands on.
///
/// The bare machine is one. In Lab 7 a virtual machine is one as well, so that a VMM can stand on a VMM.
public protocol VirtualHardware: AnyObject {
  /// Bytes of storage, a multiple of 4096.
  var storageSize: UInt32 { get }
  /// The word of storage at an aligned physical address; zero outside.
  func load(_ address: UInt32) -> UInt32
  /// Changes the word of storage at an aligned physical address; nothing happens outside.
  func store(_ address: UInt32, _ value: UInt32)
  /// A general register, 0 to 15; register 0 is always zero.
  func register(_ number: Int) -> UInt32
  /// Changes a general register; nothing happens to register 0.
  func setRegister(_ number: Int, _ value: UInt32)
  /// The PSW with which ``execute(slice:)`` goes on, and the one that it left.
  var psw: PSW { get set }
  /// How many instructions it has executed so far.
  var executed: UInt64 { get }

  /// Executes instructions until one traps or `slice` of them have retired.
  ///
  /// The slice is the hardware's timer. After a trap, `psw.pc` is the address of the instruction that trapped.
  func execute(slice: UInt64) -> Arrival
}

/// Why hardware gave control back.
public enum Arrival: Sendable, Equatable {
  /// As many instructions have retired as it was told.
  case sliceEnd
  /// An instruction trapped; it has had no effect.
  case trap(GuestTrap)
}

/// A part of the hardware's storage.
public struct Region: Sendable, Equatable {
  /// Physical address of its first byte, a multiple of 4096.
  public let start: UInt32
  /// Bytes, a multiple of 4096.
  public let size: UInt32

  /// A region.
  public init(start: UInt32, size: UInt32) {
    self.start = start
    self.size = size
  }
}
