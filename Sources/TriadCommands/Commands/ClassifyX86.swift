import MachineCore
import Properties
import X86Backend

/// `triad classify --isa x86`.
func classifyX86(_ arguments: ParsedArguments, _ terminal: Terminal) throws -> ExitStatus {
  let name = arguments.positional.first?.uppercased()
  let modes: [X86Mode]
  switch arguments.value("--mode") ?? "32" {
  case "32": modes = [.protected32]
  case "64": modes = [.long64]
  case let mode: throw CommandFailure.usage("--mode takes 32 or 64 here, not `\(mode)`")
  }
  let rounds = Int(clamping: try arguments.number("--rounds") ?? 12)
  guard (0...10_000).contains(rounds) else {
    throw CommandFailure.usage("--rounds takes 0 (directed cases only) to 10000")
  }
  var outputs: [X86ClassifyOutput] = []
  for mode in modes {
    terminal.progress("searching \(mode.rawValue)-bit mode")
    let without = try X86Classification(mode, rounds: rounds)
    let with = try X86Classification(mode, prevention: true, rounds: rounds)
    terminal.progress("")
    let comparison = PentiumComparison(without)
    var hosts: [X86HostWitness]?
    if arguments.has("--host") {
      guard mode == .long64 else { throw CommandFailure.usage("--host needs --mode 64") }
      do {
        hosts = try X86HostWitness.run(without)
      } catch let refusal as EngineRefusal {
        throw CommandFailure(
          status: refusal.isHostLack ? .hostLacks : .badInput, message: refusal.description)
      }
    }
    outputs.append(X86ClassifyOutput(without, with, comparison, hosts))
    if !arguments.has("--json") {
      show(without, with, comparison, hosts, only: name, terminal)
    }
  }
  if arguments.has("--json") { terminal.line(try jsonText(outputs)) }
  return .success
}

private func show(
  _ without: X86Classification, _ with: X86Classification, _ comparison: PentiumComparison,
  _ hosts: [X86HostWitness]?, only name: String?, _ terminal: Terminal
) {
  terminal.line(
    terminal.styled("x86, \(without.mode.rawValue)-bit mode", .bold)
      + ": sensitive instructions that complete in ring 3 (\(grouped(UInt64(without.cases))) cases of the semantics table, IOPL 0)"
  )
  let trapping = Set(without.offenders.map(\.name)).subtracting(with.offenders.map(\.name))
  var table = TextTable([("instruction", .left), ("why it is sensitive", .left), ("with UMIP", .left)])
  for finding in without.offenders where name == nil || finding.name.hasPrefix(name ?? "") {
    let reasons = X86Classification.Reason.allCases.filter(finding.reasons.contains).map(\.rawValue)
    table.add([finding.name, reasons.joined(separator: "; "), trapping.contains(finding.name) ? "traps" : ""])
  }
  for line in table.lines() { terminal.line("  " + line) }
  guard name == nil else { return }
  let privileged = without.sensitive.filter { !$0.completesInRing3 }.map(\.name)
  terminal.line()
  terminal.line("sensitive, and trap in ring 3: " + privileged.joined(separator: ", "))
  terminal.line()
  terminal.line(
    "of Robin and Irvine's list (2000) found: \(comparison.found.count) of \(PentiumComparison.list.count)"
      + (comparison.missing.isEmpty ? "" : "; not found: " + comparison.missing.joined(separator: ", ")))
  for (name, explanation) in comparison.beyond {
    terminal.line("  beyond it, \(name): \(explanation ?? "no explanation")")
  }
  guard let hosts else { return }
  terminal.line()
  terminal.line("the witnesses in ring 3 of this host's processor, under KVM:")
  for host in hosts {
    let answer: String
    switch host.answer {
    case .right: answer = terminal.styled("as the architecture says", .green)
    case .deviates(let id): answer = terminal.styled("leaks or deviates: \(id)", .yellow)
    case .differs(let differences):
      answer = terminal.styled("differs: " + differences.joined(separator: "; "), .red)
    case .notCompared: answer = "not compared: it shows time, or leaves the code that was set up"
    }
    terminal.line("  \(host.name.padding(to: 18)) `\(host.text)`: \(answer)")
  }
}

/// What `triad classify --isa x86 --json` prints for a mode.
private struct X86ClassifyOutput: Encodable {
  struct Instruction: Encodable {
    var name: String
    var reasons: [String]
    var completesInRing3: Bool
    var trapsWithUMIP: Bool
  }

  struct Host: Encodable {
    var name: String
    var text: String
    var answer: String
    var detail: [String]
  }

  struct Beyond: Encodable {
    var name: String
    var explanation: String?
  }

  var mode: Int
  var cases: Int
  var instructions: [Instruction]
  var listFound: [String]
  var listMissing: [String]
  var beyondList: [Beyond]
  var host: [Host]?

  init(
    _ without: X86Classification, _ with: X86Classification, _ comparison: PentiumComparison,
    _ hosts: [X86HostWitness]?
  ) {
    mode = without.mode.rawValue
    cases = without.cases
    let trapping = Set(without.offenders.map(\.name)).subtracting(with.offenders.map(\.name))
    instructions = without.sensitive.map {
      Instruction(
        name: $0.name, reasons: $0.reasons.map(\.rawValue).sorted(), completesInRing3: $0.completesInRing3,
        trapsWithUMIP: trapping.contains($0.name))
    }
    listFound = comparison.found
    listMissing = comparison.missing
    beyondList = comparison.beyond.map { Beyond(name: $0.name, explanation: $0.explanation) }
    host = hosts?.map { host in
      switch host.answer {
      case .right: Host(name: host.name, text: host.text, answer: "right", detail: [])
      case .deviates(let id): Host(name: host.name, text: host.text, answer: "deviates", detail: [id])
      case .differs(let texts): Host(name: host.name, text: host.text, answer: "differs", detail: texts)
      case .notCompared: Host(name: host.name, text: host.text, answer: "not-compared", detail: [])
      }
    }
  }
}
