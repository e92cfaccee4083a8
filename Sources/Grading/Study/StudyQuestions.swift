internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace

/// The numeric questions of the study of exits, with the right answers.
package struct StudyQuestions {
  /// A question's right answer.
  package struct Answer: Equatable {
    /// As in `answers` of the student's file.
    package var name: String
    package var value: Double
    /// Largest distance from ``value`` at which an answer is right.
    package var tolerance: Double

    package func accepts(_ answer: Double) -> Bool { abs(answer - value) <= tolerance }
  }

  /// Cycles of a run under the cost model.
  package struct Cost: Equatable {
    package var instructions: Int
    /// On the bare machine.
    package var bare: Int
    /// The VMM's own.
    package var monitor: Int

    package init(instructions: Int, bare: Int, monitor: Int) {
      self.instructions = instructions
      self.bare = bare
      self.monitor = monitor
    }

    package static func - (left: Cost, right: Cost) -> Cost {
      Cost(
        instructions: left.instructions - right.instructions, bare: left.bare - right.bare,
        monitor: left.monitor - right.monitor)
    }

    package func per(_ count: Int) -> Cost {
      Cost(instructions: instructions / count, bare: bare / count, monitor: monitor / count)
    }
  }

  package let instance: StudyInstance

  package init(instance: StudyInstance) { self.instance = instance }

  /// The names, in the handout's order.
  package static let names = ["share", "slowdown", "spacing", "interpreter", "depth2", "multiplication"]

  /// All questions.
  ///
  /// - Throws: when an engine refuses, which none does here.
  package func answers() throws -> [Answer] {
    let call = try cost("syscall", count("syscall"))
    let input = try cost("in", count("in"))
    let one = (try cost("syscall", 80) - cost("syscall", 40)).per(40)
    let loop = (try cost("callret", 80) - cost("callret", 40)).per(40)
    let (lowest, stack, single) = try stacked("ptemod", count("ptemod"))
    return [
      Answer(
        name: "share", value: Double(call.monitor) / Double(call.bare + call.monitor), tolerance: 0.001),
      Answer(
        name: "slowdown", value: Double(input.bare + input.monitor) / Double(input.bare), tolerance: 0.01),
      Answer(name: "spacing", value: Double(Self.spacing(one, loop, instance.percentage)), tolerance: 1),
      Answer(
        name: "interpreter", value: Double(Self.crossover(one, loop, instance.interpreterCycles)),
        tolerance: 0),
      Answer(name: "depth2", value: Double(lowest), tolerance: 0),
      Answer(name: "multiplication", value: Double(stack) / Double(single), tolerance: 0.01),
    ]
  }

  /// Least number of loops for each call at which the VMM's share of all cycles is at most so many percent.
  package static func spacing(_ call: Cost, _ loop: Cost, _ percentage: Int) -> Int {
    var loops = 0
    while 100 * call.monitor > percentage * (call.bare + call.monitor + loops * loop.bare), loops < 1_000_000
    {
      loops += 1
    }
    return loops
  }

  /// Least number of loops for each call at which the VMM takes fewer cycles than an interpreter.
  package static func crossover(_ call: Cost, _ loop: Cost, _ cycles: Int) -> Int {
    var loops = 0
    while call.bare + call.monitor + loops * loop.bare
      >= cycles * (call.instructions + loops * loop.instructions), loops < 1_000_000
    {
      loops += 1
    }
    return loops
  }

  private func count(_ name: String) -> Int {
    StudyProgram(isa: "toy", name: name).flatMap { instance.counts[$0] } ?? 0
  }

  private func workload(_ name: String, _ count: Int) throws -> Workload {
    guard let program = StudyProgram(isa: "toy", name: name) else {
      throw SubmissionError(description: "there is no nanobenchmark \(name)")
    }
    return try NanoBench.workload(program.operation, isa: "toy", count: count)
  }

  /// What a whole run costs.
  package func cost(_ name: String, _ count: Int) throws -> Cost {
    let workload = try workload(name, count)
    var cycles = CycleCount()
    let bare = try workload.makeEngine(.emulator)
    let recorder = TraceRecorder(level: .instructions) { records in
      for record in records { cycles.add(record) }
    }
    _ = try bare.run(RunLimits(instructions: workload.instructionLimit), into: recorder)
    recorder.flush()
    let engine = try workload.makeEngine(.virtualizer)
    _ = try engine.run(RunLimits(instructions: workload.instructionLimit), into: nil)
    var counts = InterventionCounts()
    counts.emulated = engine.statistics.emulated
    counts.delivered = engine.statistics.reflected + engine.statistics.injected
    counts.exits = engine.statistics.exits
    return Cost(
      instructions: Int(clamping: bare.platform.retired), bare: Int(clamping: cycles.cycles),
      monitor: Int(clamping: CostModel().overhead(counts)))
  }

  /// Exits of the lower of two VMMs besides its own page fills, all exits of both, and all of a single VMM.
  private func stacked(_ name: String, _ count: Int) throws -> (lowest: Int, stack: Int, single: Int) {
    let workload = try workload(name, count)
    let limits = RunLimits(instructions: workload.instructionLimit)
    let levels = try TrapMultiplication(workload, depth: 2, limits: limits).levels
    let single = try workload.makeEngine(.virtualizer)
    _ = try single.run(limits, into: nil)
    return (
      Int(clamping: levels.first?.measured ?? 0),
      Int(clamping: levels.reduce(0) { $0 + $1.measured + $1.fills }),
      Int(clamping: single.statistics.exitCount)
    )
  }
}
