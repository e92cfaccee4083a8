/// The two encodings of a trace.
public enum TraceEncoding: Sendable, Hashable, CaseIterable {
  /// JSON Lines: a header line, a line per event, an end line.
  case json
  /// A prelude, the header, and 64-byte records.
  case binary
}

/// Takes the bytes of a trace in order.
public protocol TraceOutput: AnyObject {
  /// Takes all of these bytes; the pointer is valid during the call only.
  func write(_ bytes: UnsafeRawBufferPointer) throws(TraceError)
  /// Makes everything written so far durable as far as the output can.
  func finish() throws(TraceError)
}

/// Gives the bytes of a trace in order.
public protocol TraceInput: AnyObject {
  /// Name for messages, usually the file's path.
  var name: String { get }
  /// Fills the front of `bytes`; returns how many bytes, 0 only at the end.
  func read(into bytes: UnsafeMutableRawBufferPointer) throws(TraceError) -> Int
}

/// Gives the records of a trace in order, without its end record.
public protocol TraceSource: AnyObject {
  /// What was run, and how to read the records.
  var header: TraceHeader { get }
  /// Whether the trace is there already and carries its own checks: a comparison reads it to its end.
  ///
  /// A source that makes its records while it is read would run on for nothing.
  var isStored: Bool { get }
  /// Fills the front of `batch`; returns how many records, 0 only at the end of a complete trace.
  func read(into batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int
}

extension TraceSource {
  /// Nothing to check behind the place where a comparison ends.
  public var isStored: Bool { false }
}

/// Keeps the bytes of a trace in memory.
public final class TraceBytesOutput: TraceOutput {
  /// Everything written so far.
  public private(set) var bytes: [UInt8] = []

  /// An empty output.
  public init() {}

  /// Appends the bytes.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(TraceError) {
    self.bytes.append(contentsOf: bytes)
  }

  /// Does nothing: memory needs no more.
  public func finish() throws(TraceError) {}
}

/// Reads a trace from memory.
public final class TraceBytesInput: TraceInput {
  /// Name for messages.
  public let name: String
  private let bytes: [UInt8]
  private let step: Int
  private var position = 0

  /// An input that gives these bytes, at most `step` at a time.
  public init(_ bytes: [UInt8], name: String = "", step: Int = .max) {
    self.bytes = bytes
    self.name = name
    self.step = max(step, 1)
  }

  /// Copies the next bytes.
  public func read(into target: UnsafeMutableRawBufferPointer) throws(TraceError) -> Int {
    let count = min(target.count, step, bytes.count - position)
    target.copyBytes(from: bytes[position..<position + count])
    position += count
    return count
  }
}

/// Gives the records of a ``TraceLog``.
public final class TraceLogSource: TraceSource {
  /// The log's header.
  public let header: TraceHeader
  private let records: [TraceRecord]
  private var position = 0

  /// A source that gives the log from its beginning.
  public init(_ log: TraceLog) {
    header = log.header
    records = log.records
  }

  /// Copies the next records.
  public func read(into batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int {
    let count = min(batch.count, records.count - position)
    for index in 0..<count { batch[index] = records[position + index] }
    position += count
    return count
  }
}
