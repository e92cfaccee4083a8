/// Writes a trace as it comes, in constant memory.
///
/// A writer belongs to one thread. A trace that was not finished has no end record, and every reader says so.
public final class TraceWriter {
  /// The header that was written.
  public let header: TraceHeader
  /// How the trace is encoded.
  public let encoding: TraceEncoding
  /// How many records were appended.
  public var count: UInt64 { check.count }
  /// Check sum of the records so far.
  public var checkSum: UInt64 { check.value }

  /// The longest header, in bytes of JSON.
  public static let longestHeader = 1 << 20

  private let output: any TraceOutput
  private var check = TraceCheck()
  private var events: EventWriter?
  private var failure: TraceError?
  private var isFinished = false

  /// Writes the header and waits for records.
  ///
  /// - Throws: ``TraceError`` when the output fails, or when the header is longer than ``longestHeader``.
  public init(_ header: TraceHeader, as encoding: TraceEncoding, to output: any TraceOutput)
    throws(TraceError)
  {
    self.header = header
    self.encoding = encoding
    self.output = output
    var text = Array(header.jsonText.utf8)
    guard text.count < Self.longestHeader else {
      throw TraceError(.misuse, "the header is longer than \(Self.longestHeader) bytes; shorten its names")
    }
    var bytes = ByteWriter(output)
    switch encoding {
    case .json:
      text.append(UInt8(ascii: "\n"))
    case .binary:
      let prelude = BinaryPrelude(headerLength: text.count, headerCheck: Digest.of(text))
      try bytes.long(prelude.bytes)
      while text.count % TraceRecord.size != 0 { text.append(UInt8(ascii: " ")) }
    }
    try bytes.long(text)
    try bytes.flush()
    if encoding == .json { events = EventWriter(bytes, names: Vocabularies(header)) }
  }

  /// Appends records in order.
  ///
  /// - Throws: ``TraceError`` when the output fails, or for kinds 0 and 255, which are the format's own.
  public func append(_ records: UnsafeBufferPointer<TraceRecord>) throws(TraceError) {
    guard !isFinished else { throw TraceError(.misuse, "a record after the end of the trace") }
    if let failure { throw failure }
    do throws(TraceError) {
      var check = check
      for record in records {
        guard record.kind &- 1 < 254 else {
          throw TraceError(
            .misuse, "record \(check.count) has kind \(record.kind), which a trace may not hold")
        }
        check.add(record)
      }
      self.check = check
      if encoding == .json {
        try events?.append(records)
      } else {
        var bytes = ByteWriter(output, capacity: TraceRecord.size)
        try bytes.records(records)
        try bytes.flush()
      }
    } catch {
      // A trace with a hole would look complete: nothing more is written.
      failure = error
      throw error
    }
  }

  /// Appends records in order.
  public func append(_ records: [TraceRecord]) throws(TraceError) {
    try records.withUnsafeBufferPointer { (buffer) throws(TraceError) in try append(buffer) }
  }

  /// Writes the end record and finishes the output.
  public func finish() throws(TraceError) {
    guard !isFinished else { return }
    if let failure { throw failure }
    let end = TraceRecord(.end, value: check.count, aux: check.value)
    isFinished = true
    if encoding == .json {
      try events?.finish(end)
    } else {
      var bytes = ByteWriter(output, capacity: TraceRecord.size)
      let records = [end]
      try records.withUnsafeBufferPointer { (buffer) throws(TraceError) in try bytes.records(buffer) }
      try bytes.flush()
    }
    try output.finish()
  }

  /// A recorder that writes here; flush it before ``finish()``.
  public func makeRecorder(capacity: Int = 4096) -> TraceRecorder {
    TraceRecorder(level: header.level, capacity: capacity) { try self.append($0) }
  }
}

/// The first 64 bytes of a binary trace.
struct BinaryPrelude {
  static let magic = Array("TRIADTRC".utf8)
  /// Reads as this number only in the byte order of the format.
  static let byteOrderMark: UInt64 = 0x0102_0304_0506_0708

  var version = UInt32(TraceHeader.currentVersion)
  var recordSize = UInt32(TraceRecord.size)
  var headerLength: Int
  var headerCheck: UInt64

  /// The prelude as it stands in the file.
  var bytes: [UInt8] {
    var result = Self.magic
    func add(_ value: UInt64, _ count: Int) {
      for index in 0..<count { result.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
    add(UInt64(version), 4)
    add(UInt64(TraceRecord.size), 4)
    add(UInt64(headerLength), 4)
    add(UInt64(recordSize), 4)
    add(headerCheck, 8)
    add(Self.byteOrderMark, 8)
    while result.count < TraceRecord.size { result.append(0) }
    return result
  }
}
