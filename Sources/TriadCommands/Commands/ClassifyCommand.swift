import Foundation
import MachineCore
import Properties
import ToyISA

let classifyCommand = CommandSpecification(
  name: "classify",
  summary: "Find out which instructions are privileged and sensitive, and what the theorems say.",
  arguments: [
    ArgumentSpecification(name: "INSTRUCTION", help: "only this one, with its witnesses", count: 0...1)
  ],
  options: [
    OptionSpecification("--isa", "ISA", "toy or x86 (default toy)"),
    OptionSpecification("--variant", "VARIANT", "variant of the toy instruction set (default all of them)"),
    OptionSpecification("--witnesses", "FOLDER", "write every witness to a file of this folder"),
    OptionSpecification("--mode", "BITS", "32 (default) or 64 (x86)"),
    OptionSpecification("--rounds", "N", "cases of each row of the table (x86, default 12)"),
    OptionSpecification("--host", "run the witnesses in ring 3 of this host's processor (x86, 64-bit mode)"),
    jsonOption,
  ],
  examples: [
    "triad classify", "triad classify --variant popf", "triad classify setie --variant popf",
    "triad classify --variant leaky --witnesses witnesses",
    "triad classify --isa x86", "triad classify --isa x86 --mode 64 --host",
    "triad classify --isa x86 --witnesses witnesses", "triad classify lar --isa x86",
  ],
  run: { arguments, terminal in
    switch arguments.value("--isa") ?? "toy" {
    case "toy": return try classifyToy(arguments, terminal)
    case "x86": return try classifyX86(arguments, terminal)
    case let isa: throw CommandFailure.usage("--isa takes toy or x86, not `\(isa)`")
    }
  })

private func classifyToy(_ arguments: ParsedArguments, _ terminal: Terminal) throws -> ExitStatus {
  let chosen = try arguments.choice("--variant", of: ToyVariant.self, named: \.rawValue)
  var row: Int?
  if let name = arguments.positional.first {
    row = toyTable.firstIndex { $0.mnemonic == name.lowercased() }
    guard row != nil else {
      throw CommandFailure.usage(
        "no toy instruction `\(name)`" + suggestion(name.lowercased(), toyTable.map(\.mnemonic)))
    }
  }
  var results: [Classification] = []
  for variant in chosen.map({ [$0] }) ?? ToyVariant.allCases {
    terminal.progress("searching the states of \(variant.rawValue)")
    results.append(try Classification(of: variant, rows: row.map { [$0] }))
  }
  terminal.progress("")
  if let folder = arguments.value("--witnesses") { try write(results, to: folder, terminal) }
  if arguments.has("--json") {
    terminal.line(try jsonText(ClassifyOutput(results, row)))
  } else {
    for (position, result) in results.enumerated() {
      if position > 0 { terminal.line() }
      if let row { page(row, result, terminal) } else { table(result, terminal) }
    }
  }
  let isWrong = results.contains { result in
    result.disagreements.contains { row == nil || $0.definition == row }
  }
  return isWrong ? .failure : .success
}

/// File name of a witness.
private func fileName(_ witness: Witness) -> String {
  let mnemonic = witness.instruction.split(separator: " ").first.map(String.init) ?? "illegal"
  let claim = witness.shows.name.replacing(" ", with: "-")
  return "\(witness.variant.rawValue)-\(mnemonic)-\(claim).json"
}

/// Makes a folder for witnesses, if there is none.
func makeFolder(_ folder: String) throws {
  do {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  } catch {
    throw CommandFailure.badInput("cannot make the folder `\(folder)`: \(error.localizedDescription)")
  }
}

private func write(_ results: [Classification], to folder: String, _ terminal: Terminal) throws {
  try makeFolder(folder)
  var count = 0
  for witness in results.flatMap(\.fromSearch.witnesses).joined() {
    let text = try jsonText(WitnessDocument(witness)) + "\n"
    try writeFile(Array(text.utf8), to: folder + "/" + fileName(witness))
    count += 1
  }
  terminal.note("\(count) witnesses in \(folder)")
}

