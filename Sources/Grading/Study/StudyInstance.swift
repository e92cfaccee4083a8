internal import X86Backend

/// What is a student's own in the study of exits: how often operations run, and the questions' numbers.
package struct StudyInstance: Sendable {
  package let seed: UInt64
  /// How many operations each nanobenchmark carries out in the student's measurements.
  package let counts: [StudyProgram: Int]
  /// Numbers of operations, not told to the student, at which formulas are evaluated.
  package let hiddenCounts: [StudyProgram: [Int]]
  /// Percentage of the question `spacing`.
  package let percentage: Int
  /// Cycles that the interpreter of the question `interpreter` takes for an instruction.
  package let interpreterCycles: Int

  /// Least and most of all counts: long enough to matter, short enough that no time slice of a VMM ends.
  package static let range = 20..<400
  /// Least distance between the counts of one nanobenchmark.
  package static let distance = 40

  package init(seed: UInt64) {
    self.seed = seed
    var random = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ 9)
    func count(farFrom others: [Int] = []) -> Int {
      while true {
        let count = Self.range.lowerBound + random.below(Self.range.count)
        if others.allSatisfy({ abs($0 - count) >= Self.distance }) { return count }
      }
    }
    var counts: [StudyProgram: Int] = [:]
    var hidden: [StudyProgram: [Int]] = [:]
    for program in StudyProgram.all {
      let mine = count()
      let first = count(farFrom: [mine])
      counts[program] = mine
      hidden[program] = [first, count(farFrom: [mine, first])]
    }
    self.counts = counts
    hiddenCounts = hidden
    percentage = random.pick([4, 5, 6, 8, 10, 12])
    interpreterCycles = 3 + random.below(7)
  }

  /// The file that the student gets.
  package var text: String {
    let rows = StudyProgram.all.map { "    [\"\($0.isa)\", \"\($0.operation)\", \(counts[$0] ?? 0)]" }
    return """
      {
        "lab": "Lab09",
        "seed": \(seed),
        "counts": [
      \(rows.joined(separator: ",\n"))
        ],
        "spacing": {"percent": \(percentage)},
        "interpreter": {"cyclesPerInstruction": \(interpreterCycles)}
      }

      """
  }
}
