package import Trace

/// What a lab's frame recorded about a VMM beside what its guest saw.
package struct MonitorReport: Equatable {
  /// What of one hardware is of interest, level 0 being the bare machine.
  package struct Level: Equatable {
    /// Times that a guest was given the hardware.
    package var entries = 0
    /// Times that a trap gave it back.
    package var traps = 0
    /// First real PSW in supervisor mode or with paging, as the guest's clock.
    package var notUser: UInt64?
    /// First real PSW that leaves the region: the guest's clock, base and bound.
    package var outside: (clock: UInt64, base: UInt64, bound: UInt64)?
    /// The longest slice that was given.
    package var longestSlice: UInt64 = 0

    package static func == (a: Level, b: Level) -> Bool {
      a.entries == b.entries && a.traps == b.traps && a.notUser == b.notUser
        && a.longestSlice == b.longestSlice
        && a.outside.map { [$0.clock, $0.base, $0.bound] }
          == b.outside.map { [$0.clock, $0.base, $0.bound] }
    }
  }

  package var levels: [Level]
  /// Instructions that ran directly on the bare machine.
  package var direct: UInt64 = 0
  /// Instructions that the VMM carried out itself.
  package var emulated: UInt64 = 0
  /// Traps that the guest's supervisor got.
  package var reflected: UInt64 = 0
  /// Times that a hybrid VMM was asked to interpret.
  package var stretches: UInt64 = 0
  /// Instructions that ran directly in virtual supervisor mode.
  package var directSupervisor: UInt64 = 0
  /// Digest of the storage around the guest, at the end.
  package var outside: UInt64?
  /// Whether something was read from behind the end of a level's storage.
  package var readOutside = false
  /// Digest of the guest's storage as the VMM sees it, and as it is.
  package var fromAbove: UInt64?
  package var storage: UInt64?

  private let layout: MonitorLayout
  private var entered: TraceRecord?

  /// An empty report about a machine of this layout.
  package init(_ layout: MonitorLayout) {
    self.layout = layout
    levels = Array(repeating: Level(), count: layout.regions.count)
  }

  /// Takes the next record of the trace into account.
  package mutating func add(_ record: TraceRecord) {
    switch record.eventKind {
    case .schedule: enter(record)
    case .exit:
      let level = Int(record.cpu)
      guard levels.indices.contains(level) else { return }
      if record.code != 0 { levels[level].traps += 1 }
      if level == 0, let entered { ran(record.clock, since: entered) }
    case .emulate: emulated += 1
    case .trap: reflected += 1
    case .host:
      switch record.code {
      case 1: outside = record.value
      case 2: if record.value != 0 { readOutside = true }
      case 3: fromAbove = record.value
      case 4: stretches = record.value
      default: break
      }
    case .final: storage = record.value
    default: break
    }
  }

  private mutating func enter(_ record: TraceRecord) {
    let level = Int(record.cpu)
    guard levels.indices.contains(level) else { return }
    levels[level].entries += 1
    levels[level].longestSlice = max(levels[level].longestSlice, record.aux)
    // Flags: 1 user mode, 4 paging.
    if record.code & 5 != 1 { levels[level].notUser = levels[level].notUser ?? record.clock }
    let region = layout.regions[level]
    let (base, bound) = (record.address, record.value)
    if bound != 0, base < UInt64(region.lowerBound) || base + bound > UInt64(region.upperBound) {
      levels[level].outside = levels[level].outside ?? (record.clock, base, bound)
    }
    if level == 0 { entered = record }
  }

  private mutating func ran(_ clock: UInt64, since start: TraceRecord) {
    entered = nil
    let count = clock &- start.clock
    // A count that runs backwards comes from no frame.
    guard count < 1 << 40 else { return }
    direct &+= count
    if start.mode == 0 { directSupervisor &+= count }
  }
}

/// Where a guest and its VMMs have their storage.
package struct MonitorLayout: Equatable {
  /// Bytes before and behind each level's guest, the lowest level first.
  package var sizes: [(before: Int, behind: Int)]
  /// Bytes of the guest's storage.
  package var guest: Int

  package static func == (a: MonitorLayout, b: MonitorLayout) -> Bool {
    a.text == b.text && a.guest == b.guest
  }

  /// Places by seed for a number of levels.
  package init(levels: Int, guest: Int, seed: UInt64) {
    var state = seed
    self.guest = guest
    sizes = (0..<max(levels, 1)).map { _ in
      // Small steps of a linear congruential generator are random enough for places.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (4096 * Int(1 + (state >> 40) % 6), 4096 * Int(1 + (state >> 50) % 3))
    }
  }

  /// As the frame's request has it.
  package var text: String { sizes.map { "\($0.before)+\($0.behind)" }.joined(separator: ",") }

  /// The region of each level's guest in that level's storage, the lowest level first.
  package var regions: [Range<Int>] {
    var result: [Range<Int>] = []
    var size = guest
    for (before, behind) in sizes.reversed() {
      result.insert(before..<before + size, at: 0)
      size += before + behind
    }
    return result
  }

  /// Digest of the storage around the guest as long as nobody changes it; the frame fills it by the same formula.
  package func digestOutside(seed: UInt64) -> UInt64 {
    let start = sizes.reduce(0) { $0 + $1.before }
    let total = sizes.reduce(guest) { $0 + $1.before + $1.behind }
    var digest = Digest()
    for address in stride(from: 0, to: total, by: 8) where address < start || address >= start + guest {
      let word = (seed ^ UInt64(address)) &* 0x9E37_79B9_7F4A_7C15
      digest.add(word: word ^ word >> 29)
    }
    return digest.value
  }
}
