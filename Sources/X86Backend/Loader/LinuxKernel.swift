internal import MachineCore

/// The setup header of a file in the form of the Linux/x86 boot protocol (bzImage); memtest86+ has it, too.
///
/// Documentation/arch/x86/boot.rst of the kernel's sources. Only the 32-bit entry is used: the kernel is entered in
/// protected mode with what firmware would have told its real-mode part.
struct LinuxHeader: Equatable {
  private static let place = 0x1F1
  private static let most = 0x290

  /// Version of the protocol, major in the high byte.
  var version: UInt16
  /// First byte of the part that runs in protected mode.
  var kernelOffset: Int
  /// Where that part goes, and begins.
  var address: UInt64
  /// Memory that it needs there before it has looked at the memory map.
  var memorySize: UInt64
  /// Most bytes of the command line, without the zero at its end.
  var commandLineSize: Int
  /// The header itself, as it goes into the parameters.
  var bytes: ArraySlice<UInt8>

  /// Whether the file has such a header.
  static func isPresent(in bytes: [UInt8]) -> Bool {
    bytes.count >= 0x208 && bytes[0x1FE] == 0x55 && bytes[0x1FF] == 0xAA
      && bytes[0x202..<0x206].elementsEqual("HdrS".utf8)
  }

  /// The header of a file that has one.
  init(_ file: [UInt8]) throws(LoaderError) {
    func number(_ at: Int, _ width: Int) -> UInt64 {
      guard at + width <= file.count else { return 0 }
      return (0..<width).reduce(0) { $0 | UInt64(file[at + $1]) << UInt64($1 * 8) }
    }
    version = UInt16(number(0x206, 2))
    guard version >= 0x202 else {
      throw .badLinux("its boot protocol \(version >> 8).\(version & 0xFF) is older than 2.2")
    }
    guard number(0x211, 1) & 1 != 0 else { throw .badLinux("it is a zImage, which is loaded below 1 MiB") }
    let sectors = number(Self.place, 1)
    kernelOffset = Int((sectors == 0 ? 4 : sectors) + 1) * 512
    let end = min(0x202 + Int(number(0x201, 1)), Self.most)
    guard end >= 0x22C, end <= file.count, kernelOffset < file.count else {
      throw .truncated(
        what: "the kernel behind the setup", needed: UInt64(max(end, kernelOffset + 1)), size: file.count)
    }
    bytes = file[Self.place..<end]
    let size = UInt64(file.count - kernelOffset)
    address = version >= 0x20A ? number(0x258, 8) : X86Layout.highMemory
    memorySize = max(version >= 0x20A ? number(0x260, 4) : 0, size)
    commandLineSize = version >= 0x206 ? Int(number(0x238, 4)) : 255
    guard address >= X86Layout.highMemory, address <= 0xFFFF_FFFF else {
      throw .badLinux("it wants to lie at \(hex(address))")
    }
  }
}

/// Builds what a kernel finds in memory and in registers when it is entered by its 32-bit entry.
enum LinuxParameters {
  private static let page = X86Layout.bootInformation
  private static let commandLine = page + 0x1000
  private static let table = page + 0x3000

  /// The segments: parameters, command line, descriptor table, kernel, initial file system.
  static func segments(
    _ header: LinuxHeader, file: [UInt8], commandLine text: String, initialFiles: [UInt8]?, memorySize: Int
  ) throws(LoaderError) -> [LoadSegment] {
    let size = UInt64(memorySize)
    let kernel = LoadSegment(
      address: header.address, bytes: Array(file[header.kernelOffset...]), memorySize: header.memorySize)
    let line = Array(text.utf8.filter { $0 != 0 })
    guard line.count <= min(header.commandLineSize, 0x1FFF) else {
      throw .badLinux(
        "its command line takes \(min(header.commandLineSize, 0x1FFF)) bytes, and this one has \(line.count)")
    }
    var words = [UInt8](repeating: 0, count: 4096)
    func put(_ value: UInt64, _ at: Int, _ width: Int) {
      for index in 0..<width { words[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
    }
    words.replaceSubrange(0x1F1..<(0x1F1 + header.bytes.count), with: header.bytes)
    // The screen: colour text, 80 by 25, of a VGA.
    put(3, 6, 1)
    put(80, 7, 1)
    put(25, 14, 1)
    put(1, 15, 1)
    put(16, 16, 1)
    put((size - X86Layout.highMemory) / 1024, 0x1E0, 4)
    put((size - X86Layout.highMemory) / 1024 > 0xFFFF ? 0xFFFF : (size - X86Layout.highMemory) / 1024, 2, 2)
    let map = X86Layout.memoryMap(size)
    put(UInt64(map.count), 0x1E8, 1)
    for (index, entry) in map.enumerated() {
      put(entry.start, 0x2D0 + index * 20, 8)
      put(entry.size, 0x2D8 + index * 20, 8)
      put(entry.type, 0x2E0 + index * 20, 4)
    }
    // A loader without a number of its own.
    put(0xFF, 0x210, 1)
    put(header.address, 0x214, 4)
    put(commandLine, 0x228, 4)
    var result = [
      LoadSegment(address: page, bytes: words), LoadSegment(address: commandLine, bytes: line + [0]),
      LoadSegment(address: table, bytes: descriptors), kernel,
    ]
    if let initialFiles, !initialFiles.isEmpty {
      let room = UInt64(initialFiles.count)
      guard room < size else {
        throw .outsideMemory(index: 4, address: header.address, size: room, memory: memorySize)
      }
      let place = (size - room) & ~4095
      result[0].bytes.replaceSubrange(0x218..<0x220, with: number(place, 4) + number(room, 4))
      result.append(LoadSegment(address: place, bytes: initialFiles))
    }
    return result
  }

  private static func number(_ value: UInt64, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
  }

  /// Two null descriptors, then flat code at 10h and flat data at 18h, as the protocol asks.
  private static var descriptors: [UInt8] {
    [0, 0, 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF].flatMap { number($0, 8) }
  }

  /// Registers at the entry that differ from those of other 32-bit programs.
  static var registers: [X86Register: UInt64] {
    [
      .rsi: page, .gdtrBase: table, .gdtrLimit: 31, .cs: 0x10, .ds: 0x18, .es: 0x18, .ss: 0x18, .fs: 0x18,
      .gs: 0x18,
    ]
  }
}
