import MachineCore
import Properties
import Trace

let compareCommand = CommandSpecification(
  name: "compare", summary: "Run programs on all machines and check the three properties.",
  arguments: [
    ArgumentSpecification(
      name: "PROGRAM", help: "built-in names or files; without any, the built-in set", count: 0...1000)
  ],
  options: [
    OptionSpecification("--on", "E,E,…", "engines (default simulator,emulator,virtualizer)"),
    OptionSpecification("--level", "LEVEL", "final, events or instructions (default instructions)"),
    depthOption, limitOption,
    OptionSpecification(
      "--host-seconds", "S",
      "bound on host time, for engines that cannot count instructions (KVM; default 10)"),
    OptionSpecification(
      "--bisect", "N",
      "for long runs: compare state digests every N instructions, traces only where they differ"),
    OptionSpecification("--context", "N", "events shown around a divergence (default 5)"), jsonOption,
  ] + machineOptions,
  examples: [
    "triad compare", "triad compare minos --on simulator,virtualizer --depth 2",
    "triad compare long64 --json", "triad compare sieve --define SIZE=200000 --bisect 1000000",
  ],
  run: { arguments, terminal in
    let kinds = try engineKinds(arguments.value("--on"))
    let level =
      try arguments.choice("--level", of: TraceLevel.self, named: \.name) ?? .instructions
    let depth = try parseDepth(arguments)
    let context = Int(clamping: try arguments.number("--context") ?? 5)
    var names: [String] = []
    for name in arguments.positional.isEmpty ? BuiltIn.comparisonSet : arguments.positional
    where !names.contains(name) {
      names.append(name)
    }
    let workloads = try names.map { try loadWorkload($0, arguments) }
    let limit = try arguments.number("--max-instructions")
    let stride = try arguments.number("--bisect")
    let seconds = try arguments.number("--host-seconds") ?? 10
    guard (1...86_400).contains(seconds) else {
      throw CommandFailure.usage("--host-seconds takes 1 to 86400")
    }

    var reports: [WorkloadReport] = []
    for (position, var workload) in workloads.enumerated() {
      if let limit { workload.instructionLimit = limit }
      var comparison = WorkloadComparison(
        workload, on: kinds, level: level, depth: workload.isa == "toy" ? depth : 1, context: context,
        hostSeconds: Double(seconds),
        progress: { terminal.progress("[\(position + 1)/\(workloads.count)] \($0)") })
      comparison.bisectionStride = stride
      reports.append(try comparison.run())
    }
    terminal.progress("")
    if arguments.has("--json") {
      terminal.line(try jsonText(CompareOutput(reports, depth: depth)))
    } else {
      CompareRendering(reports: reports, terminal: terminal).write()
    }
    if reports.contains(where: \.hasFailure) { return .failure }
    // Nothing that was asked for could be run at all.
    return reports.contains { $0.engines.contains { $0.stop != nil } } ? .success : .hostLacks
  })

private func engineKinds(_ text: String?) throws -> [EngineKind] {
  guard let text else { return EngineKind.allCases }
  var kinds: [EngineKind] = []
  for name in text.split(separator: ",").map(String.init) {
    let kind = try parseChoice(name, "--on", of: EngineKind.self, named: \.rawValue)
    if !kinds.contains(kind) { kinds.append(kind) }
  }
  guard !kinds.isEmpty else { throw CommandFailure.usage("--on needs at least one engine") }
  return kinds
}

/// What `triad compare --json` prints.
private struct CompareOutput: Encodable {
  struct VerdictOutput: Encodable {
    var verdict: String
    var reason: String?

    init(_ verdict: Verdict) {
      self.verdict = verdict.name
      reason = verdict.reason
    }
  }

  struct EngineOutput: Encodable {
    var engine: String
    var flavour: String
    var stop: StopOutput?
    var statistics: StatisticsOutput
    var directFraction: Double?
    var hostSeconds: Double
    var level: String?
    var notes: [String]
    var equivalence: VerdictOutput
    var control: VerdictOutput
    var efficiency: VerdictOutput
  }

  struct WorkloadOutput: Encodable {
    var program: String
    var isa: String
    var variant: String
    var reference: String
    var retired: UInt64
    var engines: [EngineOutput]
  }

  var depth: Int
  var failed: Bool
  var workloads: [WorkloadOutput]

  init(_ reports: [WorkloadReport], depth: Int) {
    self.depth = depth
    failed = reports.contains(where: \.hasFailure)
    workloads = reports.map { report in
      WorkloadOutput(
        program: report.workload.name, isa: report.workload.isa, variant: report.workload.variant,
        reference: report.reference.rawValue, retired: report.retired,
        engines: report.engines.map { engine in
          EngineOutput(
            engine: engine.kind.rawValue, flavour: engine.flavour, stop: engine.stop.map(StopOutput.init),
            statistics: StatisticsOutput(engine.statistics),
            directFraction: EfficiencyCheck.directFraction(engine, retired: report.retired),
            hostSeconds: Double(engine.nanoseconds) / 1e9, level: engine.level?.name, notes: engine.notes,
            equivalence: VerdictOutput(engine.equivalence), control: VerdictOutput(engine.control),
            efficiency: VerdictOutput(engine.efficiency))
        })
    }
  }
}
