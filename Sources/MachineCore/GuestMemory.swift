internal import Trace

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Storage of a guest: a block of host pages with an inaccessible page on either side.
///
/// The block starts zeroed and costs nothing until touched. Every checked access is bounded; the
/// raw `base` is for engines, which check bounds themselves, and for KVM, which maps the pages.
/// A `slice` is a window on part of another memory; it shares the pages and keeps the owner alive.
///
/// Whoever writes from outside the engine (devices, loaders, a VMM) uses `write`, which tells the
/// observer, so that an engine can drop instructions it had decoded from there.
public final class GuestMemory {
  /// First byte of the storage.
  public let base: UnsafeMutableRawPointer
  /// Size in bytes.
  public let size: Int
  /// Where a slice starts in the memory it was cut from; 0 otherwise.
  public let offset: Int
  /// Called after each `write` with the range that changed, in this memory's own addresses.
  public var observer: ((Range<Int>) -> Void)?
  /// Called before each `write` with the range that will change; for engines that can go back.
  public var changeObserver: ((Range<Int>) -> Void)?

  /// How often somebody other than the engine wrote here, as told by `changed`.
  public private(set) var changes: UInt64 = 0

  private let owner: GuestMemory?
  private let mapping: UnsafeMutableRawPointer?
  private let mappingSize: Int

  /// Whether inaccessible pages lie on both sides; windows on other memory have none.
  package var hasGuards: Bool { mapping != nil }

  /// Size of a host page, and of the guard on each side.
  public static let pageSize = 4096

  /// Fresh zeroed storage.
  ///
  /// - Parameter size: bytes, a positive multiple of ``pageSize``.
  /// - Throws: ``MachineError/badMemorySize(_:)``, or ``MachineError/outOfHostMemory(_:)``.
  public init(size: Int) throws(MachineError) {
    guard size > 0, size % Self.pageSize == 0, size <= 1 << 36 else { throw .badMemorySize(size) }
    let total = size + 2 * Self.pageSize
    // SAFETY: an anonymous private mapping at an address the kernel chooses touches nothing else.
    let raw = mmap(nil, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let raw, raw != MAP_FAILED else { throw .outOfHostMemory(size) }
    // SAFETY: the range lies inside the mapping just made.
    guard mprotect(raw + Self.pageSize, size, PROT_READ | PROT_WRITE) == 0 else {
      munmap(raw, total)
      throw .outOfHostMemory(size)
    }
    mapping = raw
    mappingSize = total
    base = raw + Self.pageSize
    self.size = size
    offset = 0
    owner = nil
  }

  private init(slice range: Range<Int>, of memory: GuestMemory) {
    mapping = nil
    mappingSize = 0
    base = memory.base + range.lowerBound
    size = range.count
    offset = range.lowerBound
    owner = memory
  }

  deinit {
    if let mapping { munmap(mapping, mappingSize) }
  }

  /// A window on `range` of this memory.
  ///
  /// Writes through the window reach this memory's observer too.
  /// - Throws: ``MachineError/badRange(_:size:)`` when the range is empty or leaves the memory.
  public func slice(_ range: Range<Int>) throws(MachineError) -> GuestMemory {
    guard range.lowerBound >= 0, range.upperBound <= size, !range.isEmpty else {
      throw .badRange(range, size: size)
    }
    return GuestMemory(slice: range, of: self)
  }

  /// Whether `count` bytes from `address` lie inside.
  @inlinable public func contains(_ address: UInt64, count: Int) -> Bool {
    address <= UInt64(size) && UInt64(count) <= UInt64(size) - address
  }

  /// The little-endian value of `width` (1, 2, 4 or 8) bytes at `address`, or `nil` outside.
  @inlinable public func load(_ address: UInt64, width: Int) -> UInt64? {
    guard contains(address, count: width) else { return nil }
    // SAFETY: the range was checked just above.
    let pointer = base + Int(address)
    switch width {
    case 1: return UInt64(pointer.load(as: UInt8.self))
    case 2: return UInt64(UInt16(littleEndian: pointer.loadUnaligned(as: UInt16.self)))
    case 4: return UInt64(UInt32(littleEndian: pointer.loadUnaligned(as: UInt32.self)))
    default: return UInt64(littleEndian: pointer.loadUnaligned(as: UInt64.self))
    }
  }

  /// Stores the low `width` (1, 2, 4 or 8) bytes of `value` without telling the observer.
  ///
  /// - Returns: `false`, and nothing stored, when the place is outside.
  @inlinable @discardableResult
  public func store(_ address: UInt64, _ value: UInt64, width: Int) -> Bool {
    guard contains(address, count: width) else { return false }
    // SAFETY: the range was checked just above.
    let pointer = base + Int(address)
    switch width {
    case 1: pointer.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    case 2: pointer.storeBytes(of: UInt16(truncatingIfNeeded: value).littleEndian, as: UInt16.self)
    case 4: pointer.storeBytes(of: UInt32(truncatingIfNeeded: value).littleEndian, as: UInt32.self)
    default: pointer.storeBytes(of: value.littleEndian, as: UInt64.self)
    }
    return true
  }

  /// Copies bytes into the storage and tells the observers.
  ///
  /// - Throws: ``MachineError/badRange(_:size:)``, with nothing written.
  public func write(_ bytes: [UInt8], at address: Int) throws(MachineError) {
    guard address >= 0, address <= size, bytes.count <= size - address else {
      throw .badRange(address..<(address &+ max(bytes.count, 1)), size: size)
    }
    willChange(address..<(address + bytes.count))
    // SAFETY: the range was checked just above.
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { (base + address).copyMemory(from: start, byteCount: bytes.count) }
    }
    changed(address..<(address + bytes.count))
  }

