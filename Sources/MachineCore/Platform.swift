/// Something on the bus: it knows only its own offsets.
///
/// A device is called at guest device accesses and at its own deadlines, never per instruction.
public protocol Device: AnyObject {
  /// Name for messages and traces.
  var name: String { get }
  /// Reads `width` (1, 2, 4 or 8) bytes at `offset` from the start of the device's range.
  func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64
  /// Writes the low `width` bytes of `value`.
  func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform)
  /// When, on ``Platform/now``, the device next wants ``tick(on:)``; `nil` for never.
  var deadline: UInt64? { get }
  /// Called when ``Platform/now`` has reached the deadline.
  func tick(on platform: Platform)
  /// The device's whole state.
  func save() -> [UInt64]
  /// Takes back what ``save()`` gave.
  func restore(_ state: [UInt64])
  /// What the device holds beside its state and has changed since it was made: a disk's sectors.
  func saveContents() -> [UInt8]
  /// Takes what ``saveContents()`` gave, on a fresh device and before ``restore(_:)``; `false` if it does not fit.
  func restoreContents(_ contents: [UInt8]) -> Bool
}

extension Device {
  /// Most devices act only when accessed.
  public var deadline: UInt64? { nil }
  /// Most devices have no deadlines.
  public func tick(on platform: Platform) {}
  /// Most devices are all state.
  public func saveContents() -> [UInt8] { [] }
  /// Most devices take no contents.
  public func restoreContents(_ contents: [UInt8]) -> Bool { contents.isEmpty }
}

/// What is around the processor: storage, devices, interrupt lines and the virtual clock.
///
/// All engines of an ISA use the same platform: same machine, swap the processor. The engine keeps
/// `retired` true whenever it calls in here, polls ``pending`` at instruction boundaries, and calls
/// ``advance()`` once ``now`` has reached ``deadline``.
public final class Platform {
  /// Where on the bus a device sits.
  public enum Space: UInt8, Sendable {
    /// Port I/O.
    case port
    /// Memory-mapped I/O, in guest-physical addresses.
    case memory
  }

  /// Guest-physical storage.
  public let memory: GuestMemory

  /// Instructions the guest has retired.
  public var retired: UInt64 = 0
  /// Virtual time that passed while the processor waited.
  public var idle: UInt64 = 0
  /// Virtual time: retired instructions plus time spent waiting; with ``sharedPoints`` what passed at them.
  @inlinable public var now: UInt64 { sharedPoints == nil ? retired &+ idle : idle }
  /// Where time passes if not with every instruction; part of the machine, set before it runs.
  public var sharedPoints: SharedPoints?

  /// Interrupt requests not yet taken, one bit a line; line 0 comes first.
  public var pending: UInt32 = 0
  /// The next time on ``now`` at which ``advance()`` must be called; `UInt64.max` for never.
  public private(set) var deadline: UInt64 = .max
  /// Set by a power device: the status the guest gave.
  public var powerOff: UInt64?
  /// Accesses of the guest to devices after which a run is to end with ``StopReason/limit``; `nil` for no end.
  ///
  /// Counts down; part of how a machine is run, not of its state.
  public var accessesLeft: UInt64?
  /// Why a run has to end because of the devices: the machine is off, or ``accessesLeft`` is 0.
  public var stop: StopReason? {
    if let powerOff { return .powerOff(status: powerOff) }
    return accessesLeft == 0 ? .limit : nil
  }
  /// Accesses of the guest to devices so far; not part of the state.
  public private(set) var accesses: UInt64 = 0
  /// Everything the guest wrote to its console.
  public var console: [UInt8] = []
  /// Accesses of the guest to addresses where there is no device; not part of the state.
  public private(set) var unclaimed: UInt64 = 0
  /// Called with each console byte as it is written.
  public var consoleObserver: ((UInt8) -> Void)?

  /// Where interrupt requests go; without one they wait in ``pending``, a bit a line.
  public private(set) var controller: (any InterruptController)?
  /// Memory that the guest can read and execute besides its storage.
  public private(set) var roms: [ReadOnlyMemory] = []
  /// How guest-physical addresses lead to storage now.
  public private(set) var view = StorageView()
  /// Counts the changes of ``view`` and ``roms``; engines compare it after each call in here.
  public private(set) var viewVersion: UInt64 = 0
  /// Takes the guest's stores to protected storage; without it they are lost.
  public weak var protectedStores: (any ProtectedStores)?

