public import MachineCore

/// An image in read-only memory.
public struct ROMImage: Sendable, Equatable {
  /// First guest-physical address; `nil` for firmware: it ends at 4 GiB, and its last part shows below 1 MiB.
  public var address: UInt64?
  /// Contents.
  public var bytes: [UInt8]
  /// Name for messages and for firmware that looks for files.
  public var name: String

  /// An image.
  public init(name: String, bytes: [UInt8], address: UInt64? = nil) {
    self.name = name
    self.bytes = bytes
    self.address = address
  }
}

/// What the full PC has that the small test PC has not.
public struct PCParts: Sendable, Equatable {
  /// Firmware and option ROMs.
  public var roms: [ROMImage]
  /// Contents of the disk; `nil` for none.
  public var disk: [UInt8]?
  /// Contents of the floppy disk; `nil` for no drive.
  public var floppy: [UInt8]?
  /// What is typed on the keyboard.
  public var keys: [UInt8]
  /// What the clock shows at first.
  public var date: CivilDate

  /// Parts; nothing unless told.
  public init(
    roms: [ROMImage] = [], disk: [UInt8]? = nil, floppy: [UInt8]? = nil, keys: [UInt8] = [],
    date: CivilDate = CivilDate(year: 2026, month: 1, day: 1)
  ) {
    self.roms = roms
    self.disk = disk
    self.floppy = floppy
    self.keys = keys
    self.date = date
  }
}

/// Makes the PCs that all x86 engines share.
public enum PCPlatform {
  /// The small test PC: zeroed storage, serial line, debug-exit port and doorbell.
  ///
  /// - Parameters:
  ///   - memorySize: bytes, a multiple of 4096 between ``X86Layout/minimumMemorySize`` and
  ///     ``X86Layout/maximumMemorySize``.
  ///   - input: what the serial line receives.
  /// - Throws: ``MachineError/badMemorySize(_:)``, ``MachineError/outOfHostMemory(_:)``.
  public static func make(
    memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = []
  ) throws(MachineError) -> Platform {
    let platform = try makeStorage(memorySize)
    try attachCommon(SerialPort(input: input), to: platform)
    return platform
  }

  private static func makeStorage(_ memorySize: Int) throws(MachineError) -> Platform {
    guard memorySize >= X86Layout.minimumMemorySize, memorySize <= X86Layout.maximumMemorySize else {
      throw .badMemorySize(memorySize)
    }
    return Platform(memory: try GuestMemory(size: memorySize))
  }

  private static func attachCommon(_ serial: SerialPort, to platform: Platform) throws(MachineError) {
    try platform.attach(serial, .port, at: X86Layout.Ports.serial)
    try platform.attach(PowerPort(), .port, at: X86Layout.powerPort..<(X86Layout.powerPort + 4))
    let doorbell = X86Layout.doorbellPort
    try platform.attach(DoorbellPort(), .port, at: doorbell..<(doorbell + X86Layout.doorbellPortCount))
  }

