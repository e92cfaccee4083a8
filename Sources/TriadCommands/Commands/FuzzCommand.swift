import MachineCore
import Properties
import ToyISA
import X86Backend

let fuzzCommand = CommandSpecification(
  name: "fuzz",
  summary: "Try instructions, programs or plain bytes on several engines and compare them.",
  arguments: [],
  options: [
    OptionSpecification("--isa", "ISA", "x86 or toy (default x86)"),
    OptionSpecification(
      "--source", "WHAT",
      "x86: table (single instructions made from the table, the default) or bytes (noise and rows of instructions); of either ISA: files (damaged programs, images, snapshots, traces and captures) or traces (damaged ones, compared and exported)"
    ),
    OptionSpecification(
      "--cpu", "MODEL", "x86: processor model (default x86-64); older ones in 16-bit mode only"),
    OptionSpecification("--mode", "BITS", "x86: 16, 32 or 64 (default 64)"),
    OptionSpecification("--variant", "NAME", "toy: which variant (default classic); random programs are run"),
    OptionSpecification(
      "--engines", "LIST",
      "x86: simulator,emulator and, in 64-bit mode, native (default simulator,emulator); bytes need one of the first two (default emulator)"
    ),
    OptionSpecification("--count", "N", "cases (default 100000), or programs (toy, default 64)"),
    OptionSpecification("--first", "N", "x86: number of the first case (default 0)"),
    OptionSpecification("--seed", "S", "seed (default 1)"),
    OptionSpecification("--jobs", "N", "threads (default 1); what is found does not depend on it"),
    OptionSpecification(
      "--write", "FILE",
      "x86: write the cases of the table with their outcomes, a line of JSON each; - is the output"),
    jsonOption,
  ],
  examples: [
    "triad fuzz --mode 32 --count 200000 --jobs 2",
    "triad fuzz --mode 64 --engines simulator,emulator,native --seed 7",
    "triad fuzz --mode 16 --source bytes --engines simulator,emulator --count 100000",
    "triad fuzz --isa toy --variant popf --count 100", "triad fuzz --source files --count 110000 --jobs 2",
    "triad fuzz --source traces --count 10000",
  ],
  run: { arguments, terminal in
    let jobs = Int(clamping: try arguments.number("--jobs") ?? 1)
    guard (1...256).contains(jobs) else { throw CommandFailure.usage("--jobs takes 1 to 256") }
    let plan = FuzzPlan(
      seed: try arguments.number("--seed") ?? 1, jobs: jobs,
      first: min(try arguments.number("--first") ?? 0, 1 << 62), count: try arguments.number("--count"),
      isJSON: arguments.has("--json"))
    guard (1...1_000_000_000).contains(plan.count ?? 1) else {
      throw CommandFailure.usage("--count takes 1 to 1000000000")
    }
    if arguments.value("--source") == "traces" { return try fuzzTraces(arguments, plan, terminal) }
    if arguments.value("--source") == "files" { return try fuzzFiles(arguments, plan, terminal) }
    switch arguments.value("--isa") ?? "x86" {
    case "x86": return try fuzzX86(arguments, plan, terminal)
    case "toy": return try fuzzToy(arguments, plan, terminal)
    case let name: throw CommandFailure.usage("--isa takes x86 or toy, not `\(name)`")
    }
  })

/// What all kinds of fuzzing have in common.
struct FuzzPlan {
  var seed: UInt64
  var jobs: Int
  var first: UInt64
  var count: UInt64?
  var isJSON: Bool
}

/// Shows progress from the thread that does the first part, while the main thread waits for all of them.
struct FuzzProgress: @unchecked Sendable {
  let terminal: Terminal

  func show(_ count: UInt64, _ what: String) { terminal.progress("fuzz: \(grouped(count)) \(what)") }
}

