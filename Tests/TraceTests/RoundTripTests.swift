import MachineCore
import Testing
import Trace

@Suite struct RoundTripTests {
  @Test(arguments: TraceEncoding.allCases)
  func smallTrace(encoding: TraceEncoding) throws {
    let bytes = try Samples.write(Samples.small, as: encoding)
    for step in [1, 7, 64, Int.max] {
      let log = try Samples.read(bytes, step: step)
      #expect(log.header == Samples.header)
      #expect(log.records == Samples.small)
    }
  }

  @Test(arguments: TraceEncoding.allCases)
  func everyKindAndExtremeValue(encoding: TraceEncoding) throws {
    for seed in UInt64(1)...20 {
      let records = Samples.wild(500, seed: seed)
      let bytes = try Samples.write(records, as: encoding, batch: Int(seed))
      #expect(try Samples.read(bytes).records == records, "seed \(seed)")
    }
  }

  @Test func conversionGivesTheSameBytes() throws {
    for seed in UInt64(1)...10 {
      let records = Samples.wild(300, seed: seed)
      let json = try Samples.write(records, as: .json)
      let binary = try Samples.write(records, as: .binary)
      let fromBinary = try Samples.read(binary)
      let fromJSON = try Samples.read(json)
      #expect(try Samples.write(fromBinary.records, fromBinary.header, as: .json) == json, "seed \(seed)")
      #expect(try Samples.write(fromJSON.records, fromJSON.header, as: .binary) == binary, "seed \(seed)")
    }
  }

  @Test func bothEncodingsHaveOneCheckSum() throws {
    for encoding in TraceEncoding.allCases {
      let reader = try TraceReader(TraceBytesInput(try Samples.write(Samples.small, as: encoding)))
      _ = try reader.readAll()
      #expect(reader.isVerified)
      #expect(reader.count == UInt64(Samples.small.count))
      #expect(reader.encoding == encoding)
    }
    // Wall-clock time is not part of it.
    var changed = Samples.small
    changed[changed.count - 1].value = 1
    let a = try TraceWriter(Samples.header, as: .binary, to: TraceBytesOutput())
    try a.append(changed)
    let b = try TraceWriter(Samples.header, as: .json, to: TraceBytesOutput())
    try b.append(Samples.small)
    #expect(a.checkSum == b.checkSum)
  }

  @Test func oddNames() throws {
    var header = Samples.header
    header.program = "päth/\u{1F600} \"quoted\"\\\n\u{1}"
    header.registers = ["", "a", "a", "#1", "\"\\", "é", String(repeating: "x", count: 65), "0x7", "tab\t"]
    header.causes = []
    let records: [TraceRecord] =
      [TraceRecord(.retire, clock: 1)]
      + (0..<12).map { TraceRecord(.registerWrite, code: $0, value: UInt64($0)) }
      + [TraceRecord(.registerWrite, code: .max, value: 1), TraceRecord(.trap, code: 9)]
    for encoding in TraceEncoding.allCases {
      let log = try Samples.read(try Samples.write(records, header, as: encoding))
      #expect(log.header == header)
      #expect(log.records == records)
    }
  }

  @Test func eventsWithVeryManyEffects() throws {
    let effects = (0..<5000).map { TraceRecord(.memoryWrite, address: UInt64($0) * 8, value: .max, aux: 8) }
    let records = [TraceRecord(.retire, clock: 1)] + effects + [TraceRecord(.retire, clock: 2)]
    #expect(try Samples.read(try Samples.write(records, as: .json, batch: 4096)).records == records)
  }

  @Test(arguments: TraceEncoding.allCases)
  func recorderDrainsIntoAWriter(encoding: TraceEncoding) throws {
    let output = TraceBytesOutput()
    let writer = try TraceWriter(Samples.header, as: encoding, to: output)
    let recorder = writer.makeRecorder(capacity: 3)
    for record in Samples.small { recorder.append(record) }
    recorder.flush()
    try writer.finish()
    #expect(recorder.failure == nil)
    #expect(try Samples.read(output.bytes).records == Samples.small)
  }

  @Test(arguments: TraceEncoding.allCases)
  func emptyTrace(encoding: TraceEncoding) throws {
    #expect(try Samples.read(try Samples.write([], as: encoding)).records.isEmpty)
  }

  @Test func standardStopsAreThoseOfTheMachine() {
    #expect(TraceHeader.standardStops == StopReason.names)
  }
}
