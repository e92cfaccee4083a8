import Foundation
import Testing
import Trace

/// Damaged traces and logs, read as the commands read them.
@Suite struct TraceFuzzTests {
  @Test func damagedTracesAreErrorsOrRead() throws {
    let result = triad("fuzz", "--source", "traces", "--count", "120", "--seed", "11", "--json")
    #expect(result.status == 0, "seed 11: \(result.output)")
    let report = try #require(result.json as? [String: Any])
    let damage = try #require(report["damage"] as? [String: [String: Any]])
    #expect(damage.count == 6)
    // Damage is found, and what is whole is read and exported.
    for (kind, tally) in damage where kind != "wild records" && kind != "log" {
      #expect(tally["differentErrors"] as? Int ?? 0 > 2, "\(kind)")
    }
    for kind in ["wild records", "log"] {
      #expect(damage[kind]?["exports"] as? Int ?? 0 > 20, "\(kind)")
      #expect((damage[kind]?["verdicts"] as? [String: Int])?["equal"] ?? 0 > 5, "\(kind)")
    }
    #expect(triad("fuzz", "--source", "traces", "--mode", "16").status == 2)
  }

  private func file(_ records: [TraceRecord], engine: String = "virtualizer") throws -> TemporaryFile {
    let header = TraceHeader(
      isa: "toy", variant: "classic", engine: engine, flavour: "any", level: .instructions, program: "any",
      registers: ["r0"], causes: ["", "trap"], exits: ["privileged"])
    let output = TraceBytesOutput()
    let writer = try TraceWriter(header, as: .binary, to: output)
    try writer.append(records)
    try writer.finish()
    return try TemporaryFile("trace.bin", output.bytes)
  }

  /// A trace of an engine that cannot count has clock 0 everywhere; a made-up one may have any.
  @Test(arguments: ["perfetto", "vcd", "csv", "spike"], [UInt64(0), 1, .max - 1, .max])
  func anyClockCanBeExported(_ format: String, _ clock: UInt64) throws {
    let kinds: [EventKind] = [.retire, .trap, .device, .exit, .emulate, .exit, .retire, .halt]
    let trace = try file(
      kinds.map { TraceRecord($0, clock: clock, pc: .max, address: .max, value: .max, aux: .max) }
        + [TraceRecord(.registerWrite, code: .max, clock: clock, value: .max)])
    let result = triad("export", trace.path, "--to", format)
    #expect(result.status == 0, "\(result.error)")
    if format == "perfetto" { _ = try result.json }
  }

  /// The count that a file claims takes no memory before the records are there.
  @Test func claimedCountsAreNotBelieved() throws {
    var bytes = Array("TRIADTRC".utf8) + [1, 0, 0, 0, 64, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 64, 0, 0, 0]
    bytes += [UInt8](repeating: 0, count: 8) + [8, 7, 6, 5, 4, 3, 2, 1] + [UInt8](repeating: 0, count: 24)
    let trace = try TemporaryFile("trace.bin", bytes)
    for words in [["diff", trace.path, trace.path], ["export", trace.path, "--to", "csv"]] {
      #expect(triad(words).error.contains("the header cannot be 2147483647 bytes long"))
    }
  }
}
