import Testing
import Trace

@Suite struct DamagedFileTests {
  /// The error that reading these bytes gives, if any.
  static func failure(_ bytes: [UInt8], step: Int = .max) -> TraceError? {
    do throws(TraceError) {
      _ = try Samples.read(bytes, step: step)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: TraceEncoding.allCases)
  func truncationAtEveryByteIsSeen(encoding: TraceEncoding) throws {
    let bytes = try Samples.write(Samples.small, as: encoding)
    for count in 0..<bytes.count {
      let error = try #require(Self.failure(Array(bytes[..<count]), step: 50), "cut to \(count) bytes")
      // Of the magic or the first brace alone nothing more can be said.
      let expected: Set<TraceError.Reason> =
        count == 0 ? [.empty] : count < 8 && encoding == .binary ? [.foreign] : [.truncated]
      #expect(expected.contains(error.reason), "cut to \(count) bytes: \(error)")
    }
  }

  @Test(arguments: TraceEncoding.allCases)
  func mutationsNeverCrashAndNeverGoUnseen(encoding: TraceEncoding) throws {
    let seed: UInt64 = 0x7472_6163_65
    var numbers = TestNumbers(seed: seed)
    let original = try Samples.write(Samples.small + Samples.wild(8, seed: 3), as: encoding)
    let log = try Samples.read(original)
    var rejected = 0
    let cases = 6000
    for number in 0..<cases {
      var bytes = original
      for _ in 0...(numbers.next() % 3) {
        let at = Int(numbers.next() % UInt64(bytes.count))
        switch numbers.next() % 6 {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: numbers.next())
        case 1: bytes[at] ^= 1 << UInt8(numbers.next() % 8)
        case 2: bytes.remove(at: at)
        case 3: bytes.insert(Array("{}[]\",:0x\n\\u".utf8)[Int(numbers.next() % 12)], at: at)
        case 4: bytes.replaceSubrange(at..<min(at + 70, bytes.count), with: bytes[..<min(40, bytes.count)])
        default: bytes.removeSubrange(at..<min(at + 64, bytes.count))
        }
        if bytes.isEmpty { bytes = [0] }
      }
      do throws(TraceError) {
        let read = try Samples.read(bytes, step: 333)
        // A change that is accepted must not have changed any record that the check sum covers.
        let covered = { (records: [TraceRecord]) in records.filter { $0.kind != EventKind.host.rawValue } }
        let reader = try TraceReader(TraceBytesInput(bytes))
        _ = try reader.readAll()
        if reader.isVerified {
          #expect(covered(read.records) == covered(log.records), "seed \(seed), case \(number)")
        }
      } catch {
        rejected += 1
      }
    }
    #expect(rejected > cases / 2, "seed \(seed)")
  }

  @Test func noise() {
    var numbers = TestNumbers(seed: 9)
    for _ in 0..<2000 {
      let bytes = (0..<Int(numbers.next() % 300)).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
      let error = Self.failure(bytes)
      #expect(error?.reason == (bytes.isEmpty ? .empty : .foreign) || bytes.first == UInt8(ascii: "{"))
    }
  }

