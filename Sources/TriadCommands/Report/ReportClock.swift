import Trace

/// Gives events a place on the clock, in traces of engines that do not count instructions.
///
/// Device accesses come in the same order on all machines; the n-th has the clock of the reference's n-th, and what the
/// VMM did before it has the same. What comes after the last one that the reference has is at its end.
struct ReportClock {
  /// Where the reference's device accesses and its end are.
  struct Marks {
    var devices: [UInt64] = []
    /// `nil` when the reference's trace was cut before its end.
    var end: UInt64?
  }

  /// Of a trace with clocks, what others are placed by.
  private(set) var marks = Marks()
  private let knows: Bool
  private let reference: Marks
  private var waiting: [TraceRecord] = []
  private var next = 0
  private var last: UInt64 = 0

  init(knows: Bool, like reference: Marks) {
    self.knows = knows
    self.reference = reference
  }

  mutating func append(_ record: TraceRecord, _ emit: (TraceRecord) -> Void) {
    let isDevice = record.kind == EventKind.device.rawValue
    if knows {
      if isDevice { marks.devices.append(record.clock) }
      return emit(record)
    }
    waiting.append(record)
    guard isDevice, next < reference.devices.count else { return }
    last = max(last, reference.devices[next])
    next += 1
    place(emit)
  }

  /// The trace has ended.
  ///
  /// - Parameter end: its last clock; `nil` if it was cut before its end.
  mutating func finish(end: UInt64?, _ emit: (TraceRecord) -> Void) {
    marks.end = end
    guard !knows, let end = reference.end else { return }
    last = max(last, end)
    place(emit)
  }

  private mutating func place(_ emit: (TraceRecord) -> Void) {
    for var record in waiting {
      record.clock = last
      emit(record)
    }
    waiting.removeAll(keepingCapacity: true)
  }
}