  /// The full PC: what the small one has, and interrupt controllers, timer, clock, keyboard, video, PCI, firmware
  /// and a disk.
  ///
  /// - Throws: ``MachineError``; also ``MachineError/overlap(new:old:_:)`` for images that claim the same place.
  public static func makeFull(
    _ parts: PCParts, memorySize: Int = X86Layout.defaultMemorySize, input: [UInt8] = []
  ) throws(MachineError) -> Platform {
    let platform = try makeStorage(memorySize)
    let controllers = I8259Pair()
    let processor = LocalAPIC(pair: controllers)
    platform.install(processor)
    try platform.attach(processor, .memory, at: X86Layout.localAPIC)
    try platform.attach(IOAPIC(target: processor), .memory, at: X86Layout.ioAPIC)
    typealias Ports = X86Layout.Ports
    try platform.attach(controllers, .port, at: Ports.master)
    try platform.attach(DeviceWindow(controllers, from: 2), .port, at: Ports.slave)
    try platform.attach(DeviceWindow(controllers, from: 4), .port, at: Ports.edgeLevel)
    let timer = I8254Timer(line: X86Layout.Line.timer)
    try platform.attach(timer, .port, at: Ports.timer)
    try platform.attach(SystemControlB(timer: timer), .port, at: Ports.systemControlB)
    let gate = A20Gate()
    let keyboard = KeyboardController(gate: gate, text: parts.keys, line: X86Layout.Line.keyboard)
    try platform.attach(keyboard, .port, at: Ports.keyboardData)
    try platform.attach(DeviceWindow(keyboard, from: 4), .port, at: Ports.keyboardStatus)
    try platform.attach(SystemControlA(gate: gate), .port, at: Ports.systemControlA)
    let clock = RealTimeClock(
      date: parts.date, contents: memoryBytes(memorySize, parts),
      line: X86Layout.Line.clock)
    try platform.attach(clock, .port, at: Ports.clock)
    try platform.attach(VGARegisters(), .port, at: Ports.vga)
    try attachCommon(SerialPort(input: input, line: X86Layout.Line.serial), to: platform)
    let power = PowerManagement()
    try platform.attach(power, .port, at: Ports.powerManagement)
    try platform.attach(DeviceWindow(power, from: 0x40), .port, at: Ports.apm)
    let dma = DMAController()
    try platform.attach(dma, .port, at: Ports.dma)
    try platform.attach(DeviceWindow(dma, from: 0x10), .port, at: Ports.dma2)
    try platform.attach(DeviceWindow(dma, from: 0x31), .port, at: Ports.dmaPages)
    if let floppy = parts.floppy {
      let drive = FloppyController(
        image: DiskImage(floppy), size: floppy.count, dma: dma, line: X86Layout.Line.floppy)
      try platform.attach(drive, .port, at: Ports.floppy)
      try platform.attach(DeviceWindow(drive, from: 7), .port, at: Ports.floppyChange)
    }
    if let disk = parts.disk {
      let channel = IDEChannel(image: DiskImage(disk), line: X86Layout.Line.disk)
      try platform.attach(channel, .port, at: Ports.disk)
      try platform.attach(DeviceWindow(channel, from: 8), .port, at: Ports.diskControl)
    }
    try attachFirmware(parts, gate, to: platform)
    try attachLogs([0x80, 0xE9, 0x402], to: platform)
    return platform
  }

  private static func attachFirmware(
    _ parts: PCParts, _ gate: A20Gate, to platform: Platform
  ) throws(MachineError) {
    let start = X86Layout.shadowStart
    let end = X86Layout.shadowEnd
    var low = [UInt8](repeating: 0xFF, count: Int(end - start))
    var taken: [(name: String, range: Range<UInt64>)] = []
    func place(_ name: String, _ bytes: ArraySlice<UInt8>, _ address: UInt64) throws(MachineError) {
      let range = address..<(address + UInt64(bytes.count))
      for other in taken where other.range.overlaps(range) {
        throw .overlap(new: name, old: other.name, range)
      }
      taken.append((name, range))
      low.replaceSubrange(Int(address - start)..<(Int(address - start) + bytes.count), with: bytes)
    }
    for rom in parts.roms {
      guard rom.bytes.count <= X86Layout.mostFirmware else {
        throw .badROMPlace(rom.name, rom.address ?? 0, rom.bytes.count)
      }
      if let address = rom.address, (start..<end).contains(address), UInt64(rom.bytes.count) <= end - address
      {
        try place(rom.name, rom.bytes[...], address)
        continue
      }
      // Whole pages: what fills up lies before firmware, which ends at the top, and behind other images.
      let page = GuestMemory.pageSize
      let size = (rom.bytes.count + page - 1) / page * page
      let storage = try GuestMemory(size: max(size, page))
      let filling = [UInt8](repeating: 0xFF, count: storage.size - rom.bytes.count)
      try storage.write(rom.address == nil ? filling + rom.bytes : rom.bytes + filling, at: 0)
      let address = rom.address ?? X86Layout.firmwareEnd - UInt64(storage.size)
      guard address % UInt64(page) == 0, address <= X86Layout.firmwareEnd - UInt64(storage.size) else {
        throw .badROMPlace(rom.name, address, rom.bytes.count)
      }
      if address < UInt64(platform.memory.size) { throw .badROMPlace(rom.name, address, rom.bytes.count) }
      try platform.attach(ReadOnlyMemory(name: rom.name, address: address, storage: storage))
      if rom.address == nil {
        let shown = rom.bytes.suffix(X86Layout.lowFirmwareSize)
        try place(rom.name, shown, end - UInt64(shown.count))
      }
    }
    let shadow = FirmwareShadow(firmware: low)
    try shadow.install(on: platform)
    let host = PCIHost(shadow: shadow, gate: gate, hasDisk: parts.disk != nil)
    try platform.attach(host, .port, at: X86Layout.Ports.pci)
    let size = UInt64(platform.memory.size)
    // Option ROMs that lie at their places are files for firmware that copies them there itself.
    let options = parts.roms.filter { $0.address.map { $0 >= start && $0 < 0xE_0000 } ?? false }
    let files =
      [(name: "etc/e820", contents: FirmwareConfiguration.memoryMap(size))]
      + options.map { (name: "vgaroms/\($0.name)", contents: $0.bytes) }
    try platform.attach(
      FirmwareConfiguration(memorySize: size, files: files), .port, at: X86Layout.Ports.firmwareConfiguration)
  }

