import Trace

/// Deterministic numbers for tests (SplitMix64).
struct TestNumbers: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

enum Samples {
  static let header = TraceHeader(
    isa: "toy", variant: "classic", engine: "emulator", flavour: "interpreter", level: .instructions,
    program: "sum.s", programDigest: 0xFEDC_BA98_7654_3210, configurationDigest: 7, seed: 42,
    registers: (0..<16).map { "r\($0)" } + ["psw"], causes: ["", "privileged", "system-call", "timer"],
    exits: ["privileged", "trap"])

  /// A short run in which something of every kind of guest event happens.
  static let small: [TraceRecord] = [
    TraceRecord(
      .retire, clock: 1, pc: 0x40, address: 0x44, bytes: InstructionBytes(word: 0x1305_0000)),
    TraceRecord(.registerWrite, code: 3, clock: 1, value: 5),
    TraceRecord(
      .retire, clock: 2, pc: 0x44, address: 0x48, bytes: InstructionBytes(word: 0x2310_0004)),
    TraceRecord(.memoryWrite, clock: 2, address: 0x1000, value: 5, aux: 4),
    TraceRecord(.exit, code: 0, clock: 2, pc: 0x48, value: 1),
    TraceRecord(.trap, mode: 1, code: 2, clock: 2, pc: 0x48, value: 7, aux: 0x200),
    TraceRecord(.registerWrite, mode: 1, code: 16, clock: 2, value: 0x8000_0000),
    writtenDevice,
    TraceRecord(
      .retire, clock: 3, pc: 0x200, address: 0x204, bytes: InstructionBytes(word: 0x4100_0001)),
    TraceRecord(.halt, code: 0, clock: 3, pc: 0x204),
    TraceRecord(.final, code: 0, clock: 3, pc: 0x204, address: 2, value: 0xABCD, aux: 0x1234),
    TraceRecord(.registerWrite, code: 3, clock: 3, value: 5),
    TraceRecord(.host, value: 123_456),
  ]

  private static var writtenDevice: TraceRecord {
    var record = TraceRecord(.device, code: 0x10, clock: 2, pc: 0x200, value: 0x41, aux: 1)
    record.flags |= TraceRecord.writeFlag
    return record
  }

  /// `count` instructions of a made-up loop, each with effects; `change` may alter any record.
  static func loop(_ count: Int, seed: UInt64 = 1) -> [TraceRecord] {
    var numbers = TestNumbers(seed: seed)
    var records: [TraceRecord] = []
    for index in 0..<count {
      let pc = UInt64(index % 64) * 4
      records.append(
        TraceRecord(
          .retire, clock: UInt64(index + 1), pc: pc, address: UInt64((index + 1) % 64) * 4,
          bytes: InstructionBytes(word: UInt32(truncatingIfNeeded: numbers.next()))))
      if index % 3 == 0 {
        records.append(
          TraceRecord(
            index % 2 == 0 ? .memoryRead : .memoryWrite, clock: UInt64(index + 1), address: 0x1000 + pc,
            value: numbers.next(), aux: 4))
      }
      records.append(
        TraceRecord(
          .registerWrite, code: UInt32(1 + index % 15), clock: UInt64(index + 1), value: numbers.next() >> 32)
      )
    }
    return records
  }

  /// Records with every field at random, any kind that a trace may hold.
  static func wild(_ count: Int, seed: UInt64) -> [TraceRecord] {
    var numbers = TestNumbers(seed: seed)
    func value() -> UInt64 {
      switch numbers.next() % 5 {
      case 0: 0
      case 1: .max
      case 2: numbers.next()
      case 3: 1 << 53 + numbers.next() % 3
      default: numbers.next() % 20
      }
    }
    return (0..<count).map { _ in
      var record = TraceRecord(
        .retire, clock: value(), pc: value(), address: value(), value: value(), aux: value())
      let named = EventKind.allCases.filter { $0 != .end }
      record.kind =
        numbers.next() % 4 == 0
        ? UInt8(1 + numbers.next() % 254) : named[Int(numbers.next() % UInt64(named.count))].rawValue
      if numbers.next() % 2 == 0 { record.kind = 16 + UInt8(numbers.next() % 4) }
      record.flags = numbers.next() % 2 == 0 ? 0 : UInt8(truncatingIfNeeded: numbers.next())
      record.cpu = numbers.next() % 2 == 0 ? 0 : UInt16(truncatingIfNeeded: value())
      record.code = UInt32(truncatingIfNeeded: value())
      switch numbers.next() % 4 {
      case 0:
        record.bytes = InstructionBytes(
          (0..<Int(numbers.next() % 16)).map { _ in UInt8(truncatingIfNeeded: numbers.next()) })
      case 1: (record.bytes.low, record.bytes.high) = (value(), value())
      default: break
      }
      return record
    }
  }

  static func write(
    _ records: [TraceRecord], _ header: TraceHeader = header, as encoding: TraceEncoding, batch: Int = 100
  ) throws -> [UInt8] {
    let output = TraceBytesOutput()
    let writer = try TraceWriter(header, as: encoding, to: output)
    for first in stride(from: 0, to: records.count, by: batch) {
      try writer.append(Array(records[first..<min(first + batch, records.count)]))
    }
    try writer.finish()
    return output.bytes
  }

  static func read(_ bytes: [UInt8], step: Int = .max) throws(TraceError) -> TraceLog {
    try TraceReader(TraceBytesInput(bytes, step: step)).readAll()
  }

  static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