private func fuzzX86(_ arguments: ParsedArguments, _ plan: FuzzPlan, _ terminal: Terminal) throws
  -> ExitStatus
{
  guard !arguments.has("--variant") else { throw CommandFailure.usage("--variant is for --isa toy") }
  let mode =
    try arguments.value("--mode").map { text in
      try parseChoice(text, "--mode", of: X86Mode.self) { String($0.rawValue) }
    } ?? .long64
  let model = try arguments.choice("--cpu", of: X86CPUModel.self, named: \.rawValue) ?? .modern
  guard model == .modern || mode == .real16 else {
    throw CommandFailure.usage("--cpu \(model.rawValue) needs --mode 16")
  }
  let source = arguments.value("--source") ?? "table"
  guard ["table", "bytes"].contains(source) else {
    throw CommandFailure.usage("--source takes table, bytes, files or traces, not `\(source)`")
  }
  let engines = Set(
    (arguments.value("--engines") ?? (source == "bytes" ? "emulator" : "simulator,emulator")).split(
      separator: ","
    )
    .map(String.init))
  let progress = FuzzProgress(terminal: terminal)
  if source == "bytes" {
    guard !engines.isEmpty, engines.isSubset(of: ["simulator", "emulator"]) else {
      throw CommandFailure.usage("--engines takes simulator, emulator or both with --source bytes")
    }
    var options = X86ByteFuzzer.Options()
    options.usesSimulator = engines.contains("simulator")
    options.usesEmulator = engines.contains("emulator")
    let report = try X86ByteFuzzer.run(
      mode, model: model, seed: plan.seed, options: options, jobs: plan.jobs, first: plan.first,
      count: plan.count ?? 100_000
    ) { progress.show($0, "cases") }
    terminal.progress("")
    try write(report, isJSON: plan.isJSON, to: terminal)
    return report.differences == 0 ? .success : .failure
  }
  guard engines.isSubset(of: ["simulator", "emulator", "native"]),
    engines.isSuperset(of: ["simulator", "emulator"])
  else { throw CommandFailure.usage("--engines takes simulator,emulator or simulator,emulator,native") }
  var options = X86Fuzzer.Options()
  options.usesHardware = engines.contains("native")
  options.isPlain = arguments.value("--write") != nil
  let report: X86FuzzReport
  do {
    if let path = arguments.value("--write") {
      return try writeCases(mode, model, options, plan, to: path, terminal)
    }
    report = try X86Fuzzer.run(
      mode, model: model, seed: plan.seed, options: options, jobs: plan.jobs, first: plan.first,
      count: plan.count ?? 100_000
    ) { progress.show($0, "cases") }
  } catch let refusal as EngineRefusal {
    throw CommandFailure(status: refusal.isHostLack ? .hostLacks : .badInput, message: refusal.description)
  }
  terminal.progress("")
  if plan.isJSON {
    terminal.line(try jsonText(FuzzOutput(report)))
  } else {
    write(report, to: terminal)
  }
  return report.counts.isEmpty ? .success : .failure
}

/// Runs the cases in order on one thread, and writes each with its outcome.
private func writeCases(
  _ mode: X86Mode, _ model: X86CPUModel, _ options: X86Fuzzer.Options, _ plan: FuzzPlan, to path: String,
  _ terminal: Terminal
) throws -> ExitStatus {
  let fuzzer = try X86Fuzzer(mode, model: model, seed: plan.seed, options: options)
  let output = try TraceFileOutput(path: path)
  fuzzer.written = { line in
    var line = line
    try line.withUTF8 { try output.write(UnsafeRawBufferPointer($0)) }
  }
  let report = try fuzzer.run(first: plan.first, count: plan.count ?? 100_000) {
    terminal.progress("fuzz: \(grouped($0)) cases")
  }
  try output.finish()
  terminal.progress("")
  if path != "-" {
    if plan.isJSON {
      terminal.line(try jsonText(FuzzOutput(report)))
    } else {
      write(report, to: terminal)
    }
  }
  return report.counts.isEmpty ? .success : .failure
}

private func fuzzToy(_ arguments: ParsedArguments, _ plan: FuzzPlan, _ terminal: Terminal) throws
  -> ExitStatus
{
  for option in ["--mode", "--cpu", "--engines", "--source", "--first", "--write"]
  where arguments.value(option) != nil {
    throw CommandFailure.usage("\(option) is for --isa x86")
  }
  let variant = try arguments.choice("--variant", of: ToyVariant.self, named: \.rawValue) ?? .classic
  let progress = FuzzProgress(terminal: terminal)
  let report = try ToyFuzzer.run(variant, seed: plan.seed, count: plan.count ?? 64, jobs: plan.jobs) {
    progress.show($0, "programs")
  }
  terminal.progress("")
  if plan.isJSON {
    terminal.line(try jsonText(ToyFuzzOutput(report)))
  } else {
    for text in report.disagreements { terminal.line("disagreement: \(text)") }
    terminal.line(
      "toy \(report.variant), seed \(report.seed): \(grouped(report.programs)) programs, "
        + "\(grouped(report.instructions)) instructions; \(grouped(report.virtualized)) programs on the VMM, too; "
        + "\(report.disagreements.count) disagreements")
    write(report.effects, to: terminal)
    let traps = report.traps.sorted { $0.key < $1.key }.map { "\($0.key): \(grouped($0.value))" }
    terminal.line("traps: " + traps.joined(separator: ", "))
    terminal.line("\(fixedPoint(report.rate, 0)) instructions a second")
  }
  return report.disagreements.isEmpty ? .success : .failure
}

