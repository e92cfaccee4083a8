internal import Trace

/// A whole machine at an instruction boundary: processor, storage, devices, virtual time, pending events.
///
/// A snapshot is whole or there is none: ``init(of:program:programDigest:configurationDigest:)`` refuses
/// when the engine holds something that a snapshot has no place for, and ``install(into:)`` reads back what
/// it wrote and fails when a single value differs. Engines of all kinds take each other's snapshots.
public struct MachineSnapshot: Sendable, Equatable {
  /// A device with its state.
  public struct DeviceRecord: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// 0 for ports, 1 for memory.
    public var space: UInt8
    /// First address on the bus.
    public var start: UInt64
    /// Addresses it takes.
    public var count: UInt64
    /// What ``Device/save()`` gave.
    public var state: [UInt64]
    /// What ``Device/saveContents()`` gave.
    public var contents: [UInt8]
  }

  /// Name of the instruction set.
  public var isa: String
  /// Its variant.
  public var variant: String
  /// Name of the program.
  public var program: String
  /// Digest of the program's bytes.
  public var programDigest: UInt64
  /// Digest of the machine's description.
  public var configurationDigest: UInt64
  /// Names of the registers, in the order of the state.
  public var registerNames: [String]
  /// Registers and tables.
  public var processor: ProcessorState
  /// Instructions the guest had retired, as far as they were counted.
  public var retired: UInt64
  /// Virtual time that had passed in waiting.
  public var idle: UInt64
  /// Interrupt requests not yet taken, a bit a line.
  public var pending: UInt32
  /// The status, if the guest had switched the machine off.
  public var powerOff: UInt64?
  /// How guest-physical addresses led to storage.
  public var view: StorageView
  /// Everything the guest had written to its console.
  public var console: [UInt8]
  /// The devices, in the order they were attached.
  public var devices: [DeviceRecord]
  /// Bytes of storage.
  public var memorySize: Int
  /// The pages of storage that are not zero, by page number.
  public var pages: [UInt64: [UInt8]]

  /// Takes a snapshot between two runs of an engine.
  ///
  /// - Throws: ``EngineRefusal`` when the engine holds state that a snapshot has no place for.
  public init(
    of engine: any Engine, program: String, programDigest: UInt64, configurationDigest: UInt64
  ) throws(EngineRefusal) {
    if let obstacle = engine.snapshotObstacle { throw obstacle }
    let platform = engine.platform
    let set = engine.instructionSet
    isa = set.name
    variant = set.variant
    self.program = program
    self.programDigest = programDigest
    self.configurationDigest = configurationDigest
    registerNames = set.registers.map(\.name)
    processor = engine.state
    retired = platform.retired
    idle = platform.idle
    pending = platform.pending
    powerOff = platform.powerOff
    view = platform.view
    console = platform.console
    devices = platform.inventory.map { place in
      DeviceRecord(
        name: place.device.name, space: place.space.rawValue, start: place.range.lowerBound,
        count: UInt64(place.range.count), state: place.device.save(), contents: place.device.saveContents())
    }
    memorySize = platform.memory.size
    pages = platform.memory.nonzeroPages
  }

  /// Makes `engine` go on from here.
  ///
  /// The engine must be fresh, on a machine of the same description. When this throws, it is of no
  /// further use.
  /// - Throws: ``SnapshotError`` when the snapshot is of another machine, or the engine or a device does not
  ///   keep exactly what it is given.
  public func install(into engine: any Engine) throws(SnapshotError) {
    try checkFit(engine)
    let platform = engine.platform
    do {
      try platform.memory.replaceContents(with: pages)
    } catch {
      throw .otherMachine("\(error)")
    }
    platform.console = console
    for (place, record) in zip(platform.inventory, devices) {
      guard place.device.restoreContents(record.contents) else {
        throw .notKept("the contents of device `\(record.name)` (\(record.contents.count) bytes)")
      }
      place.device.restore(record.state)
    }
    platform.setView(view)
    platform.resume(retired: retired, idle: idle, pending: pending, powerOff: powerOff)
    engine.state = processor
    try checkKept(engine)
  }

  private func checkFit(_ engine: any Engine) throws(SnapshotError) {
    let platform = engine.platform
    let set = engine.instructionSet
    guard set.name == isa else { throw .otherMachine("it is of a \(isa) machine, this one is \(set.name)") }
    guard set.variant == variant else {
      throw .otherMachine("it is of variant `\(variant)`, this machine is `\(set.variant)`")
    }
    let names = set.registers.map(\.name)
    guard names == registerNames else {
      let missing = names.first { !registerNames.contains($0) }
      let surplus = registerNames.first { !names.contains($0) }
      throw .otherMachine(
        "its registers are not this processor's"
          + (missing.map { ": `\($0)` is missing" } ?? surplus.map { ": `\($0)` is unknown here" } ?? ""))
    }
    guard processor.registers.count == names.count else {
      throw .otherMachine("it has \(processor.registers.count) values for \(names.count) registers")
    }
    guard processor.auxiliaries.count <= set.auxiliaries.count else {
      throw .otherMachine(
        "it has \(processor.auxiliaries.count) tables, the processor \(set.auxiliaries.count)")
    }
    guard platform.memory.size == memorySize else {
      throw .otherMachine("it has \(memorySize) bytes of storage, this machine \(platform.memory.size)")
    }
    let here = platform.inventory
    guard here.count == devices.count else {
      throw .otherMachine("it has \(devices.count) devices, this machine \(here.count)")
    }
    for (place, record) in zip(here, devices)
    where place.device.name != record.name || place.space.rawValue != record.space
      || place.range.lowerBound != record.start || UInt64(place.range.count) != record.count
    {
      throw .otherMachine(
        "where it has device `\(record.name)` at \(hex(record.start)), this machine has `\(place.device.name)` at \(hex(place.range.lowerBound))"
      )
    }
  }

  /// Reads everything back.
  private func checkKept(_ engine: any Engine) throws(SnapshotError) {
    let now: MachineSnapshot
    do throws(EngineRefusal) {
      now = try MachineSnapshot(
        of: engine, program: program, programDigest: programDigest, configurationDigest: configurationDigest)
    } catch {
      throw .notKept("the state of the engine (\(error.reason))")
    }
    guard now != self else { return }
    for (index, name) in registerNames.enumerated()
    where now.processor.registers[index] != processor.registers[index] {
      throw .notKept(
        "register `\(name)`: given \(hex(processor.registers[index])), it is \(hex(now.processor.registers[index]))"
      )
    }
    for (old, new) in zip(devices, now.devices) where old != new {
      throw .notKept("the state of device `\(old.name)`")
    }
    guard now.processor.deliveries == processor.deliveries else {
      throw .notKept("that a trap has just been delivered")
    }
    guard now.processor.extended == processor.extended else {
      throw .notKept(
        "the \(processor.extended.count) bytes of registers that the instruction set does not model")
    }
    let tables = processor.auxiliaries.filter { !$0.isEmpty }
    guard engine.forgetsTables || now.processor.auxiliaries.filter({ !$0.isEmpty }) == tables else {
      throw .notKept("the processor's tables")
    }
    guard now.pages == pages else { throw .notKept("the storage") }
    guard now.retired == retired, now.idle == idle, now.pending == pending, now.powerOff == powerOff,
      now.view == view,
      now.console == console
    else { throw .notKept("virtual time, pending interrupts or console") }
  }
}

