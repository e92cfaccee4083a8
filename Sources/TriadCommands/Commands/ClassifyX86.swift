import MachineCore
import Properties
import X86Backend

/// Both classifications of a mode, without and with user-mode instruction prevention.
struct X86Findings {
  var search, searchWithPrevention: X86Classification
  var effects: X86StaticClassification
  /// Without, and with prevention.
  var agreements: [X86Agreement]
  var comparison: PentiumComparison
  var hosts: [X86HostWitness]?

  init(_ mode: X86Mode, rounds: Int) throws {
    search = try X86Classification(mode, rounds: rounds)
    searchWithPrevention = try X86Classification(mode, prevention: true, rounds: rounds)
    effects = try X86StaticClassification(mode)
    agreements = [
      X86Agreement(search, effects),
      X86Agreement(searchWithPrevention, try X86StaticClassification(mode, prevention: true)),
    ]
    comparison = PentiumComparison(search)
  }

  /// Instructions that prevention takes from the offenders.
  var prevented: Set<String> {
    Set(search.offenders.map(\.name)).subtracting(searchWithPrevention.offenders.map(\.name))
  }
}

/// `triad classify --isa x86`.
func classifyX86(_ arguments: ParsedArguments, _ terminal: Terminal) throws -> ExitStatus {
  let name = arguments.positional.first?.uppercased()
  let mode: X86Mode
  switch arguments.value("--mode") ?? "32" {
  case "32": mode = .protected32
  case "64": mode = .long64
  case let text: throw CommandFailure.usage("--mode takes 32 or 64 here, not `\(text)`")
  }
  let rounds = Int(clamping: try arguments.number("--rounds") ?? 12)
  guard (0...10_000).contains(rounds) else {
    throw CommandFailure.usage("--rounds takes 0 (directed cases only) to 10000")
  }
  guard !arguments.has("--host") || mode == .long64 else {
    throw CommandFailure.usage("--host needs --mode 64")
  }
  terminal.progress("searching \(mode.rawValue)-bit mode")
  var findings = try X86Findings(mode, rounds: rounds)
  if arguments.has("--host") {
    do {
      findings.hosts = try X86HostWitness.run(findings.search)
    } catch let refusal as EngineRefusal {
      throw CommandFailure(
        status: refusal.isHostLack ? .hostLacks : .badInput, message: refusal.description)
    }
  }
  if let folder = arguments.value("--witnesses") { try writeX86(findings, to: folder, terminal) }
  terminal.progress("")
  if arguments.has("--json") {
    terminal.line(try jsonText([X86ClassifyOutput(findings)]))
  } else if let name {
    try page(name, findings, terminal)
  } else {
    show(findings, terminal)
  }
  return findings.agreements.allSatisfy(\.differences.isEmpty) ? .success : .failure
}

/// Writes every witness to a file of a folder, with no more storage than it needs.
private func writeX86(_ findings: X86Findings, to folder: String, _ terminal: Terminal) throws {
  try makeFolder(folder)
  let replayer = try X86WitnessReplayer()
  var count = 0
  for witness in findings.search.sensitive.flatMap(\.witnesses) {
    terminal.progress("\(witness.key)")
    let text = try jsonText(X86WitnessDocument(try replayer.minimized(witness))) + "\n"
    try writeFile(Array(text.utf8), to: folder + "/x86-\(witness.mode.rawValue)-\(witness.key).json")
    count += 1
  }
  terminal.progress("")
  terminal.note("\(count) witnesses in \(folder)")
}

private func texts(_ reasons: Set<X86Reason>) -> [String] {
  X86Reason.allCases.filter(reasons.contains).map(\.rawValue)
}

private func show(_ findings: X86Findings, _ terminal: Terminal) {
  let search = findings.search
  terminal.line(
    terminal.styled("x86, \(search.mode.rawValue)-bit mode", .bold)
      + ": sensitive instructions that complete in ring 3 (IOPL 0, no I/O bitmap)")
  var table = TextTable([
    ("instruction", .left), ("in ring 3 it", .left), ("only in ring 0", .left), ("by level", .left),
    ("with UMIP", .left),
  ])
  for finding in search.offenders {
    table.add([
      finding.name, texts(finding.found.ring3).joined(separator: "; "),
      texts(finding.found.ring0.subtracting(finding.found.ring3)).joined(separator: "; "),
      finding.found.dependsOnLevel ? "differs" : "", findings.prevented.contains(finding.name) ? "traps" : "",
    ])
  }
  for line in table.lines() { terminal.line("  " + line) }
  let privileged = search.sensitive.filter { !$0.completesInRing3 }.map(\.name)
  terminal.line()
  terminal.line("sensitive, and trap in ring 3: " + privileged.joined(separator: ", "))
  terminal.line()
  agreement(findings, terminal)
  terminal.line()
  let user = search.offenders.filter(\.found.isUserSensitive).map(\.name)
  let lines = [
    ("Theorem 1 (a virtual machine monitor may be constructed): ", search.offenders.map(\.name)),
    ("Theorem 3 (a hybrid monitor may be constructed): ", user),
  ]
  for (theorem, offenders) in lines {
    terminal.line(
      terminal.styled(
        theorem + (offenders.isEmpty ? "holds" : "fails"), offenders.isEmpty ? .green : .red))
    terminal.line("    not privileged: " + (offenders.isEmpty ? "none" : offenders.joined(separator: ", ")))
  }
  terminal.line()
  let comparison = findings.comparison
  terminal.line(
    "of Robin and Irvine's list (2000) found: \(comparison.found.count) of \(PentiumComparison.list.count)"
      + (comparison.missing.isEmpty ? "" : "; not found: " + comparison.missing.joined(separator: ", ")))
  for (name, explanation) in comparison.beyond {
    terminal.line("  beyond it, \(name): \(explanation ?? "no explanation")")
  }
  if let hosts = findings.hosts { show(hosts, terminal) }
}

