import Properties
import Testing

@Suite struct FileFuzzTests {
  @Test func damagedFilesGiveErrorsOrRun() throws {
    let kinds = UInt64(FuzzedFile.allCases.count)
    let report = try FileFuzzer.run(seed: 5, count: 40 * kinds)
    #expect(report.failures.isEmpty, "seed 5: \(report.failures)")
    for kind in FuzzedFile.allCases {
      let tally = try #require(report.tallies[kind])
      #expect(tally.cases == 40)
      #expect(tally.refused + tally.ends.values.reduce(0, +) == 40)
      // Neither is everything refused nor is damage overlooked.
      #expect(tally.refused < 40, "\(kind)")
      if kind != .firmware { #expect(tally.refused > 0, "\(kind)") }
    }
  }

  @Test func aCaseDependsOnSeedAndNumberOnly() throws {
    let kinds = UInt64(FuzzedFile.allCases.count)
    let whole = try FileFuzzer.run(seed: 7, count: 10 * kinds)
    let split = try FileFuzzer.run(seed: 7, jobs: 2, count: 10 * kinds)
    for kind in FuzzedFile.allCases {
      #expect(whole.tallies[kind]?.refused == split.tallies[kind]?.refused, "\(kind)")
      #expect(whole.tallies[kind]?.ends == split.tallies[kind]?.ends, "\(kind)")
      #expect(whole.tallies[kind]?.errors == split.tallies[kind]?.errors, "\(kind)")
    }
  }
}