  @Test func everyBitOfABinaryTraceCounts() throws {
    let records = Array(Samples.small.dropLast())
    let bytes = try Samples.write(records, as: .binary)
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 0x40
      let isPadding = Self.failure(changed) == nil
      // Only the padding behind the header may change without harm.
      #expect(!isPadding || bytes[index] == UInt8(ascii: " "), "byte \(index)")
    }
  }

  @Test func messagesNameThePlace() throws {
    let json = Samples.text(try Samples.write(Samples.small, as: .json))
    func failure(_ text: String) -> TraceError? { Self.failure(Array(text.utf8)) }
    func check(_ text: String, _ reason: TraceError.Reason, _ place: TraceError.Place, _ words: String) {
      let error = failure(text)
      #expect(error?.reason == reason, "\(error?.description ?? "accepted")")
      #expect(error?.place == place, "\(error?.description ?? "accepted")")
      #expect(error?.message.contains(words) == true, "\(error?.description ?? "accepted")")
    }
    func replaced(_ old: String, _ new: String) -> String {
      #expect(json.contains(old), "\(old)")
      return json.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        guard let range = line.firstRange(of: old) else { return String(line) }
        return line[..<range.lowerBound] + new + line[range.upperBound...]
      }.joined(separator: "\n")
    }
    check("hello\n", .foreign, .line(1), "not a trace")
    check("{\"a\":1}\n", .foreign, .line(1), "schema")
    check(replaced("\"version\":1", "\"version\":2"), .unsupportedVersion, .line(1), "version 2")
    check(replaced("\"level\":\"instructions\"", "\"level\":\"all\""), .corrupted, .line(1), "level")
    check(replaced("\"r3\":", "\"r99\":"), .corrupted, .line(2), "r99")
    check(replaced("\"0x48\"", "\"0xzz\""), .corrupted, .line(3), "next")
    check(replaced("\"mem\":[[\"w\"", "\"mem\":[[\"q\""), .corrupted, .line(3), "mem")
    check(replaced("\"cause\":\"system-call\"", "\"cause\":\"tea\""), .corrupted, .line(5), "tea")
    check(replaced("\"r3\":\"0x5\"", "\"r3\":\"0x6\""), .corrupted, .line(11), "check sum")
    check(replaced("\"records\":13", "\"records\":14"), .corrupted, .line(11), "14 records")
    check(
      json.split(separator: "\n").dropLast().joined(separator: "\n") + "\n", .truncated, .line(11), "partly")
  }

  @Test func hostileLines() throws {
    let header = Samples.header.jsonText + "\n"
    func failure(_ line: String) -> TraceError? { Self.failure(Array((header + line + "\n").utf8)) }
    let bad = [
      "{", "}", "[]", "nul", "{\"k\":}", "{\"k\":\"retire\",}", "{\"k\":\"retire\"}{", "{\"k\":0}",
      "{\"k\":256}",
      "{\"k\":-1}", "{\"k\":1.0}", "{\"k\":\"retire\",\"k\":\"trap\"}", "{\"n\":1}",
      "{\"k\":1,\"n\":18446744073709551616}",
      "{\"k\":1,\"n\":01}", "{\"k\":1,\"m\":16}", "{\"k\":1,\"f\":8}", "{\"k\":1,\"cpu\":65536}",
      "{\"k\":1,\"w\":1}",
      "{\"k\":1,\"insn\":\"123\"}", "{\"k\":1,\"insn\":\"00112233445566778899aabbccddeeff\"}",
      "{\"k\":1,\"raw\":[1]}", "{\"k\":1,\"fx\":[{\"k\":1}]}", "{\"k\":1,\"fx\":[{\"k\":16,\"regs\":{}}]}",
      "{\"k\":1,\"regs\":{\"#4294967296\":0}}", "{\"k\":1,\"regs\":{\"#\":0}}",
      "{\"k\":1,\"regs\":{\"#1x\":0}}",
      "{\"k\":2,\"code\":4294967296}", "{\"k\":\"\\ud800\"}", "{\"k\":\"\\x\"}", "{\"k\":\"a\u{1}\"}", "",
      String(repeating: "[", count: 100_000), "{\"x\":" + String(repeating: "[", count: 1000) + "}",
      "{" + (0..<70).map { "\"a\($0)\":1" }.joined(separator: ",") + "}",
      "{\"k\":1,\"x\":\"" + String(repeating: "y", count: 1 << 20) + "\"}",
    ]
    for line in bad {
      #expect(failure(line)?.reason == .corrupted, "\(line.prefix(60))")
      #expect(failure(line)?.place == .line(2), "\(line.prefix(60))")
    }
    #expect(Self.failure(Array(header.utf8) + [0x22, 0xFF, 0x22, 10])?.reason == .corrupted)
  }

  @Test func anyValidSpellingIsRead() throws {
    let output = try Samples.write([TraceRecord(.retire, clock: 12, pc: 0x40, address: 0x44)], as: .json)
    let end = try #require(Samples.text(output).split(separator: "\n").last)
    let spelling =
      " { \"next\" : 68 , \"\\u006b\":\"re\\u0074ire\",\t\"some_unknown_key\":{\"a\":[1,-2.5e3,null,true,{\"b\":\"\\uD83D\\uDE00é\"}]},\"pc\":\"0X40\",\"n\":\"0x0c\",\"regs\":{},\"mem\":[ ] } \r"
    let bytes = Array((Samples.header.jsonText + "\n" + spelling + "\n" + end + "\n").utf8)
    #expect(try Samples.read(bytes).records == [TraceRecord(.retire, clock: 12, pc: 0x40, address: 0x44)])
  }

  @Test func linesOfUnknownKindsAreSkippedAndNotVerified() throws {
    let records = [TraceRecord(.retire, clock: 1), TraceRecord(.retire, clock: 2)]
    var lines = Samples.text(try Samples.write(records, as: .json)).split(separator: "\n").map(String.init)
    lines[1] = "{\"k\":\"balloon\",\"n\":1,\"regs\":{\"what\":1}}"
    let reader = try TraceReader(TraceBytesInput(Array((lines.joined(separator: "\n") + "\n").utf8)))
    #expect(try reader.readAll().records == [records[1]])
    #expect(reader.skippedLines == 1)
    #expect(!reader.isVerified)
    // More records than the end record counts are wrong all the same.
    lines.insert(lines[1], at: 1)
    #expect(Self.failure(Array((lines.joined(separator: "\n") + "\n").utf8))?.reason == .corrupted)
  }

  @Test func textAfterTheEnd() throws {
    let json = try Samples.write(Samples.small, as: .json)
    #expect(Self.failure(json + [10])?.reason == .corrupted)
    #expect(Self.failure(json + json)?.reason == .corrupted)
    let binary = try Samples.write(Samples.small, as: .binary)
    #expect(Self.failure(binary + [0])?.reason == .corrupted)
    #expect(Self.failure(binary + binary)?.reason == .corrupted)
  }

  @Test func writersRefuseTheFormatsOwnKinds() throws {
    for kind: UInt8 in [0, 255] {
      let writer = try TraceWriter(Samples.header, as: .binary, to: TraceBytesOutput())
      var record = TraceRecord(.retire)
      record.kind = kind
      #expect(throws: TraceError.self) { try writer.append([record]) }
      // A trace with a hole is never finished.
      #expect(throws: TraceError.self) { try writer.finish() }
    }
    var header = Samples.header
    header.program = String(repeating: "x", count: 1 << 20)
    #expect(throws: TraceError.self) { _ = try TraceWriter(header, as: .json, to: TraceBytesOutput()) }
  }
}
