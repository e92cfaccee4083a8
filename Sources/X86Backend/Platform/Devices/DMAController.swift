public import MachineCore

/// The two 8237A DMA controllers of a PC/AT with their page registers.
///
/// | offset | register |
/// |---|---|
/// | 0x00…0x0F | controller 1: channels 0 to 3, bytes |
/// | 0x10…0x2F | controller 2: channels 4 to 7, every second port |
/// | 0x30…0x3F | page registers, as from port 80h |
///
/// Transfers happen at once when a device asks for them; channel 4 is the cascade.
public final class DMAController: Device {
  public let name = "8237"

  private struct Channel {
    var baseAddress: UInt16 = 0
    var baseCount: UInt16 = 0
    var address: UInt16 = 0
    var count: UInt16 = 0
    var page: UInt8 = 0
    var mode: UInt8 = 0
    var isMasked = true
    var isDone = false
  }
  private var channels = [Channel](repeating: Channel(), count: 8)
  /// The byte that comes next of the registers of 16 bits, for each controller.
  private var takesHigh = [false, false]
  private var command: [UInt8] = [0, 0]
  private var pages = [UInt8](repeating: 0, count: 16)

  /// Controllers after reset.
  public init() {}

  /// Which channel a page register belongs to, by its offset.
  private static let pageChannels: [Int: Int] = [7: 0, 3: 1, 1: 2, 2: 3, 11: 5, 9: 6, 10: 7]

  // MARK: Transfers

  /// Moves bytes from a device to memory, as many as the channel is programmed for.
  ///
  /// - Returns: how many were moved, and whether that was all the channel wanted.
  func write(_ bytes: [UInt8], channel: Int, on platform: Platform) -> (moved: Int, isLast: Bool) {
    var part: [UInt8] = []
    let place = transfer(channel, bytes.count)
    part = Array(bytes.prefix(place.count))
    if !part.isEmpty { try? platform.memory.write(part, at: place.address) }
    return (part.count, place.isLast)
  }

  /// Moves bytes from memory to a device.
  func read(_ count: Int, channel: Int, on platform: Platform) -> (bytes: [UInt8], isLast: Bool) {
    let place = transfer(channel, count)
    let bytes = (try? platform.memory.read(place.address..<(place.address + place.count))) ?? []
    return (bytes, place.isLast)
  }

  /// Takes `most` bytes or what is left of the channel's count; channels of bytes only.
  private func transfer(_ number: Int, _ most: Int) -> (address: Int, count: Int, isLast: Bool) {
    let channel = channels[number]
    guard number < 4, !channel.isMasked, command[0] & 4 == 0 else { return (0, 0, true) }
    let left = Int(channel.count) + 1
    // The address counter has 16 bits: it never leaves its page of 64 KiB.
    let room = 0x1_0000 - Int(channel.address)
    let count = min(most, left, room)
    let address = Int(channel.page) << 16 | Int(channel.address)
    channels[number].address &+= UInt16(truncatingIfNeeded: count)
    channels[number].count = UInt16(truncatingIfNeeded: left - count - 1)
    guard count == left else { return (address, count, false) }
    channels[number].isDone = true
    if channel.mode & 0x10 != 0 {
      channels[number].address = channel.baseAddress
      channels[number].count = channel.baseCount
    } else {
      channels[number].isMasked = true
    }
    return (address, count, true)
  }

  // MARK: Registers

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    guard offset < 0x30 else { return UInt64(pages[Int(offset & 15)]) }
    let controller = offset < 0x10 ? 0 : 1
    let register = Int(controller == 0 ? offset : (offset - 0x10) / 2)
    switch register {
    case 0..<8:
      let channel = channels[controller * 4 + register / 2]
      let value = register & 1 == 0 ? channel.address : channel.count
      defer { takesHigh[controller].toggle() }
      return UInt64(takesHigh[controller] ? value >> 8 : value & 0xFF)
    case 8:
      // Terminal counts, which reading clears.
      var status: UInt64 = 0
      for number in 0..<4 where channels[controller * 4 + number].isDone {
        status |= 1 << UInt64(number)
        channels[controller * 4 + number].isDone = false
      }
      return status
    default: return 0
    }
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    let byte = UInt8(truncatingIfNeeded: value)
    guard offset < 0x30 else {
      pages[Int(offset & 15)] = byte
      if let channel = Self.pageChannels[Int(offset & 15)] { channels[channel].page = byte }
      return
    }
    let controller = offset < 0x10 ? 0 : 1
    let register = Int(controller == 0 ? offset : (offset - 0x10) / 2)
    let first = controller * 4
    let selected = first + Int(byte & 3)
    switch register {
    case 0..<8: writeCounter(first + register / 2, isCount: register & 1 != 0, controller, byte)
    case 8: command[controller] = byte
    case 10: channels[selected].isMasked = byte & 4 != 0
    case 11: channels[selected].mode = byte
    case 12: takesHigh[controller] = false
    case 13:
      takesHigh[controller] = false
      command[controller] = 0
      for number in first..<first + 4 {
        channels[number].isMasked = true
        channels[number].isDone = false
      }
    case 14: for number in first..<first + 4 { channels[number].isMasked = false }
    case 15: for number in 0..<4 { channels[first + number].isMasked = byte >> UInt8(number) & 1 != 0 }
    default: break
    }
  }

  private func writeCounter(_ number: Int, isCount: Bool, _ controller: Int, _ byte: UInt8) {
    func merged(_ old: UInt16) -> UInt16 {
      takesHigh[controller] ? old & 0xFF | UInt16(byte) << 8 : old & 0xFF00 | UInt16(byte)
    }
    if isCount {
      channels[number].baseCount = merged(channels[number].baseCount)
      channels[number].count = channels[number].baseCount
    } else {
      channels[number].baseAddress = merged(channels[number].baseAddress)
      channels[number].address = channels[number].baseAddress
    }
    takesHigh[controller].toggle()
  }

  public func save() -> [UInt64] {
    channels.flatMap { channel -> [UInt64] in
      [
        UInt64(channel.baseAddress), UInt64(channel.baseCount), UInt64(channel.address),
        UInt64(channel.count),
        UInt64(channel.page), UInt64(channel.mode), channel.isMasked ? 1 : 0, channel.isDone ? 1 : 0,
      ]
    } + takesHigh.map { $0 ? 1 : 0 } + command.map(UInt64.init) + pages.map(UInt64.init)
  }

  public func restore(_ state: [UInt64]) {
    guard state.count == 64 + 4 + 16 else { return }
    for number in 0..<8 {
      let words = Array(state[number * 8..<(number + 1) * 8])
      channels[number] = Channel(
        baseAddress: UInt16(truncatingIfNeeded: words[0]), baseCount: UInt16(truncatingIfNeeded: words[1]),
        address: UInt16(truncatingIfNeeded: words[2]), count: UInt16(truncatingIfNeeded: words[3]),
        page: UInt8(truncatingIfNeeded: words[4]), mode: UInt8(truncatingIfNeeded: words[5]),
        isMasked: words[6] != 0, isDone: words[7] != 0)
    }
    takesHigh = [state[64] != 0, state[65] != 0]
    command = [UInt8(truncatingIfNeeded: state[66]), UInt8(truncatingIfNeeded: state[67])]
    pages = state[68...].map { UInt8(truncatingIfNeeded: $0) }
  }
}
