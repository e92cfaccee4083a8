import MachineCore
import Testing
import Trace

/// Gives the records of `Samples.loop`-like traces without keeping them.
final class GeneratedSource: TraceSource {
  let header = Samples.header
  private var position: UInt64 = 0
  private let count: UInt64
  private let wrongAt: UInt64?

  init(count: UInt64, wrongAt: UInt64? = nil) {
    self.count = count
    self.wrongAt = wrongAt
  }

  func read(into batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int {
    var filled = 0
    while filled < batch.count, position < count {
      let step = position / 2
      if position & 1 == 0 {
        batch[filled] = TraceRecord(
          .retire, clock: step + 1, pc: step % 64 * 4, address: (step + 1) % 64 * 4,
          bytes: InstructionBytes(word: UInt32(truncatingIfNeeded: step &* 0x9E37_79B9)))
      } else {
        batch[filled] = TraceRecord(
          .registerWrite, code: UInt32(step % 15 + 1), clock: step + 1, value: step &* 77)
      }
      if position == wrongAt { batch[filled].value ^= 1 }
      position += 1
      filled += 1
    }
    return filled
  }
}

@Suite struct LargeTraceTests {
  /// Throws the bytes away and counts them.
  final class Counter: TraceOutput {
    var count = 0
    var largest = 0
    func write(_ bytes: UnsafeRawBufferPointer) throws(TraceError) {
      count += bytes.count
      largest = max(largest, bytes.count)
    }
    func finish() throws(TraceError) {}
  }

  @Test(arguments: TraceEncoding.allCases)
  func writtenReadAndComparedInBatches(encoding: TraceEncoding) throws {
    let count: UInt64 = 200_000
    let output = TraceBytesOutput()
    let counter = Counter()
    let writers = [
      try TraceWriter(Samples.header, as: encoding, to: output),
      try TraceWriter(Samples.header, as: encoding, to: counter),
    ]
    let source = GeneratedSource(count: count)
    let batch = UnsafeMutableBufferPointer<TraceRecord>.allocate(capacity: 4096)
    defer { batch.deallocate() }
    while true {
      let got = try source.read(into: batch)
      if got == 0 { break }
      for writer in writers { try writer.append(UnsafeBufferPointer(rebasing: batch[..<got])) }
    }
    for writer in writers { try writer.finish() }
    // A writer never holds more than a buffer.
    #expect(counter.count == output.bytes.count)
    #expect(counter.largest <= 4096 * TraceRecord.size)

    let reader = try TraceReader(TraceBytesInput(output.bytes, step: 100_000))
    let result = try TraceComparator.compare(reader, GeneratedSource(count: count))
    #expect(result.verdict == .equal)
    #expect(result.events == count / 2)
    #expect(reader.isVerified)

    let again = try TraceReader(TraceBytesInput(output.bytes))
    let wrong = try TraceComparator.compare(again, GeneratedSource(count: count, wrongAt: count - 3))
    #expect(try ComparatorTests.divergence(wrong).fieldName == "register r9")
  }

  @Test func files() throws {
    let path = TemporaryFiles.newPath()
    for encoding in TraceEncoding.allCases {
      let writer = try TraceWriter(Samples.header, as: encoding, to: try TraceFileOutput(path: path))
      try writer.append(Samples.small)
      try writer.finish()
      #expect(try TraceReader(try TraceFileInput(path: path)).readAll().records == Samples.small)
    }
    do throws(TraceError) {
      _ = try TraceFileInput(path: path + ".missing")
      Issue.record("a missing file was opened")
    } catch {
      #expect(error.reason == .system)
      #expect(error.description.contains(path + ".missing"))
    }
    do throws(TraceError) {
      _ = try TraceReader(try TraceFileInput(path: TemporaryFiles.folder))
      Issue.record("a directory was read")
    } catch {
      #expect(error.reason == .system)
    }
    TemporaryFiles.remove(path)
  }
}
