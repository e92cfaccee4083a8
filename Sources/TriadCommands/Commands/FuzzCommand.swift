import MachineCore
import Properties
import X86Backend

let fuzzCommand = CommandSpecification(
  name: "fuzz",
  summary: "Try single instructions, made from the instruction table, on several engines and compare them.",
  arguments: [],
  options: [
    OptionSpecification("--isa", "x86", "instruction set (default x86)"),
    OptionSpecification("--cpu", "MODEL", "processor model (default x86-64); older ones in 16-bit mode only"),
    OptionSpecification("--mode", "BITS", "16, 32 or 64 (default 64)"),
    OptionSpecification(
      "--engines", "LIST", "simulator,emulator and, in 64-bit mode, native (default simulator,emulator)"),
    OptionSpecification("--count", "N", "cases (default 100000)"),
    OptionSpecification("--first", "N", "number of the first case (default 0)"),
    OptionSpecification("--seed", "S", "seed (default 1)"),
    OptionSpecification(
      "--write", "FILE", "write the cases with their outcomes, a line of JSON each; - is the output"),
    jsonOption,
  ],
  examples: [
    "triad fuzz --mode 32 --count 200000",
    "triad fuzz --mode 64 --engines simulator,emulator,native --seed 7",
  ],
  run: { arguments, terminal in
    guard arguments.value("--isa") ?? "x86" == "x86" else {
      throw CommandFailure.usage("--isa takes x86: other instruction sets are not supported here")
    }
    let mode = try arguments.value("--mode").map { text in
      try parseChoice(text, "--mode", of: X86Mode.self) { String($0.rawValue) }
    }
    let model = try arguments.choice("--cpu", of: X86CPUModel.self, named: \.rawValue) ?? .modern
    guard model == .modern || mode == .real16 else {
      throw CommandFailure.usage("--cpu \(model.rawValue) needs --mode 16")
    }
    let engines = (arguments.value("--engines") ?? "simulator,emulator").split(separator: ",").map(
      String.init)
    guard Set(engines).isSubset(of: ["simulator", "emulator", "native"]),
      Set(engines).isSuperset(of: ["simulator", "emulator"])
    else { throw CommandFailure.usage("--engines takes simulator,emulator or simulator,emulator,native") }
    var options = X86Fuzzer.Options()
    options.usesHardware = engines.contains("native")
    options.isPlain = arguments.value("--write") != nil
    let count = try arguments.number("--count") ?? 100_000
    guard (1...1_000_000_000).contains(count) else {
      throw CommandFailure.usage("--count takes 1 to 1000000000")
    }
    let first = min(try arguments.number("--first") ?? 0, 1 << 62)
    let report: X86FuzzReport
    do {
      let fuzzer = try X86Fuzzer(
        mode ?? .long64, model: model, seed: try arguments.number("--seed") ?? 1, options: options)
      let output = try arguments.value("--write").map { try TraceFileOutput(path: $0) }
      if let output {
        fuzzer.written = { line in
          var line = line
          try line.withUTF8 { try output.write(UnsafeRawBufferPointer($0)) }
        }
      }
      report = try fuzzer.run(first: first, count: count) { terminal.progress("fuzz: \(grouped($0)) cases") }
      try output?.finish()
    } catch let refusal as EngineRefusal {
      throw CommandFailure(status: refusal.isHostLack ? .hostLacks : .badInput, message: refusal.description)
    }
    terminal.progress("")
    if arguments.value("--write") == "-" { return report.counts.isEmpty ? .success : .failure }
    if arguments.has("--json") {
      terminal.line(try jsonText(FuzzOutput(report)))
    } else {
      write(report, to: terminal)
    }
    return report.counts.isEmpty ? .success : .failure
  })

private func write(_ report: X86FuzzReport, to terminal: Terminal) {
  for found in report.disagreements {
    let bytes = hexBytes(found.bytes)
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
    "rows of the table: \(report.rowsReached) of \(report.rows) reached, in \(report.formsReached) forms")
  for miss in report.misses { terminal.line("  \(miss)") }
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

private func hexBytes(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}

private struct FuzzOutput: Encodable {
  struct Disagreement: Encodable {
    var instruction, text, bytes, engines: String
    var differences, state: [String]
    var index: UInt64
  }

  var mode: Int
  var seed, cases, agreed, native, trapped, undefinedOnly: UInt64
  var rows, rowsReached, formsReached: Int
  var misses: [String]
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
    formsReached = report.formsReached
    misses = report.misses
    traps = report.traps
    stops = report.stops
    counts = report.counts
    excepted = report.excepted
    disagreements = report.disagreements.map {
      Disagreement(
        instruction: $0.instruction, text: $0.text, bytes: hexBytes($0.bytes), engines: $0.engines,
        differences: $0.differences, state: $0.state, index: $0.index)
    }
    casesPerSecond = report.rate
  }
}
