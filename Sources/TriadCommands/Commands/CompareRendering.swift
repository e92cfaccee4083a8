import MachineCore
import Properties
import Trace

/// The report of `triad compare` as text: one table, then a reason for whatever is not a pass.
struct CompareRendering {
  var reports: [WorkloadReport]
  var terminal: Terminal

  private static let verdictColumns = 8...10

  func write() {
    var table = TextTable([
      ("program", .left), ("isa", .left), ("engine", .left), ("retired", .right), ("exits", .right),
      ("direct", .right), ("time ms", .right), ("speed", .right), ("equivalence", .left), ("control", .left),
      ("efficiency", .left),
    ])
    var footnotes = Footnotes()
    for report in reports { add(report, to: &table, &footnotes) }
    for line in table.lines(style: style) { terminal.line(line) }
    writeExits()
    writeNotes(footnotes)
    writeDivergences()
    terminal.line()
    let engines = reports.flatMap(\.engines).filter { $0.stop != nil }
    guard !engines.isEmpty else {
      terminal.line("nothing could be run")
      return
    }
    let failures = engines.count {
      $0.equivalence.isFailure || $0.control.isFailure || $0.efficiency.isFailure
    }
    terminal.line(
      failures == 0
        ? terminal.styled("no check failed", .green) + " (\(reports.count) programs, \(engines.count) runs)"
        : terminal.styled("\(failures) of \(engines.count) runs failed a check", .red))
  }

  private func add(_ report: WorkloadReport, to table: inout TextTable, _ footnotes: inout Footnotes) {
    let slowest = report.engines.filter { $0.stop != nil }.map(\.nanoseconds).max() ?? 0
    for (position, engine) in report.engines.enumerated() {
      let ran = engine.stop != nil
      let direct = EfficiencyCheck.directFraction(engine, retired: report.retired)
      table.add([
        position == 0 ? report.workload.name : "", position == 0 ? isaText(report.workload) : "",
        engine.kind.rawValue, ran && engine.statistics.retired > 0 ? grouped(engine.statistics.retired) : "-",
        engine.kind == .virtualizer && ran ? grouped(engine.statistics.exitCount) : "-",
        direct.map { fixedPoint($0 * 100, 1) + " %" } ?? "-",
        ran ? fixedPoint(Double(engine.nanoseconds) / 1e6, 2) : "-",
        ran ? fixedPoint(Double(slowest) / Double(max(engine.nanoseconds, 1)), 1) + "×" : "-",
        footnotes.mark(engine.equivalence, engine.equivalence.equivalenceWord),
        footnotes.mark(engine.control, engine.control.word),
        footnotes.mark(engine.efficiency, engine.efficiency.word),
      ])
    }
  }

  private func isaText(_ workload: Workload) -> String { "\(workload.isa) \(workload.variant)" }

  private func style(_ column: Int, _ cell: String, _ padded: String) -> String {
    guard Self.verdictColumns.contains(column) else { return padded }
    if cell.hasPrefix("FAIL") || cell.hasPrefix("DIVERGENT") { return terminal.styled(padded, .red) }
    if cell.hasPrefix("pass") || cell.hasPrefix("equal") { return terminal.styled(padded, .green) }
    return cell.hasPrefix("no") ? terminal.styled(padded, .yellow) : padded
  }

  /// Exits by cause, one line per program that had any.
  private func writeExits() {
    let rows = reports.flatMap { report in
      report.engines.filter { $0.statistics.exitCount > 0 }.map { (report.workload.name, $0) }
    }
    guard !rows.isEmpty else { return }
    terminal.line()
    terminal.line(terminal.styled("exits by cause", .bold))
    let width = rows.map(\.0.count).max() ?? 0
    for (name, engine) in rows {
      let causes = engine.statistics.exits.filter { $0.value > 0 }.sorted {
        ($0.value, $1.key) > ($1.value, $0.key)
      }
      let text = causes.map { "\($0.key) \(grouped($0.value))" }.joined(separator: ", ")
      terminal.line("  " + name.padding(to: width) + "  " + text)
    }
  }

  private func writeNotes(_ footnotes: Footnotes) {
    if !footnotes.texts.isEmpty {
      terminal.line()
      terminal.line(terminal.styled("reasons", .bold))
      for (number, text) in footnotes.texts.enumerated() { terminal.line("  [\(number + 1)] \(text)") }
    }
    // VMM events are left out by definition: in a long table only what else was left out is news.
    let notes = reports.flatMap { report in
      report.engines.flatMap { engine in
        engine.notes.filter { reports.count == 1 || !$0.hasPrefix("left out: VMM events") }.map {
          "\(report.workload.name), \(engine.kind.rawValue): \($0)"
        }
      }
    }
    if !notes.isEmpty {
      terminal.line()
      terminal.line(terminal.styled("left out of comparisons", .bold))
      for note in notes { terminal.line("  " + note) }
    }
  }

  private func writeDivergences() {
    for report in reports {
      if let finding = report.finding { write(finding, report.workload) }
      for engine in report.engines {
        guard let (divergence, left, right) = engine.divergence else { continue }
        terminal.line()
        terminal.line(
          terminal.styled(
            "\(report.workload.name): \(engine.kind.rawValue) differs from \(report.reference.rawValue)", .red
          ))
        terminal.output(divergenceRenderer(left, right, report.workload).unified(divergence))
      }
    }
  }
}

extension CompareRendering {
  /// Who is alone, from where on, and what speaks for it.
  private func write(_ finding: DivergenceFinding, _ workload: Workload) {
    terminal.line()
    terminal.line(terminal.styled("\(workload.name): \(finding.headline)", .red))
    terminal.line("  from: \(finding.window)")
    for line in finding.evidence { terminal.line("  evidence: \(line)") }
    if let (divergence, left, right) = finding.divergence {
      terminal.output(divergenceRenderer(left, right, workload).unified(divergence))
    }
  }
}

/// Reasons by number; the same reason has the same number.
private struct Footnotes {
  var texts: [String] = []

  /// The verdict's word, with the number of its reason.
  mutating func mark(_ verdict: Verdict, _ word: String) -> String {
    guard let reason = verdict.reason else { return word }
    if case .notApplicable = verdict { return word }
    let number = texts.firstIndex(of: reason) ?? texts.count
    if number == texts.count { texts.append(reason) }
    return "\(word) [\(number + 1)]"
  }
}

extension Verdict {
  /// The verdict in the words of a comparison.
  var equivalenceWord: String {
    switch self {
    case .pass: "equal"
    case .passExcept: "equal except"
    case .fail: "DIVERGENT"
    case .notApplicable: "reference"
    default: word
    }
  }
}
