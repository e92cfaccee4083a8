/// An interrupt as the processor takes it.
public struct Interrupt: Sendable, Equatable {
  /// Cause, which is the vector on x86.
  public var cause: UInt64
  /// Number of the line it came on, for traces.
  public var line: UInt64

  /// An interrupt.
  public init(cause: UInt64, line: UInt64) {
    self.cause = cause
    self.line = line
  }
}

/// What gathers the interrupt lines of devices and tells the processor which handler to enter.
///
/// It keeps ``Platform/pending`` true with ``Platform/setRequest(_:)``; an engine that sees a request and can take
/// it calls ``Platform/takeInterrupt(causeBase:)``, which is the processor's acknowledge cycle.
public protocol InterruptController: AnyObject {
  /// A device drives its line.
  func setLine(_ line: Int, _ level: Bool, on platform: Platform)
  /// The acknowledge cycle; there is always an answer, if need be a spurious interrupt's.
  func acknowledge(on platform: Platform) -> Interrupt
}

/// Memory that the guest reads and executes and cannot change, behind its storage.
public struct ReadOnlyMemory {
  /// Name for messages.
  public var name: String
  /// First guest-physical address, a multiple of ``GuestMemory/pageSize``.
  public var address: UInt64
  /// Contents.
  public var storage: GuestMemory

  /// Read-only memory.
  public init(name: String, address: UInt64, storage: GuestMemory) {
    self.name = name
    self.address = address
    self.storage = storage
  }

  /// Guest-physical addresses.
  public var range: Range<UInt64> { address..<(address + UInt64(storage.size)) }
}

/// How guest-physical addresses lead to storage at the moment; changed by devices.
public struct StorageView: Sendable, Equatable {
  /// Every guest-physical address is cut to these bits (a PC's A20 gate).
  public var addressMask: UInt64
  /// Whole pages of storage that the guest's stores do not reach, in ascending order (a PC's shadowed firmware).
  public var protected: [Range<UInt64>]

  /// A view; at first every address leads to storage and all of it can be stored to.
  public init(addressMask: UInt64 = .max, protected: [Range<UInt64>] = []) {
    self.addressMask = addressMask
    self.protected = protected
  }
}

/// Takes the guest's stores to protected storage.
public protocol ProtectedStores: AnyObject {
  /// The guest stored the low `width` bytes of `value` at a protected address.
  func store(_ physical: UInt64, _ value: UInt64, width: Int, on platform: Platform)
}
