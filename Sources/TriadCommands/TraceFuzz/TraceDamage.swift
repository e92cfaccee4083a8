import Properties
import Trace
import X86Backend

/// What is done to a trace or log before it is read.
enum TraceDamage: String, CaseIterable {
  /// Bits, bytes, numbers and pieces of a trace as JSON Lines.
  case jsonBytes = "JSON, bytes"
  /// The same of a binary trace.
  case binaryBytes = "binary, bytes"
  /// Lines left out, doubled and exchanged; values of any kind and length in the place of others.
  case jsonLines = "JSON, lines"
  /// Records left out, doubled, exchanged and changed; the check sum is as it was.
  case binaryRecords = "binary, records"
  /// Any records under any header, whole and with the right check sum, in either encoding.
  case wildRecords = "wild records"
  /// A log of QEMU's.
  case log

  /// A damaged trace of this kind.
  func apply(to log: TraceLog, _ random: inout SplitMix) -> [UInt8] {
    switch self {
    case .jsonBytes:
      FileMutation.apply(to: Self.bytes(log, .json), head: 0, isText: random.chance(50), &random)
    case .binaryBytes: FileMutation.apply(to: Self.bytes(log, .binary), head: 64, isText: false, &random)
    case .jsonLines: Self.damagedLines(Self.bytes(log, .json), &random)
    case .binaryRecords: Self.damagedRecords(Self.bytes(log, .binary), &random)
    case .wildRecords: Self.bytes(Self.wild(log, &random), random.chance(50) ? .json : .binary)
    case .log: []
    }
  }

  /// A trace in an encoding; empty if the header is too long for it.
  static func bytes(_ log: TraceLog, _ encoding: TraceEncoding) -> [UInt8] {
    let output = TraceBytesOutput()
    do throws(TraceError) {
      let writer = try TraceWriter(log.header, as: encoding, to: output)
      try writer.append(log.records)
      try writer.finish()
    } catch {
      return []
    }
    return output.bytes
  }

  // MARK: Lines

  /// Values that a parser may take amiss.
  private static func value(_ random: inout SplitMix) -> [UInt8] {
    let deep = 1 + random.below(random.chance(10) ? 200_000 : 200)
    switch random.below(14) {
    case 0: return Array("\(random.next())".utf8)
    case 1: return Array("-1".utf8)
    case 2: return Array("1e308".utf8)
    case 3: return Array("99999999999999999999999999".utf8)
    case 4: return Array("\"0x\(String(random.next(), radix: 16))\"".utf8)
    case 5: return Array("\"0x10000000000000000\"".utf8)
    case 6: return Array(repeating: UInt8(ascii: "["), count: deep)
    case 7:
      return Array(repeating: UInt8(ascii: "["), count: deep)
        + Array(repeating: UInt8(ascii: "]"), count: deep)
    case 8: return Array((String(repeating: "{\"a\":", count: deep) + "1").utf8)
    case 9: return [34] + Array(repeating: UInt8(ascii: "x"), count: deep * 10) + [34]
    case 10: return [34, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80, 34]
    case 11: return Array("\"\\ud800\\u0000\"".utf8)
    case 12: return Array("null".utf8)
    default: return Array("{\"k\":\"end\",\"records\":18446744073709551615,\"check\":\"0x0\"}".utf8)
    }
  }

  static func damagedLines(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
    for _ in 0..<1 + random.below(4) where !lines.isEmpty {
      let place = random.chance(25) ? 0 : random.below(lines.count)
      switch random.below(6) {
      case 0: lines.remove(at: place)
      case 1: lines.insert(lines[place], at: random.below(lines.count + 1))
      case 2: lines.swapAt(place, random.below(lines.count))
      case 3: lines.insert(value(&random), at: place)
      case 4: replaceValue(in: &lines[place], &random)
      default:
        let many = 1 + random.below(random.chance(10) ? 2000 : 20)
        lines.insert(contentsOf: Array(repeating: lines[place], count: many), at: place)
      }
    }
    return Array(lines.joined(separator: [10]))
  }

  /// Puts another value behind one of the line's colons, equals signs or commas.
  private static func replaceValue(in line: inout [UInt8], _ random: inout SplitMix) {
    let places = line.indices.filter { [58, 61, 44].contains(line[$0]) }
    guard !places.isEmpty else { return }
    let start = random.pick(places) + 1
    let end = line[start...].firstIndex { [44, 125, 93, 32].contains($0) } ?? line.count
    line.replaceSubrange(start..<max(start, end), with: value(&random))
  }

  // MARK: Records