private func mark(_ value: Bool) -> String { value ? "yes" : "" }

private func modes(_ held: Sensitivity, _ supervisor: Sensitivity, _ user: Sensitivity) -> String {
  [(supervisor, "supervisor"), (user, "user")].filter { held.contains($0.0) }.map(\.1)
    .joined(separator: ", ")
}

private func table(_ result: Classification, _ terminal: Terminal) {
  terminal.line(
    terminal.styled("toy \(result.variant.rawValue)", .bold) + ": \(result.variant.meaning)")
  terminal.line()
  var table = TextTable([
    ("instruction", .left), ("privileged", .left), ("control", .left), ("mode", .left), ("location", .left),
    ("resource", .left), ("user-sensitive", .left),
  ])
  var innocuous: [String] = []
  for (row, found) in zip(toyTable, result.fromEffects.classes) {
    guard found.sensitive || found.privileged else {
      innocuous.append(row.mnemonic)
      continue
    }
    let held = found.sensitivity
    table.add([
      row.mnemonic, mark(found.privileged), modes(held, .supervisorControl, .userControl),
      mark(found.modeSensitive), modes(held, .supervisorLocation, .userLocation),
      modes(held, .supervisorResource, .userResource), mark(found.userSensitive),
    ])
  }
  for line in table.lines() { terminal.line(line) }
  terminal.line()
  terminal.line("innocuous and unprivileged: " + innocuous.joined(separator: " "))
  terminal.line()
  agreement(result, terminal)
  terminal.line()
  for line in verdictLines(result.verdicts) {
    terminal.line(terminal.styled(line.text, line.holds ? .green : .red))
    for detail in line.details { terminal.line("    " + detail) }
  }
}

private func agreement(_ result: Classification, _ terminal: Terminal) {
  let runs = grouped(UInt64(result.fromSearch.runs))
  let witnesses = result.fromSearch.witnesses.map(\.count).reduce(0, +)
  guard !result.disagreements.isEmpty else {
    terminal.line(
      "effects and search agree on every instruction: \(runs) runs of one instruction, \(witnesses) witnesses"
    )
    return
  }
  terminal.line("effects and search differ (\(runs) runs of one instruction, \(witnesses) witnesses):")
  for difference in result.disagreements {
    let name = toyTable[difference.definition].mnemonic
    terminal.line(
      difference.isUnreached
        ? "  \(name): \(difference.kind), say the effects; the search did not reach it"
        : "  \(name): \(difference.kind), found by the search; the effects do not say so")
  }
}

/// One theorem's verdict as text.
struct TheoremLine {
  var text: String
  var holds: Bool
  var details: [String]
}

/// The three theorems in words.
func verdictLines(_ verdicts: TheoremVerdicts) -> [TheoremLine] {
  func names(_ numbers: [Int]) -> String {
    numbers.isEmpty ? "none" : numbers.map { toyTable[$0].mnemonic }.joined(separator: " ")
  }
  func details(_ word: String, _ test: SubsetTest) -> [String] {
    ["\(word): \(names(test.set))", "of these not privileged: \(names(test.offenders))"]
  }
  return [
    TheoremLine(
      text: "Theorem 1 (a virtual machine monitor may be constructed): "
        + (verdicts.monitor.holds ? "holds" : "fails"), holds: verdicts.monitor.holds,
      details: ["privileged: \(names(verdicts.privileged))"] + details("sensitive", verdicts.monitor)),
    TheoremLine(
      text: "Theorem 2 (recursively virtualizable): " + (verdicts.isRecursive ? "holds" : "fails"),
      holds: verdicts.isRecursive,
      details: [
        verdicts.monitor.holds ? "Theorem 1 holds" : "Theorem 1 fails",
        "looks at time, interrupt state or devices without a trap: \(names(verdicts.timing.offenders))",
      ]),
    TheoremLine(
      text: "Theorem 3 (a hybrid monitor may be constructed): "
        + (verdicts.hybrid.holds ? "holds" : "fails"), holds: verdicts.hybrid.holds,
      details: details("user-sensitive", verdicts.hybrid)),
  ]
}

