import Foundation
import MachineCore
import Properties
import Trace
import Virtualizer

let compareCommand = CommandSpecification(
  name: "compare", summary: "Run programs on all machines and check the three properties.",
  arguments: [
    ArgumentSpecification(
      name: "PROGRAM", help: "built-in names or files; without any, the built-in set", count: 0...1000)
  ],
  options: [
    OptionSpecification("--on", "E,E,…", "engines (default simulator,emulator,virtualizer)"),
    OptionSpecification("--level", "LEVEL", "final, events or instructions (default instructions)"),
    depthOption, vmmOption, limitOption,
    OptionSpecification(
      "--host-seconds", "S",
      "bound on host time, for engines that cannot count instructions (KVM; default 10)"),
    OptionSpecification(
      "--bisect", "N",
      "for long runs: compare state digests every N instructions, traces only where they differ"),
    OptionSpecification(
      "--plant", "[E:]N", "make instruction N of an engine wrong (default the emulator), to find it again"),
    OptionSpecification("--context", "N", "events shown around a divergence (default 5)"), jsonOption,
  ] + htmlOptions + machineOptions,
  examples: [
    "triad compare", "triad compare minos --on simulator,virtualizer --depth 2",
    "triad compare long64 --json", "triad compare sieve --define SIZE=200000 --bisect 1000000",
    "triad compare x86-crc64 --bisect 1000000 --plant 123456", "triad compare minos --html minos.html",
  ],
  run: { arguments, terminal in
    try refuseFreeTime(arguments)
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
    let fault = try plantedFault(arguments.value("--plant"), kinds)
    let seconds = try arguments.number("--host-seconds") ?? 10
    guard (1...86_400).contains(seconds) else {
      throw CommandFailure.usage("--host-seconds takes 1 to 86400")
    }

    var reports: [WorkloadReport] = []
    let html = arguments.value("--html")
    var page = ReportPage(budget: try htmlBudget(arguments) / max(workloads.count, 1))
    for (position, var workload) in workloads.enumerated() {
      if let limit { workload.instructionLimit = limit }
      var comparison = WorkloadComparison(
        workload, on: kinds, level: level, depth: workload.isa == "toy" ? depth : 1, context: context,
        hostSeconds: Double(seconds),
        progress: { terminal.progress("[\(position + 1)/\(workloads.count)] \($0)") })
      comparison.construction =
        kinds.contains(.virtualizer) && workload.isa == "toy"
        ? try parseConstruction(arguments, .virtualizer, workload) : .plain
      comparison.bisectionStride = stride
      comparison.plantedFault = fault
      let report = try comparison.run()
      reports.append(report)
      if html != nil { try page.add(comparison, report) }
    }
    terminal.progress("")
    if let html {
      try writeFile(
        Array(page.html(title: "Triad: " + names.prefix(3).joined(separator: ", ")).utf8), to: html)
      terminal.note("[page in \(html)]")
    }
    if arguments.has("--json") {
      terminal.line(try jsonText(CompareOutput(reports, depth: depth)))
    } else {
      CompareRendering(reports: reports, terminal: terminal).write()
    }
    if reports.contains(where: \.hasFailure) { return .failure }
    // Nothing that was asked for could be run at all.
    return reports.contains { $0.engines.contains { $0.stop != nil } } ? .success : .hostLacks
  })

/// `N` or `ENGINE:N`.
func plantedFault(_ text: String?, _ kinds: [EngineKind]) throws -> (
  kind: EngineKind, instruction: UInt64
)? {
  guard let text else { return nil }
  let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
  guard parts.count <= 2, let number = parts.last.flatMap({ UInt64($0) }), number > 0 else {
    throw CommandFailure.usage("--plant takes the number of an instruction, or ENGINE:NUMBER, not `\(text)`")
  }
  let kind =
    parts.count == 2
    ? try parseChoice(parts[0], "--plant", of: EngineKind.self, named: \.rawValue) : .emulator
  guard kinds.contains(kind) else {
    throw CommandFailure.usage("--plant names the \(kind.rawValue), which is not among the engines of --on")
  }
  return (kind, number)
}

/// The kinds of `--on`; all if it is not given.
func engineKinds(_ text: String?) throws -> [EngineKind] {
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
    var finding: FindingOutput?
  }

  struct FindingOutput: Encodable {
    var sides: [[String]]
    var alone: String?
    var window: String
    var evidence: [String]
    var instruction: UInt64?
    var pc: String?
    var field: String?

    init(_ finding: DivergenceFinding) {
      sides = finding.sides.map { $0.map(\.rawValue) }
      alone = finding.alone?.rawValue
      window = finding.window
      evidence = finding.evidence
      guard let divergence = finding.divergence?.0 else { return }
      let head = (divergence.left ?? divergence.right)?.head
      instruction = head?.clock
      pc = head.map { hex($0.pc) }
      field = divergence.fieldName
    }
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
        }, finding: report.finding.map(FindingOutput.init))
    }
  }
}