  private static func damagedRecords(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var bytes = bytes
    let length = Int(bytes[16]) | Int(bytes[17]) << 8 | Int(bytes[18]) << 16
    let start = 64 + (length + 63) / 64 * 64
    for _ in 0..<1 + random.below(5) {
      let count = (bytes.count - start) / 64
      guard count > 1 else { break }
      let place = start + random.below(count) * 64
      switch random.below(5) {
      case 0: bytes.removeSubrange(place..<place + 64)
      case 1: bytes.insert(contentsOf: Array(bytes[place..<place + 64]), at: start + random.below(count) * 64)
      case 2:
        let other = start + random.below(count) * 64
        for index in 0..<64 { bytes.swapAt(place + index, other + index) }
      default:
        let at = place + random.below(8) * 8
        let value = random.pick(corners)
        for index in 0..<8 { bytes[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8)) }
      }
    }
    return bytes
  }

  private static let corners: [UInt64] = [
    0, 1, 2, 16, 63, 64, 65, 255, 256, 4095, 4096, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
    1 << 53, 1 << 62, 1 << 63 - 1, 1 << 63, .max - 1, .max,
  ]

  private static func number(_ random: inout SplitMix) -> UInt64 {
    random.chance(70) ? random.pick(corners) : random.next()
  }

  /// Records that a writer takes, whatever they say, and a header that names what it likes.
  private static func wild(_ log: TraceLog, _ random: inout SplitMix) -> TraceLog {
    var log = log
    if random.chance(60) { log.header = wild(log.header, &random) }
    let isRare = random.chance(50)
    for index in log.records.indices where !isRare || random.chance(5) {
      change(&log.records[index], &random)
    }
    for _ in 0..<random.below(20) where !log.records.isEmpty {
      let place = random.below(log.records.count)
      switch random.below(4) {
      case 0: log.records.remove(at: place)
      case 1:
        let many = random.chance(10) ? 3000 : 3
        log.records.insert(contentsOf: Array(repeating: log.records[place], count: many), at: place)
      case 2: log.records.swapAt(place, random.below(log.records.count))
      default: log.records.removeSubrange(place...)
      }
    }
    return log
  }

  private static func change(_ record: inout TraceRecord, _ random: inout SplitMix) {
    for _ in 0..<1 + random.below(3) {
      switch random.below(9) {
      case 0:
        // The kinds of framing belong to the writer.
        let kind = UInt8(truncatingIfNeeded: random.next())
        let known = random.pick(EventKind.allCases).rawValue
        record.kind = random.chance(50) ? known : kind
        if record.kind == 0 || record.kind == EventKind.end.rawValue { record.kind = 1 }
      case 1: record.flags = UInt8(truncatingIfNeeded: random.next())
      case 2: record.cpu = UInt16(truncatingIfNeeded: number(&random))
      case 3: record.code = UInt32(truncatingIfNeeded: number(&random))
      case 4: record.clock = number(&random)
      case 5: record.pc = number(&random)
      case 6: record.address = number(&random)
      case 7: (record.value, record.aux) = (number(&random), number(&random))
      default: (record.bytes.low, record.bytes.high) = (random.next(), random.next())
      }
    }
  }

  private static func wild(_ header: TraceHeader, _ random: inout SplitMix) -> TraceHeader {
    var header = header
    for _ in 0..<1 + random.below(4) {
      switch random.below(12) {
      case 0: header.isa = random.pick(["toy", "x86", "", text(&random)])
      case 1: header.variant = random.pick(["classic", "x86-64", "8086", text(&random)])
      case 2: header.engine = random.pick(["virtualizer", "emulator", text(&random)])
      case 3: header.program = random.pick(["hello", "minos", "real16", text(&random)])
      case 4: header.level = random.pick(TraceLevel.allCases)
      case 5:
        (header.hasClock, header.hasTraps, header.hasMemoryEffects) = (
          random.chance(50), random.chance(50), random.chance(50)
        )
      case 6: header.registers = names(&random)
      case 7: header.causes = names(&random)
      case 8: header.exits = names(&random)
      case 9: header.stops = names(&random)
      case 10: header.omissions = Set(TraceOmission.allCases.filter { _ in random.chance(40) })
      default: (header.recordedBy, header.unrecordedRegisters) = (text(&random), names(&random))
      }
    }
    return header
  }

  private static func names(_ random: inout SplitMix) -> [String] {
    (0..<random.below(random.chance(10) ? 5000 : 8)).map { _ in
      random.chance(80) ? "r\(random.below(9))" : text(&random)
    }
  }

  private static func text(_ random: inout SplitMix) -> String {
    let characters: [Character] = [
      "a", "$", " ", "\n", "\"", "\\", "\u{0}", "é", "\u{1F600}", "#", ",", "\u{202E}", "|",
    ]
    return String((0..<random.below(random.chance(5) ? 3000 : 12)).map { _ in random.pick(characters) })
  }
}