private func fuzzFiles(_ arguments: ParsedArguments, _ plan: FuzzPlan, _ terminal: Terminal) throws
  -> ExitStatus
{
  for option in ["--isa", "--mode", "--cpu", "--variant", "--engines", "--write"]
  where arguments.value(option) != nil {
    throw CommandFailure.usage("\(option) has no meaning with --source files: all kinds come in turn")
  }
  let progress = FuzzProgress(terminal: terminal)
  let before = MachineChurn.Holdings.now.resident
  let report = try FileFuzzer.run(
    seed: plan.seed, jobs: plan.jobs, first: plan.first, count: plan.count ?? 100_000
  ) { progress.show($0, "files") }
  terminal.progress("")
  let growth = MachineChurn.Holdings.now.resident - before
  if plan.isJSON {
    terminal.line(try jsonText(FileFuzzOutput(report, growth)))
  } else {
    for text in report.failures { terminal.line("failure: \(text)") }
    var table = TextTable([
      ("file", .left), ("cases", .right), ("refused", .right), ("errors", .right), ("slowest ms", .right),
      ("case", .right), ("the others", .left),
    ])
    for kind in FuzzedFile.allCases {
      guard let tally = report.tallies[kind] else { continue }
      let ends = tally.ends.sorted { $0.key < $1.key }.map { "\($0.key) \(grouped($0.value))" }
      table.add([
        kind.rawValue, grouped(tally.cases), grouped(tally.refused), "\(tally.errors.count)",
        fixedPoint(tally.slowest.seconds * 1e3, 1), "\(tally.slowest.index)", ends.joined(separator: ", "),
      ])
    }
    for line in table.lines() { terminal.line(line) }
    terminal.line(
      "seed \(report.seed), \(fixedPoint(report.seconds, 1)) seconds; the process grew by \(growth >> 20) MiB"
    )
  }
  return report.failures.isEmpty ? .success : .failure
}

private struct FileFuzzOutput: Encodable {
  struct Tally: Encodable {
    var cases, refused: UInt64
    var differentErrors: Int
    var ends: [String: UInt64]
    var slowestCase: UInt64
    var slowestSeconds: Double
  }

  var seed: UInt64
  var files: [String: Tally]
  var failures: [String]
  var seconds: Double
  var bytesGrown: Int

  init(_ report: FileFuzzReport, _ growth: Int) {
    seed = report.seed
    files = Dictionary(
      uniqueKeysWithValues: report.tallies.map { kind, tally in
        (
          kind.rawValue,
          Tally(
            cases: tally.cases, refused: tally.refused, differentErrors: tally.errors.count, ends: tally.ends,
            slowestCase: tally.slowest.index, slowestSeconds: tally.slowest.seconds)
        )
      })
    failures = report.failures
    seconds = report.seconds
    bytesGrown = growth
  }
}

private func write(_ report: X86ByteFuzzReport, isJSON: Bool, to terminal: Terminal) throws {
  if isJSON {
    terminal.line(try jsonText(ByteFuzzOutput(report)))
    return
  }
  for text in report.firstDifferences { terminal.line("difference in \(text)") }
  let stops = report.stops.sorted { $0.key < $1.key }.map { "\($0.key): \(grouped($0.value))" }
  terminal.line(
    "\(report.mode) bits, seed \(report.seed): \(grouped(report.cases)) byte strings executed, "
      + "\(grouped(report.instructions)) instructions; \(grouped(report.differences)) differences")
  terminal.line("ends: " + stops.joined(separator: ", "))
  terminal.line("\(fixedPoint(report.rate, 0)) cases a second, \(fixedPoint(report.seconds, 1)) seconds")
}

private func write(_ effects: EffectCoverage, to terminal: Terminal) {
  terminal.line(
    "effects of the table: \(effects.definitionsReached) of \(effects.definitions) definitions executed, "
      + "\(effects.branchesReached) of \(effects.branches) branches, "
      + "\(effects.trapsReached) of \(effects.traps) faults; \(effects.excluded) that no state here reaches, "
      + "\(effects.unexplained) missed without a reason")
  for miss in effects.misses { terminal.line("  \(miss)") }
}

