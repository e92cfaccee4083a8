/// Reads a trace of either encoding, record by record, in constant memory.
///
/// A reader belongs to one thread. Whatever the input holds, the reader ends or throws a ``TraceError``.
public final class TraceReader: TraceSource {
  /// What was run, and how to read the records.
  public let header: TraceHeader
  /// How the trace is encoded.
  public let encoding: TraceEncoding
  /// A trace that is read has its check sum and count at its end.
  public let isStored = true
  /// Lines left out because their kind is a word that this version does not know.
  public private(set) var skippedLines: UInt64 = 0
  /// Whether the end record was read and its count and check sum hold; `false` at the end only after skipped lines.
  public private(set) var isVerified = false
  /// How many records were read.
  public var count: UInt64 { check.count }
  /// Check sum of the records so far.
  public var checkSum: UInt64 { check.value }
  /// The line or offset that the reader has come to.
  public var place: TraceError.Place { encoding == .json ? .line(window.line) : .offset(window.offset) }

  /// The longest line, in bytes.
  public static let longestLine = 1 << 20

  // No two accesses to these properties overlap: one thread owns the reader, and the input that it calls does
  // not know it. Checking that at run time would cost more than the reading.
  @exclusivity(unchecked) private var window: ByteWindow
  @exclusivity(unchecked) private var events: EventReader
  @exclusivity(unchecked) private var given = 0
  @exclusivity(unchecked) private var check = TraceCheck()
  private var isAtEnd = false
  private var failure: TraceError?

  /// Reads the header; the encoding shows in the first bytes.
  ///
  /// - Throws: ``TraceError`` for an input that is empty, no trace, of another version, or damaged.
  public init(_ input: any TraceInput) throws(TraceError) {
    var window = ByteWindow(input, capacity: 256 * 1024)
    try window.fill(atLeast: TraceRecord.size)
    guard window.available > 0 else {
      throw TraceError(.empty, "the file is empty; nothing was recorded", name: input.name)
    }
    let isBinary = window.starts(with: BinaryPrelude.magic)
    encoding = isBinary ? .binary : .json
    header = isBinary ? try Self.binaryHeader(&window) : try Self.jsonHeader(&window)
    events = EventReader(names: Vocabularies(header))
    self.window = window
  }

