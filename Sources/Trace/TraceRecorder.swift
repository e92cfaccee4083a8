/// Where an engine puts its records.
///
/// Engines append to a raw buffer, about a nanosecond a record; when the buffer is full, the
/// whole batch goes to `drain`. So no engine is generic over its sink, and none calls an
/// existential per instruction. With no recorder at all an engine runs its untraced loop.
///
/// A recorder belongs to one thread.
public final class TraceRecorder {
  /// What the engine is asked to record.
  public let level: TraceLevel
  /// First error that `drain` threw; once set, records are dropped and engines should stop.
  public private(set) var failure: (any Error)?
  /// How many records have gone through, drained or not.
  @inlinable public var count: UInt64 { drained + UInt64(used) }

  @usableFromInline let buffer: UnsafeMutablePointer<TraceRecord>
  @usableFromInline let capacity: Int
  @usableFromInline var used = 0
  @usableFromInline var drained: UInt64 = 0
  private let drain: (UnsafeBufferPointer<TraceRecord>) throws -> Void

  /// A recorder that hands over batches of at most `capacity` records.
  ///
  /// - Parameters:
  ///   - level: what engines should record.
  ///   - capacity: records in a batch.
  ///   - drain: takes a batch; the pointer is valid during the call only.
  public init(
    level: TraceLevel, capacity: Int = 4096,
    drain: @escaping (UnsafeBufferPointer<TraceRecord>) throws -> Void
  ) {
    self.level = level
    self.capacity = max(capacity, 1)
    self.drain = drain
    buffer = .allocate(capacity: self.capacity)
  }

  deinit { buffer.deallocate() }

  /// Adds a record at the end of the trace.
  @inlinable public func append(_ record: TraceRecord) {
    if used == capacity { flush() }
    // SAFETY: `used` < `capacity` after the flush, and the buffer holds `capacity` records.
    (buffer + used).initialize(to: record)
    used += 1
  }

  /// Hands all buffered records over.
  @inline(never)
  public func flush() {
    let count = used
    used = 0
    guard count > 0 else { return }
    drained += UInt64(count)
    guard failure == nil else { return }
    do {
      try drain(UnsafeBufferPointer(start: buffer, count: count))
    } catch {
      failure = error
    }
  }
}

/// A whole trace in memory; for tests, small comparisons and tools.
public struct TraceLog: Sendable {
  /// What was run, and how to read the records.
  public var header: TraceHeader
  /// Every record in order, without the end record.
  public var records: [TraceRecord]

  /// A trace of these records.
  public init(header: TraceHeader, records: [TraceRecord] = []) {
    self.header = header
    self.records = records
  }
}
