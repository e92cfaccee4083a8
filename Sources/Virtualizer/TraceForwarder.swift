internal import Trace

/// Takes the hardware's records and hands them on as the guest's.
///
/// The hardware counts its own instructions and is in user mode always; the guest's trace has the
/// guest's count and its virtual mode.
final class TraceForwarder {
  /// Where the hardware records; the owner flushes it before it records something itself.
  let recorder: TraceRecorder
  /// Where the records end up.
  let target: TraceRecorder
  private let place: Place

  private final class Place {
    var offset: UInt64 = 0
    var mode: UInt8 = 0
  }

  init(to target: TraceRecorder) {
    let place = Place()
    self.target = target
    self.place = place
    recorder = TraceRecorder(level: .instructions, capacity: 1024) { batch throws in
      if let failure = target.failure { throw failure }
      for record in batch {
        var record = record
        record.clock &+= place.offset
        record.mode = place.mode
        target.append(record)
      }
    }
  }

  /// Sets what is added to the hardware's count, and the mode, for the records that follow.
  func begin(offset: UInt64, mode: UInt8) {
    place.offset = offset
    place.mode = mode
  }
}
