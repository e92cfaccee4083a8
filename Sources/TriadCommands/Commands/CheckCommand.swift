import Foundation
import MachineCore
import Properties
import ToyISA
import Trace
import Virtualizer

let checkCommand = CommandSpecification(
  name: "check",
  summary: "Decide whether a machine is a virtual machine monitor in the sense of Popek and Goldberg.",
  arguments: [
    ArgumentSpecification(
      name: "[PROPERTY] PROGRAM",
      help: "equivalence, control or efficiency (all three unless given), and the program", count: 0...2)
  ],
  options: [
    OptionSpecification("--on", "ENGINE", "the machine under test (default virtualizer)"),
    OptionSpecification("--against", "ENGINE", "the bare machine (default simulator)"),
    depthOption, vmmOption,
    OptionSpecification("--level", "LEVEL", "final, events or instructions (default instructions)"),
    OptionSpecification(
      "--bisect", "N", "compare digests of the state every N instructions, traces only where they differ"),
    OptionSpecification("--floor", "F", "share of instructions that must run directly, 0 to 1"),
    OptionSpecification("--hostile", "let the suite of hostile guests attack every engine"),
    OptionSpecification("--random", "N", "check N random programs on the right machines: no alarm may come"),
    OptionSpecification("--seed", "S", "first seed of --random (default 1)"),
    limitOption,
    OptionSpecification(
      "--host-seconds", "S", "bound on host time, for engines that cannot count (default 10)"),
    OptionSpecification("--context", "N", "events shown around a divergence (default 5)"), jsonOption,
  ] + htmlOptions + machineOptions,
  examples: [
    "triad check minos", "triad check minos --depth 3",
    "triad check minos --variant popf --max-instructions 150000",
    "triad check minos --variant popf --vmm hybrid", "triad check efficiency sieve --floor 0.99",
    "triad check control --hostile", "triad check --random 100",
  ],
  run: { arguments, terminal in
    var words = arguments.positional
    var properties = MonitorCheck.Properties.all
    if let first = words.first, let one = named(first), words.count == 2 || arguments.has("--hostile") {
      properties = one
      words.removeFirst()
    }
    if let count = try arguments.number("--random") {
      return try checkRandom(count, try arguments.number("--seed") ?? 1, arguments, terminal)
    }
    if arguments.has("--hostile") { return try checkHostile(arguments, terminal) }
    guard words.count == 1, let name = words.first else {
      throw CommandFailure.usage(
        "triad check takes a program, and before it equivalence, control or efficiency if not all are wanted")
    }
    var workload = try loadWorkload(name, arguments)
    if let limit = try arguments.number("--max-instructions") { workload.instructionLimit = limit }
    let setup = try setup(workload, arguments)
    let check: MonitorCheck
    do {
      check = try MonitorCheck(workload, properties, setup)
    } catch let refusal as EngineRefusal {
      throw CommandFailure(status: refusal.isHostLack ? .hostLacks : .badInput, message: refusal.description)
    }
    var levels: TrapMultiplication?
    if properties.contains(.efficiency), workload.isa == "toy", setup.machine == .virtualizer,
      setup.depth > 1,
      setup.construction == .plain
    {
      levels = try TrapMultiplication(
        workload, depth: setup.depth, limits: RunLimits(instructions: workload.instructionLimit))
    }
    if let html = arguments.value("--html") {
      try writePage(html, workload, setup, check, arguments, terminal)
    }
    if arguments.has("--json") {
      terminal.line(try jsonText(CheckOutput(workload, check, levels)))
    } else {
      CheckRendering(workload: workload, check: check, levels: levels, terminal: terminal).write()
    }
    return check.hasFailure || levels?.holds == false ? .failure : .success
  })

