import Foundation
import Grading
import MachineCore
import Properties
import Testing
import X86Backend

/// The study of exits: what is true, what is asked, and what counts as right.
@Suite struct StudyTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Labs/Lab09")

  private func truth() throws -> StudyTruth {
    try StudyTruth(
      recorded: String(contentsOf: Self.folder.appendingPathComponent("recorded-kvm.csv"), encoding: .utf8))
  }

  @Test func instancesDifferBySeedAndStayInRange() throws {
    var texts: Set<String> = []
    for seed in UInt64(0)..<20 {
      let instance = StudyInstance(seed: seed)
      texts.insert(instance.text)
      for program in StudyProgram.all {
        let hidden = try #require(instance.hiddenCounts[program])
        let all = hidden + [try #require(instance.counts[program])]
        #expect(all.allSatisfy(StudyInstance.range.contains))
        #expect(abs(hidden[0] - hidden[1]) >= StudyInstance.distance, "seed \(seed)")
        #expect(!instance.text.contains("hidden"))
      }
    }
    #expect(texts.count == 20)
    let committed = try String(
      contentsOf: Self.folder.appendingPathComponent("counts.json"), encoding: .utf8)
    #expect(committed == StudyInstance(seed: 1).text)
  }

  /// Equivalence: the guest's events are the same on every engine, so formulas for them name none.
  @Test(arguments: StudyProgram.all)
  func eventsAreTheSameOnEveryEngine(_ program: StudyProgram) throws {
    let truth = try truth()
    var simulated = try truth.numbers(StudyRun(program: program, engine: .simulator), count: 23)
    let emulated = try truth.numbers(StudyRun(program: program, engine: .emulator), count: 23)
    #expect(simulated == emulated)
    #expect(simulated[.exits] == 0)
    guard program.isa == "toy" else { return }
    let virtual = try truth.numbers(StudyRun(program: program, engine: .virtualizer), count: 23)
    simulated[.exits] = virtual[.exits]
    #expect(virtual == simulated)
    #expect(virtual[.exits, default: 0] > 0)
  }

  /// Every access to a port comes out of KVM as an exit of its own, so what was recorded can be recomputed.
  @Test(arguments: StudyProgram.all.filter { $0.isa == "x86" }, [31, 254])
  func recordedExitsAreTheAccesses(_ program: StudyProgram, _ count: Int) throws {
    let truth = try truth()
    let recorded = try truth.numbers(StudyRun(program: program, engine: .virtualizer), count: count)
    let emulated = try truth.numbers(StudyRun(program: program, engine: .emulator), count: count)
    #expect(recorded[.exits] == emulated[.accesses])
    guard KVMProbe.shared.error == nil else { return }
    let live = try NanoBench.wholeRun(program.operation, isa: "x86", on: .virtualizer, count: count)
    #expect(live.counts.exits["IO"] == recorded[.exits])
  }

  @Test func recordedNumbersMustLieOnLines() throws {
    let text = try String(
      contentsOf: Self.folder.appendingPathComponent("recorded-kvm.csv"), encoding: .utf8)
    for (good, bad) in [("in,200,216", "in,200,217"), ("callret,100,16\n", "callret,x,16\n")] {
      #expect(text.contains(good))
      #expect(throws: SubmissionError.self) { try StudyTruth(recorded: text.replacing(good, with: bad)) }
    }
    #expect(throws: SubmissionError.self) { try StudyTruth(recorded: "operation,n,exits\n") }
  }

  @Test func halfAFormulaIsItsGrowth() {
    func parts(_ slope: Double, _ fixed: Double?, tolerance: Int = 0) -> Int {
      FormulaExercise.judge(slope, fixed, [50, 150], [120, 320], tolerance: tolerance)
    }
    #expect(parts(2, 20) == 2)
    #expect(parts(2, 21) == 1)
    #expect(parts(2, nil) == 1)
    #expect(parts(2, 28, tolerance: 8) == 2)
    #expect(parts(2, 29, tolerance: 8) == 1)
    #expect(parts(3, 20) == 0)
    #expect(parts(2.01, 20, tolerance: 8) == 0)
    #expect(FormulaExercise.judge(2, 20, [50, 50], [120, 120], tolerance: 0) == 0)
  }

  @Test func answersByHand() throws {
    typealias Cost = StudyQuestions.Cost
    let call = Cost(instructions: 10, bare: 24, monitor: 300)
    let loop = Cost(instructions: 5, bare: 8, monitor: 0)
    // 300 / (324 + 8m) ≤ 10 % from m = 334.5 on; 324 + 8m < 6 (10 + 5m) from m = 12 + on.
    #expect(StudyQuestions.spacing(call, loop, 10) == 335)
    #expect(StudyQuestions.crossover(call, loop, 6) == 13)
    // `svc` and `lpsw`: two exits, one instruction interpreted, one trap given to the guest.
    let questions = StudyQuestions(instance: StudyInstance(seed: 4))
    let each = (try questions.cost("syscall", 70) - questions.cost("syscall", 50)).per(20)
    #expect(each == Cost(instructions: 10, bare: each.bare, monitor: 2 * 100 + 40 + 60))
    let answers = try questions.answers()
    #expect(answers.map(\.name) == StudyQuestions.names)
    #expect(answers == (try questions.answers()))
    for answer in answers {
      #expect(answer.accepts(answer.value))
      #expect(!answer.accepts(answer.value + 2 * answer.tolerance + 1), "\(answer.name)")
    }
  }

  @Test func aWrongRowCostsOnlyItself() throws {
    let file = try StudyFile(
      """
      { // a comment
        formulas: [
          ["toy", "in", "exits", 1, 17], ["toy", "in", "exits", 5, 5], ["toy", "out", "exits", 1, 2], 7,
          ["x86", "in", "traps", null, "x"],
        ],
        "measured": [["toy", "in", "emulator", 20, 1, 2, 3, null], ["toy", "in", "abacus", 20, 1, 2, 3, 4]],
        "answers": {"share": 0.5, "spacing": null, "depth2": "many"},
      }
      """)
    let input = try #require(StudyProgram(isa: "toy", name: "in"))
    #expect(file.formulas[StudyKey(program: input, quantity: .exits)]?.perOperation == 1)
    #expect(file.formulas.count == 2)
    #expect(file.measured[StudyRun(program: input, engine: .emulator)] == [20, 1, 2, 3, nil])
    #expect(file.measured.count == 1)
    #expect(file.answers == ["share": 0.5])
    #expect(file.notes.count == 4, "\(file.notes)")
    #expect(throws: SubmissionError.self) { try StudyFile("[1]") }
    #expect(throws: SubmissionError.self) { try StudyFile("{\"formulas\": [[}") }
    let empty = try StudyFile("{}")
    #expect(empty.formulas.isEmpty && empty.notes.count == 3)
  }
}
