internal import Trace

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Records in the order in which they came, in bounded memory: what does not fit goes to a temporary file.
///
/// All are added first, then all are read. The file has no name and goes with this object.
final class RecordSpool {
  /// Records kept in memory.
  static let room = 65_536

  private var kept: [TraceRecord] = []
  private var position = 0
  private var file: UnsafeMutablePointer<FILE>?
  private var isReading = false

  deinit { if let file { fclose(file) } }

  /// Adds records at the end.
  ///
  /// - Throws: ``TraceError`` when the host has no room for the temporary file.
  func append(_ records: UnsafeBufferPointer<TraceRecord>) throws(TraceError) {
    if file == nil, kept.count + records.count <= Self.room {
      kept.append(contentsOf: records)
      return
    }
    if file == nil { file = tmpfile() }
    guard let file, let start = records.baseAddress else {
      throw TraceError(
        .system, "no temporary file for a long trace: free some room in the folder for such files")
    }
    // SAFETY: records are plain data of a fixed size, and as many are written as there are.
    guard fwrite(start, MemoryLayout<TraceRecord>.stride, records.count, file) == records.count else {
      throw TraceError(.system, "a long trace could not be kept: the folder for temporary files is full")
    }
  }

  /// Gives the next records; 0 at the end.
  func read(into batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int {
    if position < kept.count {
      let count = min(batch.count, kept.count - position)
      for index in 0..<count { batch.initializeElement(at: index, to: kept[position + index]) }
      position += count
      return count
    }
    guard let file, let start = batch.baseAddress else { return 0 }
    if !isReading {
      isReading = true
      kept = []
      position = 0
      guard fflush(file) == 0, fseek(file, 0, SEEK_SET) == 0 else {
        throw TraceError(.system, "a long trace could not be read back")
      }
    }
    // SAFETY: what is read was written by `append`, whole records of plain data; the batch has room for them.
    return fread(start, MemoryLayout<TraceRecord>.stride, batch.count, file)
  }
}
