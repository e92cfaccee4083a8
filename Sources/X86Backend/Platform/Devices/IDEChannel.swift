public import MachineCore

/// An ATA channel with one disk on it, programmed I/O only.
///
/// | offset | register |
/// |---|---|
/// | 0…7 | command block: data, error/features, sector count, LBA low, mid, high, device, status/command |
/// | 8 | control block: alternate status, device control |
///
/// Standard: ATA/ATAPI-6 (T13 1410D). Commands complete at once; the channel drives interrupt line 14.
public final class IDEChannel: Device {
  public let name = "IDE"
  /// The disk.
  public let image: DiskImage
  private let line: Int

  private var features: UInt8 = 0
  // Each register remembers the byte written before, which 48-bit commands use.
  private var count: (now: UInt8, before: UInt8) = (1, 0)
  private var low: (now: UInt8, before: UInt8) = (1, 0)
  private var middle: (now: UInt8, before: UInt8) = (0, 0)
  private var high: (now: UInt8, before: UInt8) = (0, 0)
  private var device: UInt8 = 0
  private var control: UInt8 = 0
  private var status: UInt8 = Status.ready
  private var error: UInt8 = 1
  private var level = false

  private var buffer: [UInt8] = []
  private var position = 0
  private var isWriting = false
  private var sector = 0
  private var remaining = 0
  private var blockSize = 1
  private var multiple = 0

  private enum Status {
    static let ready: UInt8 = 0x50
    static let data: UInt8 = 0x08
    static let error: UInt8 = 0x01
  }
  private enum Failure {
    static let aborted: UInt8 = 0x04
    static let notFound: UInt8 = 0x10
  }

  /// Heads and sectors a track of the geometry that the disk tells; cylinders follow.
  private static let heads = 16
  private static let sectorsPerTrack = 63

  /// A channel with this disk as device 0.
  public init(image: DiskImage, line: Int = 14) {
    self.image = image
    self.line = line
  }

  private var isAbsent: Bool { device & 0x10 != 0 }