  /// Fills the front of `batch`; returns how many records, 0 only at the end of a complete trace.
  public func read(into batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int {
    if let failure { throw failure }
    do throws(TraceError) {
      return encoding == .binary ? try readBinary(batch) : try readLines(batch)
    } catch {
      failure = error
      throw error
    }
  }

  /// The next record, `nil` at the end; slower than ``read(into:)``.
  public func next() throws(TraceError) -> TraceRecord? {
    var record = TraceRecord(.retire)
    let count = try withUnsafeMutablePointer(to: &record) { (pointer) throws(TraceError) in
      try read(into: UnsafeMutableBufferPointer(start: pointer, count: 1))
    }
    return count == 0 ? nil : record
  }

  /// Reads all that is left into memory.
  public func readAll() throws(TraceError) -> TraceLog {
    var log = TraceLog(header: header)
    let batch = UnsafeMutableBufferPointer<TraceRecord>.allocate(capacity: 1024)
    defer { batch.deallocate() }
    while true {
      let count = try read(into: batch)
      guard count > 0 else { return log }
      log.records.append(contentsOf: batch[..<count])
    }
  }

  // MARK: Binary

  private static func binaryHeader(_ window: inout ByteWindow) throws(TraceError) -> TraceHeader {
    let name = window.name
    guard window.available >= TraceRecord.size else {
      throw TraceError(
        .truncated, "the file ends inside its first 64 bytes; it was only partly written",
        place: .offset(UInt64(window.available)), name: name)
    }
    let version = window.word(at: 8) & 0xFFFF_FFFF
    guard window.word(at: 32) == BinaryPrelude.byteOrderMark else {
      throw TraceError(.corrupted, "wrong byte order mark", place: .offset(32), name: name)
    }
    guard version == UInt64(TraceHeader.currentVersion) else { throw unsupported(version, .offset(8), name) }
    guard window.word(at: 12) & 0xFFFF_FFFF == UInt64(TraceRecord.size) else {
      throw TraceError(.corrupted, "the prelude must be 64 bytes long", place: .offset(12), name: name)
    }
    let length = Int(window.word(at: 16) & 0xFFFF_FFFF)
    guard window.word(at: 20) & 0xFFFF_FFFF == UInt64(TraceRecord.size) else {
      throw TraceError(.corrupted, "records must be 64 bytes long", place: .offset(20), name: name)
    }
    guard length > 0, length <= TraceWriter.longestHeader else {
      throw TraceError(
        .corrupted, "the header cannot be \(length) bytes long", place: .offset(16), name: name)
    }
    let expected = window.word(at: 24)
    guard window.word(at: 40) | window.word(at: 48) | window.word(at: 56) == 0 else {
      throw TraceError(
        .corrupted, "the last 24 bytes of the prelude must be zero", place: .offset(40), name: name)
    }
    window.consume(TraceRecord.size)
    let padded = (length + TraceRecord.size - 1) / TraceRecord.size * TraceRecord.size
    try window.fill(atLeast: padded)
    guard window.available >= padded else {
      throw TraceError(
        .truncated, "the file ends inside its header; it was only partly written",
        place: .offset(window.offset + UInt64(window.available)), name: name)
    }
    guard window.digest(of: length) == expected else {
      throw TraceError(.corrupted, "the header's check sum is wrong", place: .offset(64), name: name)
    }
    let header = try header(&window, length, .offset(64))
    window.consume(padded)
    return header
  }

  private func readBinary(_ batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int {
    guard !isAtEnd, !batch.isEmpty else { return 0 }
    if window.available < TraceRecord.size { try window.fill(atLeast: TraceRecord.size) }
    let count = min(window.available / TraceRecord.size, batch.count)
    guard count > 0 else {
      throw truncated(
        window.available == 0 ? "" : "inside a record ", .offset(window.offset + UInt64(window.available)))
    }
    // A local copy keeps the sum in registers.
    var check = check
    defer { self.check = check }
    for index in 0..<count {
      let record = window.record(at: index)
      if record.kind == EventKind.end.rawValue {
        self.check = check
        guard index == 0 else {
          window.consume(index * TraceRecord.size)
          return index
        }
        try end(record)
        window.consume(TraceRecord.size)
        try window.fill(atLeast: 1)
        guard window.available == 0 else { throw corrupted("bytes after the end record") }
        isAtEnd = true
        return 0
      }
      guard record.kind != 0 else {
        window.consume(index * TraceRecord.size)
        throw corrupted("a record of kind 0; the file has a hole here")
      }
      check.add(record)
      batch[index] = record
    }
    window.consume(count * TraceRecord.size)
    return count
  }

  // MARK: JSON Lines

  private static func jsonHeader(_ window: inout ByteWindow) throws(TraceError) -> TraceHeader {
    guard window.starts(with: [UInt8(ascii: "{")]) else {
      throw TraceError(
        .foreign, "not a trace: it begins neither with a JSON object nor with TRIADTRC", place: .line(1),
        name: window.name)
    }
    window.line = 1
    guard let length = try window.line(atMost: longestLine) else {
      throw TraceError(
        .foreign, "not a trace: the first line is longer than \(longestLine) bytes", place: .line(1),
        name: window.name)
    }
    guard length.isComplete else {
      throw TraceError(
        .truncated, "the file ends inside its header line; it was only partly written or is no trace",
        place: .line(1), name: window.name)
    }
    let header = try header(&window, length.count, .line(1))
    window.consume(length.count + 1)
    return header
  }

  private func readLines(_ batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int {
    var filled = 0
    while filled < batch.count {
      if given < events.records.count {
        let count = min(events.records.count - given, batch.count - filled)
        for index in 0..<count {
          let record = events.records[given + index]
          check.add(record)
          batch[filled + index] = record
        }
        given += count
        filled += count
        continue
      }
      // A caller may wait for what is there; the next line can come with the next call.
      guard !isAtEnd else { return filled }
      try readLine()
    }
    return filled
  }

  /// Reads the next line into `events`.
  private func readLine() throws(TraceError) {
    window.line += 1
    given = 0
    guard let length = try window.line(atMost: Self.longestLine) else {
      throw corrupted("a line longer than \(Self.longestLine) bytes")
    }
    guard length.isComplete else {
      throw truncated(length.count == 0 ? "" : "inside a line ", .line(window.line))
    }
    var cursor = window.cursor(length.count)
    let isKnown: Bool
    do throws(JSONFault) {
      isKnown = try events.read(&cursor)
    } catch {
      throw corrupted(error.message)
    }
    window.consume(length.count + 1)
    guard isKnown else {
      skippedLines += 1
      return
    }
    guard let head = events.records.first else { return }
    guard head.kind == EventKind.end.rawValue else { return }
    guard events.records.count == 1 else { throw corrupted("effects in the end record") }
    given = 1
    try end(head)
    window.line += 1
    guard let rest = try window.line(atMost: Self.longestLine), rest.count == 0, !rest.isComplete else {
      throw corrupted("text after the end record")
    }
    isAtEnd = true
  }

  // MARK: Shared

  private static func header(
    _ window: inout ByteWindow, _ length: Int, _ place: TraceError.Place
  ) throws(TraceError) -> TraceHeader {
    var cursor = window.cursor(length)
    do throws(TraceHeader.Fault) {
      return try TraceHeader(reading: &cursor)
    } catch {
      switch error {
      case .foreign(let text): throw TraceError(.foreign, text, place: place, name: window.name)
      case .version(let version): throw unsupported(version, place, window.name)
      case .corrupted(let text): throw TraceError(.corrupted, text, place: place, name: window.name)
      }
    }
  }

  private static func unsupported(_ version: UInt64, _ place: TraceError.Place, _ name: String) -> TraceError
  {
    TraceError(
      .unsupportedVersion,
      "schema version \(version); this program reads version \(TraceHeader.currentVersion). Record the trace again, or use the program that wrote it",
      place: place, name: name)
  }

  private func end(_ record: TraceRecord) throws(TraceError) {
    var plain = TraceRecord(.end, value: record.value, aux: record.aux)
    plain.flags = 0
    guard record == plain else { throw corrupted("the end record has fields that it may not have") }
    if skippedLines > 0 {
      // What was left out had at least one record a line; the sum over it cannot be known.
      guard record.value >= check.count, record.value - check.count >= skippedLines else {
        throw corrupted("the end record counts \(record.value) records, but there are more")
      }
      return
    }
    guard record.value == check.count else {
      throw corrupted("the end record counts \(record.value) records, but there are \(check.count)")
    }
    guard record.aux == check.value else {
      throw corrupted(
        "the check sum is 0x\(String(check.value, radix: 16)), but the end record says 0x\(String(record.aux, radix: 16)); the trace was changed"
      )
    }
    isVerified = true
  }

  private func corrupted(_ message: String) -> TraceError {
    TraceError(.corrupted, message, place: place, name: window.name)
  }

  private func truncated(_ where: String, _ place: TraceError.Place) -> TraceError {
    TraceError(
      .truncated, "the trace stops \(`where`)without its end record; it was only partly written",
      place: place,
      name: window.name)
  }
}
