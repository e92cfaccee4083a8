import Foundation
import Testing
import ToyISA

@Suite struct ReferenceCardTests {
  private var file: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: ToyReferenceCard.path)
  }

  @Test func cardInDocsIsTheGeneratedOne() throws {
    let text = ToyReferenceCard.markdown()
    if ProcessInfo.processInfo.environment["TRIAD_REGENERATE"] == "1" {
      try Data(text.utf8).write(to: file)
    }
    let kept = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    #expect(
      kept == text,
      "Docs/ToyISA.md is not up to date: TRIAD_REGENERATE=1 swift test --disable-xctest --filter ReferenceCardTests"
    )
  }

  @Test func cardNamesEverything() {
    let text = ToyReferenceCard.markdown()
    for row in toyTable { #expect(text.contains("| `\(ToyReferenceCard.syntax(of: row))` |")) }
    for pseudo in ToyPseudo.table { #expect(text.contains("| `\(pseudo.mnemonic)")) }
    for variant in ToyVariant.allCases { #expect(text.contains("| `\(variant.rawValue)` |")) }
    for constant in ToyConstants.all where !constant.name.contains("_") || constant.name.hasPrefix("DISK") {
      #expect(text.contains("`\(constant.name)`"))
    }
  }

  @Test func exampleAssembles() throws {
    let image = try ToyAssembler.assemble(ToyReferenceCard.example)
    #expect(image.entry == 0x100)
    #expect(image.symbol(named: "count") != nil)
  }

  @Test func patternsMatchTheEncoder() throws {
    for (index, row) in toyTable.enumerated() {
      let bits = ToyReferenceCard.pattern(of: row).filter { $0 != " " }
      #expect(bits.count == 32)
      let largest = try #require(
        ToyCodec.encode(
          row: index,
          row.format.fields.map { field in
            field == .words16 || field == .words20 || field == .signed16 ? -4 : field.range.upperBound
          }))
      // Every bit that the fields can set is a letter in the pattern, and no other.
      for (position, bit) in bits.enumerated() {
        let isSet = largest >> UInt32(31 - position) & 1 == 1
        if bit == "0" || bit == "1" { #expect(isSet == (bit == "1"), "\(row.mnemonic) bit \(31 - position)") }
      }
    }
  }
}
