public import MachineCore

/// Port numbers and interrupt lines of the toy platform; every magic address is here.
public enum ToyPort {
  /// Write: a byte to the console. Read: the next input byte, all ones if there is none.
  public static let consoleData: UInt64 = 0x00
  /// Read: bit 0 set when input is there. Write: bit 0 enables the input interrupt.
  public static let consoleStatus: UInt64 = 0x01
  /// Write: interrupt after so many ticks of virtual time, 0 for never. Read: ticks left.
  public static let timer: UInt64 = 0x10
  /// Read: low word of virtual time.
  public static let timeLow: UInt64 = 0x11
  /// Read: high word of virtual time.
  public static let timeHigh: UInt64 = 0x12
  /// Sector number.
  public static let diskSector: UInt64 = 0x20
  /// Guest-physical address of the 512-byte buffer.
  public static let diskAddress: UInt64 = 0x21
  /// Write: 1 reads a sector, 2 writes one.
  public static let diskCommand: UInt64 = 0x22
  /// Read: 0 idle, 1 busy, 2 done, 3 error. Write: bit 0 enables the interrupt.
  public static let diskStatus: UInt64 = 0x23
  /// Read: how many sectors the disk has.
  public static let diskSectors: UInt64 = 0x24
  /// Write: switches the machine off with this status.
  public static let power: UInt64 = 0x30

  /// Interrupt line of the timer.
  public static let timerLine = 0
  /// Interrupt line of the console.
  public static let consoleLine = 1
  /// Interrupt line of the disk.
  public static let diskLine = 2
}

/// Console: bytes out, bytes in, an interrupt when input is there.
public final class ToyConsole: Device {
  public let name = "console"
  private let input: [UInt8]
  private var position = 0
  private var interrupts = false

  /// A console whose whole input is known beforehand, so that runs repeat.
  public init(input: [UInt8]) { self.input = input }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    if offset == ToyPort.consoleStatus { return position < input.count ? 1 : 0 }
    guard position < input.count else { return .max }
    defer { position += 1 }
    return UInt64(input[position])
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    if offset == ToyPort.consoleStatus {
      interrupts = value & 1 != 0
      if interrupts, position < input.count { platform.raise(line: ToyPort.consoleLine) }
    } else {
      platform.putConsole(UInt8(truncatingIfNeeded: value))
    }
  }

  public func save() -> [UInt64] { [UInt64(position), interrupts ? 1 : 0] }
  public func restore(_ state: [UInt64]) {
    guard state.count == 2 else { return }
    position = Int(clamping: state[0])
    interrupts = state[1] != 0
  }
}

/// One-shot timer in virtual time, and the clock itself.
public final class ToyTimer: Device {
  public let name = "timer"
  private var due: UInt64?

  /// A stopped timer.
  public init() {}

  public var deadline: UInt64? { due }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    switch offset + ToyPort.timer {
    case ToyPort.timeLow: platform.now & 0xFFFF_FFFF
    case ToyPort.timeHigh: platform.now >> 32
    default: due.map { $0 > platform.now ? $0 - platform.now : 0 } ?? 0
    }
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    guard offset == 0 else { return }
    due = value == 0 ? nil : platform.now &+ value
  }

  public func tick(on platform: Platform) {
    due = nil
    platform.raise(line: ToyPort.timerLine)
  }

  public func save() -> [UInt64] { due.map { [1, $0] } ?? [0, 0] }
  public func restore(_ state: [UInt64]) {
    guard state.count == 2 else { return }
    due = state[0] != 0 ? state[1] : nil
  }
}

/// Power switch.
public final class ToyPower: Device {
  public let name = "power"

  /// A power switch.
  public init() {}

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 { 0 }
  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    platform.powerOff = value
  }
  public func save() -> [UInt64] { [] }
  public func restore(_ state: [UInt64]) {}
}

/// Block device with 512-byte sectors; a transfer takes ``latency`` ticks and then touches storage.
public final class ToyDisk: Device {
  public let name = "disk"
  /// Bytes in a sector.
  public static let sectorSize = 512
  /// Ticks of virtual time from command to completion.
  public static let latency: UInt64 = 200

  /// Contents, a whole number of sectors.
  public private(set) var contents: [UInt8]
  private var sector: UInt64 = 0
  private var address: UInt64 = 0
  private var command: UInt64 = 0
  private var status: UInt64 = 0
  private var interrupts = false
  private var due: UInt64?
  /// Sectors written so far; those that can still be taken back are in `undo`.
  private var writes: UInt64 = 0
  private var undo: [(sector: Int, old: [UInt8])] = []

  /// A disk with these contents, filled up with zeros to whole sectors.
  public init(contents: [UInt8]) {
    let sectors = (contents.count + Self.sectorSize - 1) / Self.sectorSize
    self.contents =
      contents + [UInt8](repeating: 0, count: sectors * Self.sectorSize - contents.count)
  }

  /// How many sectors.
  public var sectorCount: Int { contents.count / Self.sectorSize }

  public var deadline: UInt64? { due }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    switch offset + ToyPort.diskSector {
    case ToyPort.diskSector: sector
    case ToyPort.diskAddress: address
    case ToyPort.diskCommand: command
    case ToyPort.diskStatus: status
    default: UInt64(sectorCount)
    }
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    switch offset + ToyPort.diskSector {
    case ToyPort.diskStatus: interrupts = value & 1 != 0
    case ToyPort.diskSector where due == nil: sector = value
    case ToyPort.diskAddress where due == nil: address = value
    case ToyPort.diskCommand where due == nil:
      command = value
      status = 1
      due = platform.now &+ Self.latency
    default: break  // A busy disk keeps its orders.
    }
  }

  public func tick(on platform: Platform) {
    due = nil
    status = transfer(platform.memory) ? 2 : 3
    if interrupts { platform.raise(line: ToyPort.diskLine) }
  }

  private func transfer(_ memory: GuestMemory) -> Bool {
    guard sector < UInt64(sectorCount), memory.contains(address, count: Self.sectorSize) else { return false }
    let range = Int(sector) * Self.sectorSize..<(Int(sector) + 1) * Self.sectorSize
    let place = Int(address)
    do {
      switch command {
      case 1: try memory.write(Array(contents[range]), at: place)
      case 2:
        undo.append((Int(sector), Array(contents[range])))
        writes &+= 1
        contents.replaceSubrange(range, with: try memory.read(place..<(place + Self.sectorSize)))
      default: return false
      }
    } catch {
      return false
    }
    return true
  }

  public func save() -> [UInt64] {
    [sector, address, command, status, interrupts ? 1 : 0, due == nil ? 0 : 1, due ?? 0, writes]
  }

  public func saveContents() -> [UInt8] { contents }

  public func restoreContents(_ contents: [UInt8]) -> Bool {
    guard contents.count == self.contents.count else { return false }
    self.contents = contents
    return true
  }

  public func restore(_ state: [UInt64]) {
    guard state.count == 8 else { return }
    sector = state[0]
    address = state[1]
    command = state[2]
    status = state[3]
    interrupts = state[4] != 0
    due = state[5] != 0 ? state[6] : nil
    while writes > state[7], let last = undo.popLast() {
      writes -= 1
      contents.replaceSubrange(
        last.sector * Self.sectorSize..<(last.sector + 1) * Self.sectorSize, with: last.old)
    }
    writes = state[7]
  }
}