  /// Keeps what is written to ports; one that is kept already stays as it is.
  static func attachLogs(_ ports: [UInt16], to platform: Platform) throws(MachineError) {
    for port in ports {
      let name = logName(port)
      if platform.devices.contains(where: { $0 is PortLog && $0.name == name }) { continue }
      // Firmware recognises its debug consoles by what a read gives.
      let answer: UInt8? = port == 0xE9 || port == 0x402 ? 0xE9 : nil
      try platform.attach(
        PortLog(name: name, answer: answer), .port, at: UInt64(port)..<(UInt64(port) + 1))
    }
  }

  private static func logName(_ port: UInt16) -> String { "log of port \(hex(UInt64(port)))" }

  /// What was written to a port whose bytes are kept.
  public static func log(of port: UInt16, on platform: Platform) -> [UInt8]? {
    let name = logName(port)
    return platform.devices.lazy.compactMap { $0 as? PortLog }.first { $0.name == name }?.bytes
  }

  /// The disk of a full PC.
  public static func disk(of platform: Platform) -> DiskImage? {
    platform.devices.lazy.compactMap { $0 as? IDEChannel }.first?.image
  }

  /// The floppy disk of a full PC.
  public static func floppy(of platform: Platform) -> DiskImage? {
    platform.devices.lazy.compactMap { $0 as? FloppyController }.first?.image
  }

  /// The lines of text on the screen; `nil` on a machine without one.
  public static func screen(of platform: Platform) -> [String]? {
    let card = platform.devices.lazy.compactMap { $0 as? VGARegisters }.first
    return card.map { VGAText.lines(platform.memory, $0) }
  }

  /// Battery-backed memory: sizes of storage, drives and the order to boot from them, as PC firmware left them.
  private static func memoryBytes(_ memorySize: Int, _ parts: PCParts) -> [UInt8: UInt8] {
    var bytes: [UInt8: UInt8] = [:]
    func put(_ address: UInt8, _ value: Int) {
      bytes[address] = UInt8(value & 0xFF)
      bytes[address + 1] = UInt8(value >> 8 & 0xFF)
    }
    put(0x15, 640)
    let kibibytes = memorySize / 1024
    let extended = min(max(kibibytes - 1024, 0), 65535)
    put(0x17, extended)
    put(0x30, extended)
    put(0x34, max(kibibytes - 16384, 0) / 64)
    // Equipment: a coprocessor, and a floppy drive if there is one; colour text comes from the card.
    bytes[0x14] = parts.floppy == nil ? 0x06 : 0x07
    bytes[0x10] = parts.floppy.map { floppyType($0.count) << 4 } ?? 0
    if parts.disk != nil { bytes[0x12] = 0xF0 }
    // What to boot from: a floppy that was put in, else the disk. Signatures of floppies are not asked for.
    bytes[0x3D] = parts.floppy != nil ? 0x21 : 0x12
    bytes[0x38] = 0x31
    return bytes
  }

  /// The type of a drive for disks of this size, as the memory tells it.
  private static func floppyType(_ size: Int) -> UInt8 {
    switch size {
    case ...368_640: 1
    case 737_280: 3
    case 1_228_800: 2
    case 2_949_120: 5
    default: 4
    }
  }
}
