import Foundation
import Testing
import Trace

@Suite struct DocumentTests {
  static let document: String = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return (try? String(contentsOf: root.appendingPathComponent("Docs/TraceFormat.md"), encoding: .utf8))
      ?? ""
  }()

  @Test func theExampleIsWhatTheWriterWrites() throws {
    let parts = Self.document.components(
      separatedBy: "<!-- example: written by the test suite -->\n```json\n")
    try #require(parts.count == 2)
    let example = try #require(parts[1].components(separatedBy: "```").first)
    #expect(example == Samples.text(try Samples.write(Samples.small, as: .json)))
    #expect(try Samples.read(Array(example.utf8)).records == Samples.small)
  }

  @Test func everyKindHasItsRow() {
    for kind in EventKind.allCases {
      #expect(Self.document.contains("| \(kind.rawValue) | `\(kind.name)` |"))
    }
  }

  @Test func everyHeaderKeyHasItsRow() {
    let keys = Samples.header.jsonText.split(separator: "\"").indices.compactMap { index -> String? in
      let parts = Samples.header.jsonText.split(separator: "\"")
      return index + 1 < parts.count && parts[index + 1].hasPrefix(":") ? String(parts[index]) : nil
    }
    #expect(keys.count == 17)
    for key in keys { #expect(Self.document.contains("`\(key)`"), "\(key)") }
  }

  /// The digest as section 8 words it, computed a second time.
  @Test func theDigestIsTheDocumentedOne() {
    var state: UInt64 = 0xCBF2_9CE4_8422_2325
    func mix(_ word: UInt64) {
      state = (state ^ word) &* 0x100_0000_01B3
      state = state << 23 | state >> 41
    }
    mix(0x0807_0605_0403_0201)
    mix(0x09)
    let y = state ^ (16 + 1)
    let x = (y ^ (y >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    #expect(Digest.of([1, 2, 3, 4, 5, 6, 7, 8, 9]) == x ^ (x >> 33))
  }
}