private func write(_ report: X86FuzzReport, to terminal: Terminal) {
  for found in report.disagreements {
    let bytes = hexString(found.bytes, separator: " ")
    terminal.line("\(found.instruction): `\(found.text)` [\(bytes)], case \(found.index), \(found.engines)")
    for difference in found.differences { terminal.line("    \(difference)") }
    terminal.line("    from \(found.state.joined(separator: " "))")
  }
  for (name, count) in report.counts.sorted(by: { $0.key < $1.key }) {
    terminal.line("disagreements on \(name): \(grouped(count))")
  }
  terminal.line(
    "\(report.mode) bits, seed \(report.seed): \(grouped(report.cases)) cases, \(grouped(report.agreed)) agreed"
      + (report.native > 0 ? ", \(grouped(report.native)) of them on the hardware, too" : "")
      + "; \(grouped(report.trapped)) trapped; undefined flags differed in \(grouped(report.undefinedOnly))")
  for (name, count) in report.excepted.sorted(by: { $0.key < $1.key }) {
    terminal.line("excepted: \(grouped(count)) cases by host deviation \(name)")
  }
  terminal.line(
    "rows of the table: \(report.rowsReached) of \(report.rows) reached")
  for miss in report.misses { terminal.line("  \(miss)") }
  write(report.effects, to: terminal)
  let traps = report.traps.sorted { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }.filter {
    (Int($0.key) ?? 99) < 20
  }
  terminal.line("traps: " + traps.map { "\($0.key): \(grouped($0.value))" }.joined(separator: ", "))
  if !report.stops.isEmpty {
    let stops = report.stops.sorted { $0.key < $1.key }.map { "\($0.key): \(grouped($0.value))" }
    terminal.line("other ends: " + stops.joined(separator: ", "))
  }
  terminal.line("\(fixedPoint(report.rate, 0)) cases a second")
}

private struct FuzzOutput: Encodable {
  struct Disagreement: Encodable {
    var instruction, text, bytes, engines: String
    var differences, state: [String]
    var index: UInt64
  }

  var mode: Int
  var seed, cases, agreed, native, trapped, undefinedOnly: UInt64
  var rows, rowsReached: Int
  var misses: [String]
  var effects: EffectsOutput
  var traps, stops, counts, excepted: [String: UInt64]
  var disagreements: [Disagreement]
  var casesPerSecond: Double

  init(_ report: X86FuzzReport) {
    mode = report.mode
    seed = report.seed
    cases = report.cases
    agreed = report.agreed
    native = report.native
    trapped = report.trapped
    undefinedOnly = report.undefinedOnly
    rows = report.rows
    rowsReached = report.rowsReached
    misses = report.misses
    effects = EffectsOutput(report.effects)
    traps = report.traps
    stops = report.stops
    counts = report.counts
    excepted = report.excepted
    disagreements = report.disagreements.map {
      Disagreement(
        instruction: $0.instruction, text: $0.text, bytes: hexString($0.bytes, separator: " "),
        engines: $0.engines,
        differences: $0.differences, state: $0.state, index: $0.index)
    }
    casesPerSecond = report.rate
  }
}

private struct EffectsOutput: Encodable {
  var definitions, definitionsReached, branches, branchesReached, traps, trapsReached, excluded: Int
  var unexplained: Int
  var misses: [String]

  init(_ effects: EffectCoverage) {
    definitions = effects.definitions
    definitionsReached = effects.definitionsReached
    branches = effects.branches
    branchesReached = effects.branchesReached
    traps = effects.traps
    trapsReached = effects.trapsReached
    excluded = effects.excluded
    unexplained = effects.unexplained
    misses = effects.misses
  }
}

private struct ToyFuzzOutput: Encodable {
  var variant: String
  var seed, programs, instructions, virtualized: UInt64
  var disagreements: [String]
  var traps: [String: UInt64]
  var effects: EffectsOutput

  init(_ report: ToyFuzzReport) {
    variant = report.variant
    seed = report.seed
    programs = report.programs
    instructions = report.instructions
    virtualized = report.virtualized
    disagreements = report.disagreements
    traps = report.traps
    effects = EffectsOutput(report.effects)
  }
}

private struct ByteFuzzOutput: Encodable {
  var mode: Int
  var seed, cases, instructions, differences: UInt64
  var stops: [String: UInt64]
  var firstDifferences: [String]
  var seconds: Double

  init(_ report: X86ByteFuzzReport) {
    mode = report.mode
    seed = report.seed
    cases = report.cases
    instructions = report.instructions
    differences = report.differences
    stops = report.stops
    firstDifferences = report.firstDifferences
    seconds = report.seconds
  }
}
