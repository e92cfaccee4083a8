import MachineCore
import Properties

/// `triad fuzz --source traces`: damaged traces and logs, read as the commands read them.
func fuzzTraces(_ arguments: ParsedArguments, _ plan: FuzzPlan, _ terminal: Terminal) throws -> ExitStatus {
  for option in ["--isa", "--mode", "--cpu", "--variant", "--engines", "--write"]
  where arguments.value(option) != nil {
    throw CommandFailure.usage("\(option) has no meaning with --source traces: all kinds come in turn")
  }
  let start = ContinuousClock.now
  let before = MachineChurn.Holdings.now.resident
  let seed = plan.seed
  let progress = FuzzProgress(terminal: terminal)
  let parts = try FuzzJobs.run(plan.jobs, first: plan.first, count: plan.count ?? 10_000) {
    number, first, count in
    let fuzzer = try TraceFuzzer(seed: seed)
    for index in first..<first + count {
      fuzzer.run(index)
      if number == 0, (index - first) & 127 == 127 { progress.show(index - first + 1, "traces") }
    }
    return fuzzer.report
  }
  var report = TraceFuzzer.Report()
  for part in parts {
    for (kind, tally) in part.tallies { report.tallies[kind, default: TraceFuzzer.Tally()].add(tally) }
    report.failures += part.failures
  }
  terminal.progress("")
  let growth = MachineChurn.Holdings.now.resident - before
  let seconds = start.duration(to: .now).seconds
  if plan.isJSON {
    terminal.line(try jsonText(TraceFuzzOutput(report, seed, seconds, growth)))
    return report.failures.isEmpty ? .success : .failure
  }
  for text in report.failures { terminal.line("failure: \(text)") }
  var table = TextTable([
    ("damage", .left), ("cases", .right), ("whole", .right), ("exports", .right), ("errors", .right),
    ("slowest ms", .right), ("case", .right), ("comparisons", .left),
  ])
  for kind in TraceDamage.allCases {
    guard let tally = report.tallies[kind] else { continue }
    let verdicts = tally.verdicts.sorted { $0.key < $1.key }.map { "\($0.key) \(grouped($0.value))" }
    table.add([
      kind.rawValue, grouped(tally.cases), grouped(tally.whole), grouped(tally.exports),
      "\(tally.errors.count)",
      fixedPoint(tally.slowest.seconds * 1e3, 1), "\(tally.slowest.index)", verdicts.joined(separator: ", "),
    ])
  }
  for line in table.lines() { terminal.line(line) }
  terminal.line("seed \(seed), \(fixedPoint(seconds, 1)) seconds; the process grew by \(growth >> 20) MiB")
  return report.failures.isEmpty ? .success : .failure
}

private struct TraceFuzzOutput: Encodable {
  struct Tally: Encodable {
    var cases, whole, exports: UInt64
    var verdicts: [String: UInt64]
    var differentErrors: Int
    var slowestCase: UInt64
    var slowestSeconds: Double
  }

  var seed: UInt64
  var damage: [String: Tally]
  var failures: [String]
  var seconds: Double
  var bytesGrown: Int

  init(_ report: TraceFuzzer.Report, _ seed: UInt64, _ seconds: Double, _ growth: Int) {
    self.seed = seed
    damage = Dictionary(
      uniqueKeysWithValues: report.tallies.map { kind, tally in
        (
          kind.rawValue,
          Tally(
            cases: tally.cases, whole: tally.whole, exports: tally.exports, verdicts: tally.verdicts,
            differentErrors: tally.errors.count, slowestCase: tally.slowest.index,
            slowestSeconds: tally.slowest.seconds)
        )
      })
    failures = report.failures
    self.seconds = seconds
    bytesGrown = growth
  }
}