  // MARK: Registers

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    if offset == 0 { return readData(width, platform) }
    // Device 1 does not exist: device 0 answers for it, with a status of zero.
    switch offset {
    case 1: return UInt64(error)
    case 2: return UInt64(control & 0x80 != 0 ? count.before : count.now)
    case 3: return UInt64(control & 0x80 != 0 ? low.before : low.now)
    case 4: return UInt64(control & 0x80 != 0 ? middle.before : middle.now)
    case 5: return UInt64(control & 0x80 != 0 ? high.before : high.now)
    case 6: return UInt64(device)
    case 7:
      request(false, platform)
      return isAbsent ? 0 : UInt64(status)
    case 8: return isAbsent ? 0 : UInt64(status)
    default: return .max
    }
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    let byte = UInt8(truncatingIfNeeded: value)
    if (1...7).contains(offset) { control &= 0x7F }
    switch offset {
    case 0: writeData(value, width, platform)
    case 1: features = byte
    case 2: count = (byte, count.now)
    case 3: low = (byte, low.now)
    case 4: middle = (byte, middle.now)
    case 5: high = (byte, high.now)
    case 6: device = byte | 0xA0
    case 7:
      request(false, platform)
      if !isAbsent || byte == 0x90 { command(byte, platform) }
    case 8:
      if control & 4 != 0, byte & 4 == 0 { reset() }
      control = byte
      platform.setLine(line, level && control & 2 == 0)
    default: break
    }
  }

  private func request(_ isRequested: Bool, _ platform: Platform) {
    level = isRequested
    platform.setLine(line, level && control & 2 == 0)
  }

  private func reset() {
    setSignature()
    status = Status.ready
    error = 1
    buffer = []
    position = 0
    remaining = 0
    isWriting = false
  }

  private func setSignature() {
    count = (1, 0)
    low = (1, 0)
    middle = (0, 0)
    high = (0, 0)
    device = 0xA0
  }

  // MARK: Data

  private func readData(_ width: Int, _ platform: Platform) -> UInt64 {
    guard !isWriting, position < buffer.count else { return .max }
    var value: UInt64 = 0
    for index in 0..<min(width, 4) where position < buffer.count {
      value |= UInt64(buffer[position]) << UInt64(index * 8)
      position += 1
    }
    if position >= buffer.count { finishRead(platform) }
    return value
  }

  private func finishRead(_ platform: Platform) {
    guard remaining > 0 else {
      status = Status.ready
      return
    }
    fill()
    request(true, platform)
  }

  /// Puts the next block of sectors in the buffer.
  private func fill() {
    let number = min(blockSize, remaining)
    buffer = (0..<number).flatMap { image.read(sector + $0) }
    position = 0
    sector += number
    remaining -= number
    status = Status.ready | Status.data
  }

  private func writeData(_ value: UInt64, _ width: Int, _ platform: Platform) {
    guard isWriting, position < buffer.count else { return }
    for index in 0..<min(width, 4) where position < buffer.count {
      buffer[position] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
      position += 1
    }
    guard position >= buffer.count else { return }
    for start in stride(from: 0, to: buffer.count, by: DiskImage.sectorSize) {
      image.write(sector, Array(buffer[start..<(start + DiskImage.sectorSize)]))
      sector += 1
      remaining -= 1
    }
    if remaining > 0 {
      expectData()
    } else {
      isWriting = false
      buffer = []
      position = 0
      status = Status.ready
    }
    request(true, platform)
  }

  private func expectData() {
    buffer = [UInt8](repeating: 0, count: min(blockSize, remaining) * DiskImage.sectorSize)
    position = 0
    isWriting = true
    status = Status.ready | Status.data
  }

  // MARK: Commands

  private func command(_ byte: UInt8, _ platform: Platform) {
    error = 0
    status = Status.ready
    buffer = []
    position = 0
    remaining = 0
    isWriting = false
    switch byte {
    case 0x20, 0x21: transfer(writes: false, wide: false, block: 1, platform)
    case 0x24: transfer(writes: false, wide: true, block: 1, platform)
    case 0x29 where multiple > 0: transfer(writes: false, wide: true, block: multiple, platform)
    case 0xC4 where multiple > 0: transfer(writes: false, wide: false, block: multiple, platform)
    case 0x30, 0x31: transfer(writes: true, wide: false, block: 1, platform)
    case 0x34: transfer(writes: true, wide: true, block: 1, platform)
    case 0x39 where multiple > 0: transfer(writes: true, wide: true, block: multiple, platform)
    case 0xC5 where multiple > 0: transfer(writes: true, wide: false, block: multiple, platform)
    case 0x40, 0x41: verify(wide: false, platform)
    case 0x42: verify(wide: true, platform)
    case 0x90:
      setSignature()
      error = 1
      request(true, platform)
    case 0xC6:
      guard count.now <= 16, count.now & (count.now &- 1) == 0 else { return fail(Failure.aborted, platform) }
      multiple = Int(count.now)
      request(true, platform)
    case 0xE5:
      count.now = 0xFF
      request(true, platform)
    case 0xEC:
      buffer = identification
      blockSize = 1
      status = Status.ready | Status.data
      request(true, platform)
    // Recalibrate, seek, set parameters, idle, standby, flush, set features: nothing to do.
    case 0x10...0x1F, 0x70...0x7F, 0x91, 0xE0...0xE3, 0xE7, 0xEA, 0xEF: request(true, platform)
    default: fail(Failure.aborted, platform)
    }
  }

  private func fail(_ reason: UInt8, _ platform: Platform) {
    error = reason
    status = Status.ready | Status.error
    request(true, platform)
  }

  /// First sector and count of the registers; `nil` when they leave the disk.
  private func place(wide: Bool) -> (sector: Int, count: Int)? {
    let number: Int
    var first: Int
    if wide {
      let value = Int(count.before) << 8 | Int(count.now)
      number = value == 0 ? 65536 : value
      first = Int(low.now) | Int(middle.now) << 8 | Int(high.now) << 16
      first |= Int(low.before) << 24 | Int(middle.before) << 32 | Int(high.before) << 40
    } else {
      number = count.now == 0 ? 256 : Int(count.now)
      let head = Int(device & 15)
      if device & 0x40 != 0 {
        first = Int(low.now) | Int(middle.now) << 8 | Int(high.now) << 16 | head << 24
      } else {
        let cylinder = Int(middle.now) | Int(high.now) << 8
        guard low.now > 0 else { return nil }
        first = (cylinder * Self.heads + head) * Self.sectorsPerTrack + Int(low.now) - 1
      }
    }
    guard first <= image.sectorCount, number <= image.sectorCount - first else { return nil }
    return (first, number)
  }

  private func transfer(writes: Bool, wide: Bool, block: Int, _ platform: Platform) {
    guard !wide || device & 0x40 != 0, let place = place(wide: wide) else {
      return fail(Failure.notFound, platform)
    }
    sector = place.sector
    remaining = place.count
    blockSize = block
    if writes {
      // There is no interrupt before the first block of a write.
      expectData()
    } else {
      fill()
      request(true, platform)
    }
  }

  private func verify(wide: Bool, _ platform: Platform) {
    if place(wide: wide) == nil { fail(Failure.notFound, platform) } else { request(true, platform) }
  }

  /// What IDENTIFY DEVICE gives.
  private var identification: [UInt8] {
    var words = [UInt16](repeating: 0, count: 256)
    func text(_ value: String, _ first: Int, _ length: Int) {
      let bytes = Array(value.utf8) + [UInt8](repeating: 0x20, count: length)
      for index in 0..<length / 2 {
        words[first + index] = UInt16(bytes[2 * index]) << 8 | UInt16(bytes[2 * index + 1])
      }
    }
    let sectors = image.sectorCount
    let cylinders = min(sectors / (Self.heads * Self.sectorsPerTrack), 16383)
    words[0] = 0x0040
    words[1] = UInt16(cylinders)
    words[3] = UInt16(Self.heads)
    words[6] = UInt16(Self.sectorsPerTrack)
    text("TRIAD0000", 10, 20)
    text("1", 23, 8)
    text("Triad disk", 27, 40)
    words[47] = 0x8010
    words[49] = 0x0200
    words[53] = 0x0003
    words[54] = words[1]
    words[55] = words[3]
    words[56] = words[6]
    let current = cylinders * Self.heads * Self.sectorsPerTrack
    words[57] = UInt16(current & 0xFFFF)
    words[58] = UInt16(current >> 16)
    words[59] = multiple > 0 ? 0x100 | UInt16(multiple) : 0
    let small = min(sectors, 0x0FFF_FFFF)
    words[60] = UInt16(small & 0xFFFF)
    words[61] = UInt16(small >> 16)
    words[80] = 0x0078
    words[83] = 0x7400
    words[84] = 0x4000
    words[86] = 0x3400
    words[87] = 0x4000
    for index in 0..<4 { words[100 + index] = UInt16(truncatingIfNeeded: sectors >> (index * 16)) }
    return words.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
  }

  // MARK: State

  public func save() -> [UInt64] {
    let bytes: [UInt8] = [
      features, count.now, count.before, low.now, low.before, middle.now, middle.before, high.now,
      high.before,
      device, control, status, error, level ? 1 : 0, isWriting ? 1 : 0,
    ]
    return bytes.map(UInt64.init)
      + [UInt64(position), UInt64(sector), UInt64(remaining), UInt64(blockSize), UInt64(multiple)]
      + [UInt64(buffer.count)] + ByteWords.pack(buffer) + image.words
  }

  public func restore(_ state: [UInt64]) {
    guard state.count >= 22, state[20] <= 1 << 16 else { return }
    let bytes = state.prefix(15).map { UInt8(truncatingIfNeeded: $0) }
    features = bytes[0]
    count = (bytes[1], bytes[2])
    low = (bytes[3], bytes[4])
    middle = (bytes[5], bytes[6])
    high = (bytes[7], bytes[8])
    device = bytes[9]
    control = bytes[10]
    status = bytes[11]
    error = bytes[12]
    level = bytes[13] != 0
    isWriting = bytes[14] != 0
    sector = min(Int(clamping: state[16]), image.sectorCount)
    remaining = min(Int(clamping: state[17]), image.sectorCount - sector)
    blockSize = min(max(Int(clamping: state[18]), 1), 16)
    multiple = min(Int(clamping: state[19]), 16)
    let size = Int(state[20])
    let words = (size + 7) / 8
    guard state.count >= 21 + words else { return }
    buffer = Array(ByteWords.unpack(state[21..<(21 + words)]).prefix(size))
    position = min(Int(clamping: state[15]), buffer.count)
    image.restore(state[(21 + words)...])
  }
}