extension GuestMemory {
  /// The pages that are not all zero, by page number.
  var nonzeroPages: [UInt64: [UInt8]] {
    var result: [UInt64: [UInt8]] = [:]
    for page in 0..<(size / Self.pageSize) {
      // SAFETY: the page lies inside the storage.
      let bytes = UnsafeRawBufferPointer(start: base + page * Self.pageSize, count: Self.pageSize)
      let isZero = stride(from: 0, to: Self.pageSize, by: 8).allSatisfy {
        bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) == 0
      }
      if !isZero { result[UInt64(page)] = [UInt8](bytes) }
    }
    return result
  }

  /// Makes these pages the contents, and all others zero.
  func replaceContents(with pages: [UInt64: [UInt8]]) throws(MachineError) {
    let zeros = [UInt8](repeating: 0, count: Self.pageSize)
    for page in nonzeroPages.keys where pages[page] == nil {
      try write(zeros, at: Int(page) * Self.pageSize)
    }
    for (page, bytes) in pages {
      guard bytes.count == Self.pageSize, page < UInt64(size / Self.pageSize) else {
        throw .foreignState("page \(page) is not one of its storage")
      }
      try write(bytes, at: Int(page) * Self.pageSize)
    }
  }
}

/// Why a snapshot cannot be used.
public enum SnapshotError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file is no snapshot, or is damaged, at this byte.
  case malformed(String, offset: Int)
  /// The file is of a version that this program does not read.
  case version(UInt32)
  /// It was taken of a machine that differs from this one.
  case otherMachine(String)
  /// The engine does not keep what it was given.
  case notKept(String)

  /// What is wrong and what to do.
  public var description: String {
    switch self {
    case .malformed(let what, let offset):
      "no usable snapshot: \(what) at byte \(offset)\n  help: take the snapshot again; nothing was restored"
    case .version(let version):
      "this snapshot has format version \(version); this program reads version \(MachineSnapshot.version)"
    case .otherMachine(let why):
      "the snapshot does not fit the machine: \(why)\n  help: name the program and give the options with which it was taken"
    case .notKept(let what): "the snapshot cannot be restored whole here: the machine does not keep \(what)"
    }
  }
}
