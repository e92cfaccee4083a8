import Foundation
import Testing
import X86Backend

/// Decompression, of what another implementation compressed.
@Suite struct GzipTests {
  private func decoded(_ base64: String) throws -> [UInt8] {
    [UInt8](try #require(Data(base64Encoded: base64)))
  }

  private let fixed = "H4sIAAAAAAACA0vLrEhNUUhDIpPzU1KLAU7U7pgXAAAA"
  private let stored = "H4sIAAAAAAAEAwEMAPP/c3RvcmVkIGJ5dGVzeHemDwwAAAA="

  @Test func fixedAndStoredBlocks() throws {
    #expect(try Gzip.decompress(decoded(fixed)) == Array("fixed fixed fixed codes".utf8))
    #expect(try Gzip.decompress(decoded(stored)) == Array("stored bytes".utf8))
  }

  @Test func membersFollowOneAnother() throws {
    let both = try decoded(fixed) + decoded(stored)
    #expect(try Gzip.decompress(both) == Array("fixed fixed fixed codesstored bytes".utf8))
  }

  /// Codes of the block's own: the packed vectors against the plain ones.
  @Test func ownCodes() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Vectors")
    let packed = [UInt8](try Data(contentsOf: folder.appending(path: "8086-packed.json.gz")))
    let plain = [UInt8](try Data(contentsOf: folder.appending(path: "8086.json")))
    #expect(try Gzip.decompress(packed) == plain)
  }

  @Test func damageIsFound() throws {
    let good = try decoded(stored)
    for index in good.indices where index > 10 && index < good.count - 4 {
      var bad = good
      bad[index] ^= 0x10
      #expect(throws: Gzip.Failure.self, "byte \(index)") { try Gzip.decompress(bad) }
    }
    for count in 3..<good.count {
      #expect(throws: Gzip.Failure.self, "\(count) bytes") { try Gzip.decompress(Array(good.prefix(count))) }
    }
    #expect(throws: Gzip.Failure.self) { try Gzip.decompress(good, limit: 5) }
  }

  /// A file of a few bytes that stands for many: a literal and matches of the longest length, one bit each.
  @Test func bombsAreRefused() throws {
    // Fixed codes: `a`, then 258 bytes at distance 1, again and again: 8 + 5 bits each.
    var bits: [UInt8] = [1, 1, 0]
    func code(_ value: Int, _ length: Int) { bits += (0..<length).reversed().map { UInt8(value >> $0 & 1) } }
    code(0x30 + 0x61, 8)
    for _ in 0..<40_000 {
      code(0xC5, 8)
      code(0, 5)
    }
    code(0, 7)
    while bits.count % 8 != 0 { bits.append(0) }
    let stream = stride(from: 0, to: bits.count, by: 8).map { start in
      (0..<8).reduce(UInt8(0)) { $0 | bits[start + $1] << UInt8($1) }
    }
    let file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + stream + [UInt8](repeating: 0, count: 8)
    let message = #expect(throws: Gzip.Failure.self) { try Gzip.decompress(file, limit: 1 << 20) }
    #expect("\(message.map(String.init(describing:)) ?? "")".contains("more than"))
  }
}