  private struct Mapping {
    var space: Space
    var range: Range<UInt64>
    var device: any Device
  }
  private var mappings: [Mapping] = []

  /// A platform without devices.
  public init(memory: GuestMemory) {
    self.memory = memory
  }

  /// Puts a device on the bus.
  ///
  /// - Throws: ``MachineError/overlap(new:old:_:)`` or ``MachineError/emptyRange(_:)``.
  public func attach(_ device: any Device, _ space: Space, at range: Range<UInt64>) throws(MachineError) {
    guard !range.isEmpty else { throw .emptyRange(device.name) }
    for other in mappings where other.space == space && other.range.overlaps(range) {
      throw .overlap(new: device.name, old: other.device.name, range)
    }
    if space == .memory, let rom = roms.first(where: { $0.range.overlaps(range) }) {
      throw .overlap(new: device.name, old: rom.name, range)
    }
    mappings.append(Mapping(space: space, range: range, device: device))
    reschedule()
  }

  /// The devices, in the order they were attached.
  public var devices: [any Device] { mappings.map(\.device) }

  /// The devices with their places, in the order they were attached.
  public var inventory: [(device: any Device, space: Space, range: Range<UInt64>)] {
    mappings.map { ($0.device, $0.space, $0.range) }
  }

  private func find(_ space: Space, _ address: UInt64) -> Int? {
    for index in mappings.indices
    where mappings[index].space == space && mappings[index].range.contains(address) {
      return index
    }
    return nil
  }

  /// Whether a device answers at `address`.
  public func claims(_ space: Space, _ address: UInt64) -> Bool { find(space, address) != nil }

  /// The guest-physical addresses among which all memory-mapped devices lie; empty without such devices.
  public var mappedMemory: Range<UInt64> {
    let ranges = mappings.filter { $0.space == .memory }.map(\.range)
    guard let low = ranges.map(\.lowerBound).min(), let high = ranges.map(\.upperBound).max() else {
      return 0..<0
    }
    return low..<high
  }

  /// A guest's read of a device register; all ones where there is no device.
  public func read(_ space: Space, _ address: UInt64, width: Int) -> UInt64 {
    countAccess()
    let mask = width >= 8 ? UInt64.max : (1 << UInt64(width * 8)) - 1
    guard let index = find(space, address) else {
      unclaimed &+= 1
      return mask
    }
    let device = mappings[index].device
    let start = mappings[index].range.lowerBound
    let value = device.read(offset: address - start, width: width, on: self) & mask
    if deadline != .max || device.deadline != nil { reschedule() }
    return value
  }

  /// A guest's write to a device register; ignored where there is no device.
  public func write(_ space: Space, _ address: UInt64, _ value: UInt64, width: Int) {
    countAccess()
    let mask = width >= 8 ? UInt64.max : (1 << UInt64(width * 8)) - 1
    guard let index = find(space, address) else {
      unclaimed &+= 1
      return
    }
    let device = mappings[index].device
    let start = mappings[index].range.lowerBound
    device.write(offset: address - start, value: value & mask, width: width, on: self)
    // Only the device that was accessed can have got a deadline.
    if deadline != .max || device.deadline != nil { reschedule() }
  }

  private func countAccess() {
    accesses &+= 1
    if let sharedPoints { idle &+= sharedPoints.ticksPerAccess }
    if let left = accessesLeft, left > 0 { accessesLeft = left - 1 }
  }

  /// Lets every device whose deadline has come act, and finds the next deadline.
  public func advance() {
    for mapping in mappings {
      if let due = mapping.device.deadline, due <= now { mapping.device.tick(on: self) }
    }
    reschedule()
  }

  /// Lets virtual time jump to the next deadline while the processor waits.
  ///
  /// - Returns: `false` when nothing is ever going to happen.
  public func skipToDeadline() -> Bool {
    guard deadline != .max else { return false }
    if deadline > now { idle &+= deadline - now }
    advance()
    return true
  }

  // MARK: Interrupts

  /// Gives the interrupt requests of all devices to a controller.
  public func install(_ controller: any InterruptController) { self.controller = controller }

  /// Requests an interrupt; the request stays until it is taken. With a controller: an edge on the line.
  public func raise(line: Int) {
    guard let controller else {
      pending |= 1 << UInt32(line)
      return
    }
    controller.setLine(line, true, on: self)
    controller.setLine(line, false, on: self)
  }

