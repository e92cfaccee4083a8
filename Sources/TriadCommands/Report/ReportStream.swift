import MachineCore
import Trace

/// Addresses and instructions that traces of one program have in common, each with its texts once.
final class ReportSites {
  /// One of them as the page gets it.
  struct Site: Encodable {
    var pc: String
    var bytes: String?
    var text: String?
    var place: String?
    /// The source line's text.
    var source: String?
    /// The instruction's name in the classes.
    var name: String?
  }

  private struct Key: Hashable {
    var pc: UInt64
    var bytes: InstructionBytes
    var base: UInt64?
  }

  private(set) var sites: [Site] = []
  private var numbers: [Key: Int] = [:]
  private let disassemble: (TraceRecord) -> String?
  private let classify: (TraceRecord) -> String?
  private let places: ReportPlaces

  init(
    disassemble: @escaping (TraceRecord) -> String?, classify: @escaping (TraceRecord) -> String?,
    places: ReportPlaces
  ) {
    self.disassemble = disassemble
    self.classify = classify
    self.places = places
  }

  /// The number of a record's place and instruction.
  func number(of record: TraceRecord, base: UInt64?) -> Int {
    let key = Key(pc: record.pc, bytes: record.bytes, base: base)
    if let known = numbers[key] { return known }
    let hasBytes = record.bytes.count > 0
    numbers[key] = sites.count
    let place = places.place(of: record, base: base)
    sites.append(
      Site(
        pc: hex(record.pc), bytes: hasBytes ? hexString(record.bytes.array) : nil,
        text: hasBytes ? disassemble(record) : nil, place: place.name, source: place.source,
        name: hasBytes ? classify(record) : nil))
    return sites.count - 1
  }
}

/// Packs a trace for the page.
///
/// Numbers are variable-length, seven bits a byte, the lowest first; signed ones have their sign in the lowest bit. An event
/// is a byte with its kind (bits 0–5) and whether it has effects (bit 6), a byte of flags as in the trace, the signed distance of
/// its clock from the last one (not for `retire`, where it is 1), the signed distance of its site from the one after the last, and, but for
/// `retire`, code, address, value and aux. Effects are counted; each is a byte (0 register, 1 read, 2 write; size times 4),
/// register or address, and value. Kind 60 stands for instructions that were left out, with all registers that they changed.
struct ReportStream {
  /// Kind of the event that stands for what was left out.
  static let gap: UInt8 = 60

  /// The most events that are kept.
  let budget: Int
  /// Where instructions are kept even when others no longer are.
  let window: ClosedRange<UInt64>?

  private(set) var bytes: [UInt8] = []
  private(set) var events = 0
  private(set) var effects = 0
  /// The clock up to which every instruction is there; `nil` when all are.
  private(set) var complete: UInt64?
  private(set) var end: UInt64 = 0
  /// What was left out, by counts.
  private(set) var overview = ReportOverview()

  private let sites: ReportSites
  private var head: TraceRecord?
  private var pending: [TraceRecord] = []
  private var clock: UInt64 = 0
  private var site = -1
  /// Registers that instructions changed which were left out.
  private var missed: [UInt32: UInt64] = [:]
  private var hasGap = false
  private var relocation: ReportRelocation

  init(
    _ sites: ReportSites, budget: Int, window: ClosedRange<UInt64>?, relocation: ReportRelocation
  ) {
    self.sites = sites
    self.relocation = relocation
    self.budget = budget
    self.window = window
  }

  mutating func append(_ record: TraceRecord) {
    guard let kind = record.eventKind else { return }
    if kind.isEffect {
      pending.append(record)
      return
    }
    flush()
    head = kind == .host || kind == .end || kind == .digest ? nil : record
  }

  mutating func finish() { flush() }

  private mutating func flush() {
    defer {
      for effect in pending { relocation.take(effect) }
      pending.removeAll(keepingCapacity: true)
      head = nil
    }
    guard let head else { return }
    end = max(end, head.clock)
    let isRetire = head.kind == EventKind.retire.rawValue
    let isWanted = events < budget || window?.contains(head.clock) == true
    // The end is always worth its place.
    guard isWanted || head.kind == EventKind.final.rawValue else {
      if complete == nil { complete = clock }
      hasGap = true
      overview.count(head)
      for effect in pending where effect.kind == EventKind.registerWrite.rawValue {
        missed[effect.code] = effect.value
      }
      return
    }
    if hasGap { writeGap(before: head) }
    begin(head.kind, head.flags, hasEffects: !pending.isEmpty)
    if !isRetire { signed(Int64(bitPattern: head.clock &- clock)) }
    clock = isRetire ? clock &+ 1 : head.clock
    let number = sites.number(of: head, base: relocation.offset)
    signed(Int64(number - site - 1))
    site = number
    if !isRetire {
      for field in [UInt64(head.code), head.address, head.value, head.aux] { unsigned(field) }
    }
    if !pending.isEmpty { write(pending) }
    events += 1
  }

  private mutating func begin(_ kind: UInt8, _ flags: UInt8, hasEffects: Bool) {
    bytes.append(kind & 63 | (hasEffects ? 64 : 0))
    bytes.append(flags)
  }

  /// An event with the registers as they are after what was left out.
  private mutating func writeGap(before next: TraceRecord) {
    let isRetire = next.kind == EventKind.retire.rawValue
    let now = isRetire ? next.clock &- 1 : next.clock
    begin(Self.gap, next.mode, hasEffects: !missed.isEmpty)
    signed(Int64(bitPattern: now &- clock))
    clock = now
    signed(-1)
    for _ in 0..<4 { unsigned(0) }
    if !missed.isEmpty {
      write(
        missed.sorted { $0.key < $1.key }.map { TraceRecord(.registerWrite, code: $0.key, value: $0.value) })
    }
    missed.removeAll()
    hasGap = false
    events += 1
  }

  private mutating func write(_ list: [TraceRecord]) {
    unsigned(UInt64(list.count))
    for effect in list {
      switch effect.eventKind {
      case .memoryRead, .memoryWrite:
        bytes.append((effect.eventKind == .memoryRead ? 1 : 2) | UInt8(min(effect.aux, 63)) << 2)
        unsigned(effect.address)
      default:
        bytes.append(0)
        unsigned(UInt64(effect.code))
      }
      unsigned(effect.value)
    }
    effects += list.count
  }

  private mutating func unsigned(_ value: UInt64) {
    var rest = value
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  private mutating func signed(_ value: Int64) {
    unsigned(UInt64(bitPattern: value << 1 ^ value >> 63))
  }
}
