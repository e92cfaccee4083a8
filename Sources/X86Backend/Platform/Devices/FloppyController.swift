public import MachineCore

/// The Intel 82077AA floppy disk controller with one drive.
///
/// | offset | read | write |
/// |---|---|---|
/// | 2 | digital output | drive, reset, DMA, motors |
/// | 4 | main status | data rate, reset |
/// | 5 | result bytes | command bytes |
/// | 7 | disk change | data rate |
///
/// Data goes by DMA channel 2 at once; it drives interrupt line 6. Data sheet: Intel 82077AA, order number 290166.
public final class FloppyController: Device {
  public let name = "floppy"
  /// The disk in the drive.
  public let image: DiskImage
  /// Cylinders, heads, sectors a track.
  public let geometry: (cylinders: Int, heads: Int, sectors: Int)
  private let dma: DMAController
  private let line: Int

  private var output: UInt8 = 0x0C
  private var rate: UInt8 = 0
  private var cylinder = 0
  private var parameters: [UInt8] = []
  private var results: [UInt8] = []
  /// Interrupts that SENSE INTERRUPT STATUS tells of: four after a reset, one after a seek.
  private var sense: [UInt8] = []
  private var isChanged = true
  private var level = false

  /// Formats by size, as PCs have them.
  private static let formats: [Int: (Int, Int, Int)] = [
    163_840: (40, 1, 8), 184_320: (40, 1, 9), 327_680: (40, 2, 8), 368_640: (40, 2, 9), 737_280: (80, 2, 9),
    1_228_800: (80, 2, 15), 1_474_560: (80, 2, 18), 2_949_120: (80, 2, 36),
  ]

  /// The commonest size of a disk, 1.44 MB.
  public static let commonSize = 1_474_560

  /// The geometry of an image of this size, if floppy disks have it.
  public static func geometry(ofSize size: Int) -> (cylinders: Int, heads: Int, sectors: Int)? {
    formats[size].map { (cylinders: $0.0, heads: $0.1, sectors: $0.2) }
  }

  /// A controller with a disk; one of no known format counts as 1.44 MB.
  public init(image: DiskImage, size: Int, dma: DMAController, line: Int = 6) {
    self.image = image
    self.dma = dma
    self.line = line
    geometry = Self.geometry(ofSize: size) ?? (80, 2, 18)
  }

  private func interrupt(_ isRequested: Bool, _ platform: Platform) {
    level = isRequested
    platform.setLine(line, level && output & 8 != 0)
  }

  // MARK: Registers

  public func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 {
    switch offset {
    case 2: return UInt64(output)
    case 4:
      guard output & 4 != 0 else { return 0 }
      // Ready; towards the processor while there are results; busy within a command.
      return 0x80 | (results.isEmpty ? 0 : 0x50) | (parameters.isEmpty ? 0 : 0x10)
    case 5:
      guard !results.isEmpty else { return 0 }
      interrupt(false, platform)
      return UInt64(results.removeFirst())
    case 7: return isChanged ? 0x80 : 0
    default: return 0xFF
    }
  }