/// One instruction with its witnesses.
private func page(_ row: Int, _ result: Classification, _ terminal: Terminal) {
  let (one, other) = (result.fromEffects.classes[row], result.fromSearch.classes[row])
  func words(_ found: InstructionClass) -> String {
    let kinds = (found.privileged ? ["privileged"] : []) + found.sensitivity.names.map { $0 + "-sensitive" }
    return kinds.isEmpty ? "innocuous, not privileged" : kinds.joined(separator: ", ")
  }
  terminal.line(
    terminal.styled("\(toyTable[row].mnemonic) on \(result.variant.rawValue)", .bold)
      + ": \(toyTable[row].meaning)")
  terminal.line("  from its effects:  " + words(one))
  terminal.line("  from the search:   " + words(other) + " (\(result.fromSearch.runs) runs)")
  for witness in result.fromSearch.witnesses[row] {
    terminal.line("  \(witness.shows.name), by `\(witness.instruction)`:")
    guard let replay = try? WitnessReplay(witness, on: .simulator) else { continue }
    terminal.line("    " + difference(witness))
    for outcome in replay.outcomes { terminal.line("    " + outcome) }
  }
}

/// What the two states of a witness have to do with each other.
func difference(_ witness: Witness) -> String {
  if case .sensitive(let kind) = witness.shows, !kind.isDisjoint(with: [.supervisorControl, .userControl]) {
    return "it changes \(witness.axis):"
  }
  return "two states that differ in \(witness.axis):"
}

/// What `triad classify --json` prints.
private struct ClassifyOutput: Encodable {
  struct Instruction: Encodable {
    var name: String
    var privileged: Bool
    var sensitive: Bool
    var controlSensitive: Bool
    var behaviourSensitive: Bool
    var modeSensitive: Bool
    var locationSensitive: Bool
    var resourceSensitive: Bool
    var userSensitive: Bool
    var innocuous: Bool
    var kinds: [String]
    var agrees: Bool
    var witnesses: [WitnessDocument]
  }

  struct Theorem: Encodable {
    var holds: Bool
    var set: [String]
    var offenders: [String]
  }

  struct Variant: Encodable {
    var isa = "toy"
    var variant: String
    var runs: Int
    var instructions: [Instruction]
    var theorem1: Theorem
    var theorem2: Theorem
    var theorem3: Theorem
  }

  var variants: [Variant]

  init(_ results: [Classification], _ row: Int?) {
    variants = results.map { result in
      let wrong = Set(result.disagreements.map(\.definition))
      let rows = row.map { [$0] } ?? Array(toyTable.indices)
      let verdicts = result.verdicts
      func names(_ numbers: [Int]) -> [String] { numbers.map { toyTable[$0].mnemonic } }
      func theorem(_ holds: Bool, _ test: SubsetTest) -> Theorem {
        Theorem(holds: holds, set: names(test.set), offenders: names(test.offenders))
      }
      return Variant(
        variant: result.variant.rawValue, runs: result.fromSearch.runs,
        instructions: rows.map { number in
          let found = result.fromEffects.classes[number]
          return Instruction(
            name: toyTable[number].mnemonic, privileged: found.privileged, sensitive: found.sensitive,
            controlSensitive: found.controlSensitive, behaviourSensitive: found.behaviourSensitive,
            modeSensitive: found.modeSensitive, locationSensitive: found.locationSensitive,
            resourceSensitive: found.resourceSensitive, userSensitive: found.userSensitive,
            innocuous: found.innocuous, kinds: found.sensitivity.names, agrees: !wrong.contains(number),
            witnesses: result.fromSearch.witnesses[number].map { WitnessDocument($0) })
        },
        theorem1: theorem(verdicts.monitor.holds, verdicts.monitor),
        theorem2: theorem(verdicts.isRecursive, verdicts.timing),
        theorem3: theorem(verdicts.hybrid.holds, verdicts.hybrid))
    }
  }
}
