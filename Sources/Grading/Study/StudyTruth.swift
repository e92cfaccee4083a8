internal import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace
internal import X86Backend

/// What is true in the study of exits: recomputed from runs in virtual time, never from what a student says.
package struct StudyTruth: Sendable {
  /// KVM's exits for port input and output, as recorded: for each operation, and for the rest of the program.
  private let recorded: [X86NanoOperation: (perOperation: Int, fixed: Int)]

  /// Reads the recorded numbers: lines `operation,n,exits`, two or more of each operation.
  ///
  /// - Throws: ``SubmissionError`` when they are not there or lie on no line.
  package init(recorded text: String) throws(SubmissionError) {
    var points: [X86NanoOperation: [(Int, Int)]] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix("operation,") {
      let cells = line.split(separator: ",").map(String.init)
      guard cells.count == 3, let program = StudyProgram(isa: "x86", name: cells[0]), let n = Int(cells[1]),
        let exits = Int(cells[2])
      else { throw SubmissionError(description: "recorded numbers: `\(line)` is not `operation,n,exits`") }
      points[program.operation, default: []].append((n, exits))
    }
    var lines: [X86NanoOperation: (Int, Int)] = [:]
    for operation in X86NanoOperation.allCases {
      guard let (n, exits) = points[operation]?.first, let (other, more) = points[operation]?.last, other > n
      else { throw SubmissionError(description: "recorded numbers: too few of \(operation)") }
      let slope = (more - exits) / (other - n)
      guard points[operation]?.allSatisfy({ $0.1 == exits + slope * ($0.0 - n) }) == true else {
        throw SubmissionError(description: "recorded numbers: those of \(operation) lie on no line")
      }
      lines[operation] = (slope, exits - slope * n)
    }
    recorded = lines
  }

  /// What a run shows; `nil` for what cannot be seen.
  package func numbers(_ run: StudyRun, count: Int) throws -> [StudyQuantity: Int] {
    if run.program.isa == "x86", run.engine == .virtualizer {
      let line = recorded[run.program.operation] ?? (0, 0)
      return [.exits: line.perOperation * count + line.fixed]
    }
    return try Self.memory.value(run, count) {
      let counts = try NanoBench.wholeRun(
        run.program.operation, isa: run.program.isa, on: run.engine, count: count
      ).counts
      return [
        .instructions: counts.instructions ?? 0, .traps: (counts.traps ?? [:]).values.reduce(0, +),
        .accesses: counts.accesses ?? 0,
        .exits: run.engine == .virtualizer ? counts.exits.values.reduce(0, +) : 0,
      ]
    }
  }

  /// The number that a formula must give.
  package func number(_ key: StudyKey, count: Int) throws -> Int {
    let engine: EngineKind = key.quantity == .exits ? .virtualizer : .emulator
    return try numbers(StudyRun(program: key.program, engine: engine), count: count)[key.quantity] ?? 0
  }

  /// Runs of one process are the same for every submission of a class.
  private static let memory = StudyMemory()
}

/// Numbers that were worked out before.
private final class StudyMemory: @unchecked Sendable {
  private struct Key: Hashable {
    var run: StudyRun
    var count: Int
  }
  // Every access holds the lock; what is worked out twice at the same time is the same.
  private let lock = NSLock()
  private var known: [Key: [StudyQuantity: Int]] = [:]

  package func value(
    _ run: StudyRun, _ count: Int, _ make: () throws -> [StudyQuantity: Int]
  ) rethrows -> [StudyQuantity: Int] {
    let key = Key(run: run, count: count)
    if let value = lock.withLock({ known[key] }) { return value }
    let value = try make()
    lock.withLock { known[key] = value }
    return value
  }
}