  private func willChange(_ range: Range<Int>) {
    changeObserver?(range)
    owner?.willChange((range.lowerBound + offset)..<(range.upperBound + offset))
  }

  /// Tells the observers, here and in the memory this is a slice of, that a range was written.
  public func changed(_ range: Range<Int>) {
    changes &+= 1
    observer?(range)
    owner?.changed((range.lowerBound + offset)..<(range.upperBound + offset))
  }

  /// The bytes of a range.
  ///
  /// - Throws: ``MachineError/badRange(_:size:)``.
  public func read(_ range: Range<Int>) throws(MachineError) -> [UInt8] {
    guard range.lowerBound >= 0, range.upperBound <= size else { throw .badRange(range, size: size) }
    // SAFETY: the range was checked just above.
    return [UInt8](UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  /// The digest of the whole storage.
  public var digest: UInt64 {
    var digest = Digest()
    // SAFETY: `base` is valid for `size` bytes for the life of this object.
    digest.add(UnsafeRawBufferPointer(start: base, count: size))
    return digest.value
  }
}

/// What can go wrong when a machine is put together or its storage used.
public enum MachineError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A memory size that is not a positive multiple of the page size, or larger than 64 GiB.
  case badMemorySize(Int)
  /// The host has no room for this many bytes.
  case outOfHostMemory(Int)
  /// A range that leaves the storage.
  case badRange(Range<Int>, size: Int)
  /// Two devices claim the same address.
  case overlap(new: String, old: String, Range<UInt64>)
  /// A device with no addresses.
  case emptyRange(String)
  /// An image in read-only memory that does not fit where it is to go; name, address, bytes.
  case badROMPlace(String, UInt64, Int)
  /// A snapshot or state of another kind of machine.
  case foreignState(String)

  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .badMemorySize(let size):
      "memory size \(size) is not usable: give a multiple of 4096 bytes, at most 64 GiB"
    case .outOfHostMemory(let size):
      "the host cannot provide \(size) bytes of guest memory: choose a smaller --memory"
    case .badRange(let range, let size):
      "guest memory has no addresses \(hex(UInt64(clamping: range.lowerBound)))..<\(hex(UInt64(clamping: range.upperBound))): its size is \(hex(UInt64(clamping: size)))"
    case .overlap(let new, let old, let range):
      "device `\(new)` cannot be attached at \(hex(range.lowerBound))..<\(hex(range.upperBound)): `\(old)` is there already"
    case .emptyRange(let name): "device `\(name)` has no addresses"
    case .badROMPlace(let name, let address, let size):
      "`\(name)`, \(size) bytes, cannot lie at \(hex(address)): read-only memory goes to 0xc0000..0xfffff, or to whole pages between the machine's memory and 4 GiB"
    case .foreignState(let why): "this state does not fit the machine: \(why)"
    }
  }
}
