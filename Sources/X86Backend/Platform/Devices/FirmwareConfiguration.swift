public import MachineCore

/// The `fw_cfg` device that firmware for emulated PCs asks for memory size, processors and files.
///
/// | offset | register |
/// |---|---|
/// | 0 | selector, 16 bits, write only |
/// | 1 | data, a byte at a time |
///
/// Interface: QEMU's `docs/specs/fw_cfg`, without its DMA part.
public final class FirmwareConfiguration: Device {
  public let name = "fw_cfg"
  private let items: [UInt16: [UInt8]]
  private var selector: UInt16 = 0
  private var position = 0

  /// Numbers of the items.
  enum Item {
    static let signature: UInt16 = 0x00
    static let identification: UInt16 = 0x01
    static let memorySize: UInt16 = 0x03
    static let processors: UInt16 = 0x05
    static let bootMenu: UInt16 = 0x0E
    static let mostProcessors: UInt16 = 0x0F
    static let directory: UInt16 = 0x19
    static let firstFile: UInt16 = 0x20
  }

  /// - Parameter files: named contents, in the order of the directory.
  public init(memorySize: UInt64, files: [(name: String, contents: [UInt8])]) {
    func number(_ value: UInt64, _ width: Int) -> [UInt8] {
      (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    }
    var items: [UInt16: [UInt8]] = [
      Item.signature: Array("QEMU".utf8), Item.identification: number(1, 4),
      Item.memorySize: number(memorySize, 8), Item.processors: number(1, 2),
      Item.mostProcessors: number(1, 2), Item.bootMenu: number(0, 2),
    ]
    // The directory is big-endian: count, then size, selector, reserved and name of each file.
    var directory = Array(number(UInt64(files.count), 4).reversed())
    for (index, file) in files.enumerated() {
      let selector = Item.firstFile + UInt16(index)
      items[selector] = file.contents
      directory += number(UInt64(file.contents.count), 4).reversed()
      directory += number(UInt64(selector), 2).reversed() + [0, 0]
      let name = Array(file.name.utf8.prefix(55))
      directory += name + [UInt8](repeating: 0, count: 56 - name.count)
    }
    items[Item.directory] = directory
    self.items = items
  }

  /// The memory map as firmware reads it from the file `etc/e820`: all storage is usable.
  static func memoryMap(_ memorySize: UInt64) -> [UInt8] {
    let words: [UInt64] = [0, memorySize]
    return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } } + [
      1, 0, 0, 0,
    ]
  }

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    guard offset == 1 else { return 0 }
    let item = items[selector] ?? []
    guard position < item.count else { return 0 }
    position += 1
    return UInt64(item[position - 1])
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    guard offset == 0, width >= 2 else { return }
    selector = UInt16(truncatingIfNeeded: value)
    position = 0
  }

  public func save() -> [UInt64] { [UInt64(selector), UInt64(position)] }
  public func restore(_ state: [UInt64]) {
    guard state.count == 2 else { return }
    selector = UInt16(truncatingIfNeeded: state[0])
    position = Int(clamping: state[1])
  }
}