private func agreement(_ findings: X86Findings, _ terminal: Terminal) {
  let search = findings.search
  let agreement = findings.agreements[0]
  let sizes =
    "\(agreement.rows) rows of the table (\(findings.effects.definitions) definitions), \(grouped(UInt64(search.runs))) runs of one instruction"
  let rest = agreement.notRun == 0 ? "" : "; \(agreement.notRun) rows innocuous by their effects were not run"
  if findings.agreements.allSatisfy(\.differences.isEmpty) {
    terminal.line("effects and search agree on every row, with UMIP and without: \(sizes)\(rest)")
    return
  }
  terminal.line("effects and search differ: \(sizes)\(rest)")
  for (title, agreement) in zip(["", "with UMIP, "], findings.agreements) {
    for difference in agreement.differences {
      terminal.line(
        "  \(title)\(difference.row): \(difference.claim)"
          + (difference.isUnreached
            ? ", say the effects; the search did not reach it"
            : ", found by the search; the effects do not say so"))
    }
  }
}

/// One instruction: both classifications, how it traps, its witnesses.
private func page(_ name: String, _ findings: X86Findings, _ terminal: Terminal) throws {
  let classes = findings.effects.byName
  let names = classes.keys.filter { $0 == name || $0.hasPrefix(name + " ") }.sorted()
  guard !names.isEmpty else {
    throw CommandFailure.usage("no x86 instruction `\(name)`" + suggestion(name, Array(classes.keys)))
  }
  func words(_ found: X86InstructionClass) -> String {
    var parts = found.isPrivileged ? ["privileged"] : []
    if found.dependsOnLevel { parts.append(X86Reason.level.rawValue) }
    for (ring, reasons) in [(3, found.ring3), (0, found.ring0)] {
      parts += texts(reasons).map { "\($0) (ring \(ring))" }
    }
    return parts.isEmpty ? "innocuous, not privileged" : parts.joined(separator: "; ")
  }
  let replayer = try X86WitnessReplayer()
  for name in names {
    terminal.line(terminal.styled("\(name), \(findings.search.mode.rawValue)-bit mode", .bold))
    terminal.line("  from its effects:  " + words(classes[name] ?? X86InstructionClass()))
    let finding = findings.search.sensitive.first { $0.name == name }
    terminal.line("  from the search:   " + words(finding?.found ?? X86InstructionClass()))
    for row in X86StaticClassification.rows(named: name) where findings.effects.rows[row.number] != nil {
      terminal.line("  in ring 3, \(row.text):")
      for path in try X86StaticClassification.traps(ofRow: row.number, findings.search.mode) {
        terminal.line("    " + path)
      }
    }
    for witness in finding?.witnesses ?? [] {
      terminal.line("  \(witness.shows), by `\(witness.instruction)`:")
      for outcome in try replayer.replay(witness).first?.outcomes ?? [] { terminal.line("    " + outcome) }
    }
  }
}

/// What the host made of witnesses.
func show(_ hosts: [X86HostWitness], _ terminal: Terminal) {
  terminal.line()
  terminal.line("the witnesses in ring 3 of this host's processor, under KVM:")
  for host in hosts {
    terminal.line(
      "  \(host.name.padding(to: 18)) `\(host.text)`: \(host.shows): \(answer(host, terminal))")
  }
}

/// What the host did with a witness, in words.
func answer(_ host: X86HostWitness, _ terminal: Terminal) -> String {
  switch host.answer {
  case .right:
    terminal.styled(host.states == 2 ? "shown as the architecture says" : "as the architecture says", .green)
  case .deviates(let id): terminal.styled("leaks or deviates: \(id)", .yellow)
  case .differs(let differences):
    terminal.styled("differs: " + differences.joined(separator: "; "), .red)
  case .notCompared(let reason): "not run here: \(reason)"
  }
}