  /// Sets the level of an interrupt line; without a controller there are no levels, and nothing happens.
  public func setLine(_ line: Int, _ level: Bool) { controller?.setLine(line, level, on: self) }

  /// The controller's request to the processor: ``pending`` is not zero while it lasts.
  public func setRequest(_ isRequested: Bool) { pending = isRequested ? 1 : 0 }

  /// The processor takes an interrupt, because ``pending`` is not zero and it can.
  ///
  /// - Parameter causeBase: cause of an interrupt on line 0 where there is no controller.
  public func takeInterrupt(causeBase: UInt64) -> Interrupt {
    if let controller { return controller.acknowledge(on: self) }
    let line = UInt64(acknowledge() ?? 0)
    return Interrupt(cause: causeBase &+ line, line: line)
  }

  /// Takes the pending interrupt of the lowest line, where there is no controller.
  public func acknowledge() -> Int? {
    guard pending != 0 else { return nil }
    let line = pending.trailingZeroBitCount
    pending &= pending - 1
    return line
  }

  /// Adds a byte to the console's output.
  public func putConsole(_ byte: UInt8) {
    console.append(byte)
    consoleObserver?(byte)
  }

  /// Takes time and pending events from a snapshot, after the devices have theirs.
  func resume(retired: UInt64, idle: UInt64, pending: UInt32, powerOff: UInt64?) {
    self.retired = retired
    self.idle = idle
    self.pending = pending
    self.powerOff = powerOff
    reschedule()
  }

  /// Finds the next deadline; for devices that were changed by other means than an access to them.
  public func reschedule() {
    var next = UInt64.max
    for mapping in mappings {
      if let due = mapping.device.deadline, due < next { next = due }
    }
    deadline = next
  }

  // MARK: Storage

  /// Puts read-only memory on the bus.
  ///
  /// - Throws: ``MachineError/overlap(new:old:_:)`` when storage, a device or other such memory is there.
  public func attach(_ rom: ReadOnlyMemory) throws(MachineError) {
    let range = rom.range
    if range.overlaps(0..<UInt64(memory.size)) { throw .overlap(new: rom.name, old: "storage", range) }
    for other in roms where other.range.overlaps(range) {
      throw .overlap(new: rom.name, old: other.name, range)
    }
    for other in mappings where other.space == .memory && other.range.overlaps(range) {
      throw .overlap(new: rom.name, old: other.device.name, range)
    }
    roms.append(rom)
    viewVersion &+= 1
  }

  /// Changes how guest-physical addresses lead to storage.
  public func setView(_ new: StorageView) {
    guard new != view else { return }
    view = new
    viewVersion &+= 1
  }

  /// What the guest reads from an address behind its storage: read-only memory, or ones.
  public func outsideByte(_ physical: UInt64) -> UInt8 {
    for rom in roms where rom.range.contains(physical) {
      return UInt8(truncatingIfNeeded: rom.storage.load(physical - rom.address, width: 1) ?? 0xFF)
    }
    return 0xFF
  }

  /// Whether a store of the guest to this address must go to ``storeProtected(_:_:width:)``.
  public func isProtected(_ physical: UInt64) -> Bool {
    for range in view.protected where range.contains(physical) { return true }
    return false
  }

  /// A store of the guest to protected storage; it must not cross a 4 KiB boundary.
  public func storeProtected(_ physical: UInt64, _ value: UInt64, width: Int) {
    protectedStores?.store(physical, value, width: width, on: self)
  }

  /// Everything on the platform but the storage.
  public struct State: Sendable, Equatable {
    var retired: UInt64
    var idle: UInt64
    var pending: UInt32
    var powerOff: UInt64?
    var consoleCount: Int
    package var view: StorageView
    var devices: [[UInt64]]
  }

  /// The state of the platform, without storage.
  ///
  /// Console output is kept by its length: going back cuts it, going forward needs the same output.
  public func save() -> State {
    State(
      retired: retired, idle: idle, pending: pending, powerOff: powerOff, consoleCount: console.count,
      view: view, devices: mappings.map { $0.device.save() })
  }

  /// Goes back to a state that ``save()`` gave.
  public func restore(_ state: State) {
    retired = state.retired
    idle = state.idle
    pending = state.pending
    powerOff = state.powerOff
    if console.count > state.consoleCount { console.removeSubrange(state.consoleCount...) }
    for (mapping, saved) in zip(mappings, state.devices) { mapping.device.restore(saved) }
    setView(state.view)
    reschedule()
  }
}