/// The page of the same machines, under the check's own sentence.
private func writePage(
  _ path: String, _ workload: Workload, _ setup: MonitorCheck.Setup, _ check: MonitorCheck,
  _ arguments: ParsedArguments, _ terminal: Terminal
) throws {
  var comparison = WorkloadComparison(
    workload, on: [setup.reference, setup.machine], level: setup.level, depth: setup.depth,
    context: setup.context, hostSeconds: setup.hostSeconds)
  comparison.construction = setup.construction
  var page = ReportPage(budget: try htmlBudget(arguments))
  try page.add(
    comparison, try comparison.run(), headline: check.sentence, check: ReportCheck(check, setup))
  try writeFile(Array(page.html(title: "Triad: check \(workload.name)").utf8), to: path)
  terminal.note("[page in \(path)]")
}

private func named(_ word: String) -> MonitorCheck.Properties? {
  switch word {
  case "equivalence": .equivalence
  case "control": .control
  case "efficiency": .efficiency
  default: nil
  }
}

private func setup(_ workload: Workload, _ arguments: ParsedArguments) throws -> MonitorCheck.Setup {
  var setup = MonitorCheck.Setup()
  setup.machine =
    try arguments.choice("--on", of: EngineKind.self, named: \.rawValue) ?? .virtualizer
  setup.reference =
    try arguments.choice("--against", of: EngineKind.self, named: \.rawValue) ?? .simulator
  setup.depth = try parseDepth(arguments)
  if setup.depth > 1, setup.machine != .virtualizer || workload.isa != "toy" {
    throw CommandFailure.usage("--depth is for toy programs --on virtualizer")
  }
  setup.construction = try parseConstruction(arguments, setup.machine, workload)
  setup.level =
    try arguments.choice("--level", of: TraceLevel.self, named: \.name) ?? .instructions
  setup.context = Int(clamping: try arguments.number("--context") ?? 5)
  setup.hostSeconds = try parseHostSeconds(arguments, or: 10)
  setup.stride = try arguments.number("--bisect")
  if let text = arguments.value("--floor") {
    guard let floor = Double(text), (0...1).contains(floor) else {
      throw CommandFailure.usage("--floor takes a share from 0 to 1, not `\(text)`")
    }
    setup.floor = floor
  }
  return setup
}

private func parseHostSeconds(_ arguments: ParsedArguments, or standard: UInt64) throws -> Double {
  let seconds = try arguments.number("--host-seconds") ?? standard
  guard (1...86_400).contains(seconds) else { throw CommandFailure.usage("--host-seconds takes 1 to 86400") }
  return Double(seconds)
}

/// The suite of hostile guests on every engine.
private func checkHostile(_ arguments: ParsedArguments, _ terminal: Terminal) throws -> ExitStatus {
  let seconds = try parseHostSeconds(arguments, or: 1)
  var results: [Containment] = []
  for guest in try HostileGuest.all() {
    for subject in HostileSubject.all(for: guest) {
      terminal.progress("\(guest.name) on \(subject.name)")
      results.append(
        try Containment(guest, on: subject.name, seconds: seconds) { try subject.make(guest.workload) })
    }
  }
  terminal.progress("")
  if arguments.has("--json") {
    terminal.line(try jsonText(results.map(ContainmentOutput.init)))
  } else {
    containmentTable(results, terminal)
  }
  let assessed = results.filter { $0.report != nil }
  return assessed.allSatisfy(\.isContained) ? .success : .failure
}

/// Random programs on machines that are right.
private func checkRandom(
  _ count: UInt64, _ seed: UInt64, _ arguments: ParsedArguments, _ terminal: Terminal
) throws -> ExitStatus {
  let limit = try arguments.number("--max-instructions") ?? 2_000
  var alarms: [String] = []
  var checks = 0
  for number in 0..<count {
    if number % 16 == 0 { terminal.progress("\(number) of \(count)") }
    let found = try RandomProgramCheck.run(seed: seed &+ number, limit: limit)
    checks += found.checks
    alarms += found.alarms
  }
  terminal.progress("")
  for alarm in alarms { terminal.line(alarm) }
  terminal.line(
    "\(count) random programs from seed \(seed), \(limit) instructions each: \(checks) checks of right machines, \(alarms.count) alarms"
  )
  return alarms.isEmpty ? .success : .failure
}
