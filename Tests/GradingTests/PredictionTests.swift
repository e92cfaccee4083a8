import Grading
import Testing

@Suite struct PredictionTests {
  @Test func linesAreReadAndOthersLeftOut() {
    let given = Predictions.parse("# a,1\nb, 12\r\nc,0x1F\nd\ne,1,2\nf,-3\ng,5\ng,5\n,7\nh,one\n")
    #expect(given == ["b": 12, "c": 31])
  }

  @Test func leakyGivesTheRealBaseToItsFirstUser() throws {
    let answers = Dictionary(uniqueKeysWithValues: try Predictions.leaky().map { ($0.name, $0.value) })
    // leaky-probe's user has base 0x8000, and the region begins at 0x7000.
    #expect(answers["opcode"] == 0x54)
    #expect(answers["value"] == 0xF000)
    #expect(answers["variants"] == 3)
    #expect(answers["before", default: 0] > 100)
  }

  @Test func everyLevelSeesEveryTrap() throws {
    let answers = Dictionary(
      uniqueKeysWithValues: try Predictions.multiplication().map { ($0.name, $0.value) })
    #expect(answers["single", default: 0] > 100)
    #expect(answers["lowest"] == answers["single"])
    #expect(answers["together"] == answers["single"].map { $0 * 3 })
  }
}
