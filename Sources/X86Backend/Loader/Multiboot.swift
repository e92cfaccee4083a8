internal import MachineCore

/// A Multiboot header: what a kernel asks of its loader.
///
/// Specification: Multiboot, version 0.6.96, section 3.1.
struct MultibootHeader: Equatable {
  /// Where the image's bytes go when its own format does not tell ("a.out kludge").
  struct Placement: Equatable {
    var header: UInt32
    var load: UInt32
    var loadEnd: UInt32
    var bssEnd: UInt32
    var entry: UInt32
  }

  /// Offset in the file.
  var offset: Int
  var flags: UInt32
  var placement: Placement?

  static let magic: UInt32 = 0x1BAD_B002
  /// What a loaded kernel finds in EAX.
  static let loaderMagic: UInt64 = 0x2BAD_B002
  private static let searched = 8192

  /// The header in the first 8 KiB, if there is one.
  static func find(in bytes: [UInt8]) -> MultibootHeader? {
    let end = min(bytes.count, searched)
    var offset = 0
    while offset + 12 <= end {
      defer { offset += 4 }
      let flags = word(bytes, offset + 4)
      guard word(bytes, offset) == magic, magic &+ flags &+ word(bytes, offset + 8) == 0 else { continue }
      var header = MultibootHeader(offset: offset, flags: flags)
      if flags & 0x1_0000 != 0 {
        guard offset + 32 <= bytes.count else { continue }
        header.placement = Placement(
          header: word(bytes, offset + 12), load: word(bytes, offset + 16), loadEnd: word(bytes, offset + 20),
          bssEnd: word(bytes, offset + 24), entry: word(bytes, offset + 28))
      }
      return header
    }
    return nil
  }

  private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
  }

  /// The segment that the header's addresses describe.
  func segment(of bytes: [UInt8]) throws(LoaderError) -> LoadSegment? {
    guard let placement else { return nil }
    guard placement.load <= placement.header, UInt64(placement.header - placement.load) <= UInt64(offset)
    else {
      throw .badMultiboot("its load address lies above the header or before the file's first byte")
    }
    let start = offset - Int(placement.header - placement.load)
    let end: Int
    if placement.loadEnd == 0 {
      end = bytes.count
    } else {
      guard placement.loadEnd >= placement.load else { throw .badMultiboot("it ends before it begins") }
      end = start + Int(placement.loadEnd - placement.load)
      guard end <= bytes.count else {
        throw .truncated(what: "what the Multiboot header loads", needed: UInt64(end), size: bytes.count)
      }
    }
    let size = UInt64(end - start)
    var memorySize = size
    if placement.bssEnd != 0 {
      guard placement.bssEnd >= placement.load, UInt64(placement.bssEnd - placement.load) >= size else {
        throw .badMultiboot("its bss ends before its data")
      }
      memorySize = UInt64(placement.bssEnd - placement.load)
    }
    return LoadSegment(
      address: UInt64(placement.load), bytes: Array(bytes[start..<end]), memorySize: memorySize)
  }
}

/// A file that a loader puts in memory beside the kernel.
public struct BootModule: Sendable, Equatable {
  /// Name and parameters, as the kernel sees them.
  public var text: String
  /// Contents.
  public var bytes: [UInt8]

  /// A module.
  public init(text: String, bytes: [UInt8]) {
    self.text = text
    self.bytes = bytes
  }
}

/// Builds what a Multiboot kernel finds in memory.
enum MultibootInformation {
  /// The structure with all it points to, from ``X86Layout/bootInformation`` on, and the modules behind the
  /// kernel.
  ///
  /// - Parameter end: first address behind the kernel.
  static func segments(
    name: String, commandLine: String, modules: [BootModule], memorySize: Int, end: UInt64
  ) throws(LoaderError) -> [LoadSegment] {
    let base = X86Layout.bootInformation
    var header = [UInt8](repeating: 0, count: 116)
    var tail: [UInt8] = []
    func put(_ value: UInt64, _ at: Int) {
      for index in 0..<4 { header[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
    }
    func add(_ bytes: [UInt8]) -> UInt64 {
      while tail.count % 4 != 0 { tail.append(0) }
      let address = base + UInt64(header.count + tail.count)
      tail += bytes
      return address
    }
    func text(_ value: String) -> [UInt8] { Array(value.utf8.filter { $0 != 0 }) + [0] }
    func number(_ value: UInt64, _ width: Int) -> [UInt8] {
      (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
    // Memory sizes, command line, modules, memory map, name of the loader.
    put(1 | 4 | 8 | 0x40 | 0x200, 0)
    let size = UInt64(memorySize)
    put(X86Layout.lowMemoryTop / 1024, 4)
    put((size - X86Layout.highMemory) / 1024, 8)
    put(add(text(commandLine.isEmpty ? name : "\(name) \(commandLine)")), 16)
    var loaded: [LoadSegment] = []
    var next = (max(end, X86Layout.highMemory) + 4095) & ~4095
    var list: [UInt8] = []
    for module in modules {
      let segment = LoadSegment(address: next, bytes: module.bytes)
      loaded.append(segment)
      list += number(next, 4) + number(next + segment.memorySize, 4) + number(add(text(module.text)), 4)
      list += number(0, 4)
      next = (next + segment.memorySize + 4095) & ~4095
    }
    put(UInt64(modules.count), 20)
    put(add(list), 24)
    let entries = X86Layout.memoryMap(size).flatMap {
      number(20, 4) + number($0.start, 8) + number($0.size, 8) + number($0.type, 4)
    }
    put(UInt64(entries.count), 44)
    put(add(entries), 48)
    put(add(text("triad")), 64)
    guard base + UInt64(header.count + tail.count) <= X86Layout.lowMemoryTop else {
      throw .badMultiboot("command line and module names need more than the room for them")
    }
    return [LoadSegment(address: base, bytes: header + tail)] + loaded
  }
}
