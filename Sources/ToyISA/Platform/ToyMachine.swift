public import MachineCore
internal import Trace

/// What a toy machine is made of, and how to make its platform.
public struct ToyMachine: Sendable, Equatable {
  /// Storage in bytes, a multiple of 4096.
  public var memorySize: Int
  /// All the console input there will be.
  public var input: [UInt8]
  /// Contents of the disk.
  public var disk: [UInt8]

  /// Storage unless told otherwise: 1 MiB.
  public static let defaultMemorySize = 1 << 20
  /// Disk unless told otherwise: 64 sectors of zeros.
  public static let defaultDisk = [UInt8](repeating: 0, count: 64 * ToyDisk.sectorSize)

  /// A machine.
  public init(
    memorySize: Int = defaultMemorySize, input: [UInt8] = [], disk: [UInt8] = defaultDisk
  ) {
    self.memorySize = memorySize
    self.input = input
    self.disk = disk
  }

  /// The platform, on fresh storage or on a given window of some.
  ///
  /// - Throws: ``MachineError`` when the storage cannot be had.
  public func makePlatform(on memory: GuestMemory? = nil) throws(MachineError) -> Platform {
    let storage: GuestMemory
    if let memory { storage = memory } else { storage = try GuestMemory(size: memorySize) }
    let platform = Platform(memory: storage)
    try platform.attach(ToyConsole(input: input), .port, at: 0x00..<0x02)
    try platform.attach(ToyTimer(), .port, at: ToyPort.timer..<ToyPort.timer + 3)
    try platform.attach(ToyDisk(contents: disk), .port, at: ToyPort.diskSector..<ToyPort.diskSector + 5)
    try platform.attach(ToyPower(), .port, at: ToyPort.power..<ToyPort.power + 1)
    return platform
  }

  /// Digest of the configuration, for trace headers.
  public var digest: UInt64 {
    var digest = Digest()
    digest.add(word: UInt64(memorySize))
    digest.add(input)
    digest.add(disk)
    return digest.value
  }
}