  public func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) {
    let byte = UInt8(truncatingIfNeeded: value)
    switch offset {
    case 2:
      let leavesReset = output & 4 == 0 && byte & 4 != 0
      output = byte
      if byte & 4 == 0 { clear(platform) }
      if leavesReset { finishReset(platform) }
      platform.setLine(line, level && output & 8 != 0)
    case 4:
      rate = byte & 3
      if byte & 0x80 != 0 {
        clear(platform)
        finishReset(platform)
      }
    case 5:
      guard output & 4 != 0, results.isEmpty else { return }
      parameters.append(byte)
      if parameters.count >= Self.length(parameters[0]) { execute(platform) }
    case 7: rate = byte & 3
    default: break
    }
  }

  private func clear(_ platform: Platform) {
    parameters = []
    results = []
    sense = []
    interrupt(false, platform)
  }

  private func finishReset(_ platform: Platform) {
    // Polling finds every drive's ready line changed.
    sense = [0xC0, 0xC1, 0xC2, 0xC3]
    interrupt(true, platform)
  }

  /// Bytes of a command with its parameters.
  private static func length(_ command: UInt8) -> Int {
    switch command & 0x1F {
    case 0x02, 0x05, 0x06, 0x09, 0x0C, 0x11, 0x16, 0x19, 0x1D: 9
    case 0x0D: 6
    case 0x13: 4
    case 0x03, 0x0F: 3
    case 0x04, 0x07, 0x0A, 0x12: 2
    default: 1
    }
  }

  // MARK: Commands

  private func execute(_ platform: Platform) {
    let command = parameters
    parameters = []
    let drive = command.count > 1 ? command[1] & 3 : 0
    switch command[0] & 0x1F {
    case 0x03: break  // Specify: step rate and head times mean nothing here.
    case 0x04:
      let track0: UInt8 = cylinder == 0 ? 0x10 : 0
      results = [drive | command[1] & 4 | 0x28 | track0]
    case 0x05, 0x06: transfer(command, writes: command[0] & 0x1F == 0x05, platform)
    case 0x07: seek(drive, to: 0, platform)
    case 0x08:
      interrupt(false, platform)
      results = sense.isEmpty ? [0x80] : [sense.removeFirst(), UInt8(cylinder)]
    case 0x0A: finish(drive | command[1] & 4, at: (cylinder, Int(command[1] >> 2 & 1), 1), platform)
    case 0x0D: format(command, platform)
    case 0x0E:
      results = [UInt8(cylinder), 0, 0, 0, 0, 0, UInt8(geometry.sectors), 0, 0, 0]
    case 0x0F: seek(drive, to: Int(command[2]), platform)
    case 0x10: results = [0x90]
    case 0x12, 0x13: break  // Perpendicular mode, configure.
    case 0x14: results = [(command[0] & 0x80) >> 3]
    default: results = [0x80]
    }
  }

  private func seek(_ drive: UInt8, to new: Int, _ platform: Platform) {
    guard drive == 0 else {
      // There is no drive: it never becomes ready.
      sense = [0x68 | drive]
      return interrupt(true, platform)
    }
    cylinder = min(new, 84)
    isChanged = false
    sense = [0x20]
    interrupt(true, platform)
  }

  private func finish(
    _ status: UInt8, _ status1: UInt8 = 0, _ status2: UInt8 = 0, at place: (Int, Int, Int),
    _ platform: Platform
  ) {
    results = [status, status1, status2, UInt8(place.0 & 0xFF), UInt8(place.1), UInt8(place.2 & 0xFF), 2]
    interrupt(true, platform)
  }

  private func number(_ cylinder: Int, _ head: Int, _ sector: Int) -> Int? {
    guard cylinder < geometry.cylinders, head < geometry.heads, (1...geometry.sectors).contains(sector) else {
      return nil
    }
    return (cylinder * geometry.heads + head) * geometry.sectors + sector - 1
  }

  /// Reads or writes sectors until the DMA channel has what it wants.
  private func transfer(_ command: [UInt8], writes: Bool, _ platform: Platform) {
    let select = command[1] & 7
    var (at, head, sector) = (Int(command[2]), Int(command[3] & 1), Int(command[4]))
    let last = Int(command[6])
    guard select & 3 == 0, at == cylinder, number(at, head, sector) != nil, command[5] == 2 else {
      // No such sector: end of search, abnormal.
      return finish(0x40 | select, 0x04, at: (at, head, sector), platform)
    }
    while let place = number(at, head, sector) {
      let isLast: Bool
      if writes {
        let (bytes, end) = dma.read(DiskImage.sectorSize, channel: 2, on: platform)
        if !bytes.isEmpty {
          image.write(place, bytes + [UInt8](repeating: 0, count: DiskImage.sectorSize - bytes.count))
        }
        isLast = end || bytes.isEmpty
      } else {
        let (moved, end) = dma.write(image.read(place), channel: 2, on: platform)
        isLast = end || moved == 0
      }
      sector += 1
      if sector > max(last, 1) || sector > geometry.sectors {
        sector = 1
        // With the multi-track bit it goes on on the other side.
        if command[0] & 0x80 != 0, head == 0 { head = 1 } else { (at, head) = (at + 1, head & ~1) }
      }
      if isLast { return finish(select, at: (at, head, sector), platform) }
      if at != cylinder { break }
    }
    // The end of the cylinder came before the channel's end.
    finish(0x40 | select, 0x80, at: (at, head, sector), platform)
  }

  /// Fills a track; the identifications that the guest sends have to be those of the drive's format.
  private func format(_ command: [UInt8], _ platform: Platform) {
    let head = Int(command[1] >> 2 & 1)
    _ = dma.read(Int(command[3]) * 4, channel: 2, on: platform)
    for sector in 1...geometry.sectors {
      if let place = number(cylinder, head, sector) {
        image.write(place, [UInt8](repeating: command[5], count: DiskImage.sectorSize))
      }
    }
    finish(command[1] & 7, at: (cylinder, head, 1), platform)
  }

  // MARK: State

  public func save() -> [UInt64] {
    let lists = [parameters, results, sense]
    return [UInt64(output), UInt64(rate), UInt64(cylinder), isChanged ? 1 : 0, level ? 1 : 0]
      + lists.flatMap { [UInt64($0.count)] + $0.map(UInt64.init) } + image.words
  }

  public func restore(_ state: [UInt64]) {
    guard state.count >= 8 else { return }
    output = UInt8(truncatingIfNeeded: state[0])
    rate = UInt8(truncatingIfNeeded: state[1])
    cylinder = min(Int(clamping: state[2]), 84)
    isChanged = state[3] != 0
    level = state[4] != 0
    var rest = state.dropFirst(5)
    func list() -> [UInt8] {
      let count = min(Int(clamping: rest.popFirst() ?? 0), 16)
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count).map { UInt8(truncatingIfNeeded: $0) }
    }
    (parameters, results, sense) = (list(), list(), list())
    image.restore(rest)
  }
}
