import Trace

/// Counts of what has no room on the page one by one: events by kind and cause, in buckets of the clock.
struct ReportOverview: Encodable {
  struct Row: Encodable {
    var kind: UInt8
    var code: UInt32
    var counts: [UInt32]
  }

  /// More buckets than this are joined in pairs.
  private static let most = 2_048

  /// Instructions in a bucket; a power of two.
  private(set) var width: UInt64 = 256
  /// Clock of the first bucket.
  private(set) var start: UInt64 = 0
  private(set) var end: UInt64 = 0
  /// Instructions that were counted, by bucket, and those of them in user mode.
  private(set) var instructions: [UInt32] = []
  private(set) var user: [UInt32] = []
  private(set) var rows: [Row] = []

  var isEmpty: Bool { instructions.isEmpty }

  mutating func count(_ head: TraceRecord) {
    if isEmpty { start = head.clock }
    end = max(end, head.clock)
    let place = bucket(head.clock)
    if head.kind == EventKind.retire.rawValue {
      instructions[place] &+= 1
      if head.mode != 0 { user[place] &+= 1 }
      return
    }
    // Ports are many, and a lane has one row for all of them.
    let code = head.kind == EventKind.device.rawValue ? 0 : head.code
    var number = rows.firstIndex { $0.kind == head.kind && $0.code == code }
    if number == nil, rows.count < 128 {
      number = rows.count
      rows.append(Row(kind: head.kind, code: code, counts: []))
    }
    guard let number else { return }
    let missing = place + 1 - rows[number].counts.count
    if missing > 0 { rows[number].counts += [UInt32](repeating: 0, count: missing) }
    rows[number].counts[place] &+= 1
  }

  /// The number of a clock's bucket; makes it, if there is none.
  private mutating func bucket(_ clock: UInt64) -> Int {
    let distance = clock > start ? clock - start : 0
    while distance / width >= UInt64(Self.most) { double() }
    let place = Int(distance / width)
    if place >= instructions.count {
      let missing = place + 1 - instructions.count
      instructions += [UInt32](repeating: 0, count: missing)
      user += [UInt32](repeating: 0, count: missing)
    }
    return place
  }

  private mutating func double() {
    func joined(_ counts: [UInt32]) -> [UInt32] {
      stride(from: 0, to: counts.count, by: 2).map {
        counts[$0] &+ ($0 + 1 < counts.count ? counts[$0 + 1] : 0)
      }
    }
    width *= 2
    instructions = joined(instructions)
    user = joined(user)
    for number in rows.indices { rows[number].counts = joined(rows[number].counts) }
  }
}
