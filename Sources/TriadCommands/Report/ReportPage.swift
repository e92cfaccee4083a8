import Foundation
import MachineCore
import Properties
import ToyISA
import Trace
import X86Backend

/// One self-contained page of comparisons: lanes on one clock, states at a cursor, verdicts, exits, classes.
struct ReportPage {
  /// The most events of all traces together, unless told otherwise.
  static let budget = 1_000_000
  /// Instructions around a divergence that are always there.
  private static let margin: UInt64 = 2_000

  /// How far a run is followed for counts, beyond what has room one by one.
  private static let reach: UInt64 = 50_000_000

  private var programs: [ReportData.Program] = []
  /// Classes by title: all programs of a variant have the same.
  private var classes: [String: ReportClasses] = [:]
  private let budget: Int

  /// An empty page with room for so many events for each program.
  init(budget: Int) { self.budget = max(budget, 1_000) }

  /// Runs a comparison's machines once more, for their traces, and adds the program.
  ///
  /// - Parameters:
  ///   - comparison: how the machines are made.
  ///   - report: what it found.
  ///   - headline: the sentence under the title; made from the report if `nil`.
  ///   - check: the conditions, when they were looked at one by one.
  mutating func add(
    _ comparison: WorkloadComparison, _ report: WorkloadReport, headline: String? = nil,
    check: ReportCheck? = nil
  ) throws {
    let workload = report.workload
    var divergences: [ReportData.DivergenceData] = []
    for engine in report.engines {
      guard let (found, left, right) = engine.divergence else { continue }
      divergences.append(data(found, left, right, engine.kind, report.reference, workload))
    }
    if let finding = report.finding, let (found, left, right) = finding.divergence {
      let shown = finding.shown ?? (report.reference, report.reference)
      divergences.append(data(found, left, right, shown.1, shown.0, workload))
    }
    let first = divergences.map(\.clock).min()
    let window = first.map { ($0 > Self.margin ? $0 - Self.margin : 0)...($0 &+ Self.margin) }
    var program = ReportData.Program(
      name: workload.name, isa: workload.isa, variant: workload.variant,
      headline: headline ?? self.headline(report), failed: report.hasFailure, retired: report.retired,
      engines: [], divergences: divergences,
      classes: try classes(of: workload), check: check)
    let ran = report.engines.filter { $0.stop != nil }
    // Traces that are the same take their room once.
    let own = ran.count { $0.kind == report.reference || !isShared($0, comparison, report) }
    let share = max(budget / max(own, 1), 1_000)
    var marks = ReportClock.Marks()
    var sites: ReportSites?
    for engine in report.engines {
      var item = summary(engine, report)
      if engine.stop != nil {
        try trace(engine, comparison, report, share, window, &program, &sites, &marks, &item)
      }
      program.engines.append(item)
    }
    program.sites = sites?.sites ?? []
    programs.append(program)
  }

  /// The page.
  func html(title: String) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let json = String(
      decoding: try encoder.encode(ReportData(title: title, programs: programs)), as: UTF8.self)
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    let scripts = [
      PackageResources.stream_js, PackageResources.lanes_js, PackageResources.tables_js,
      PackageResources.report_js,
    ].map(text)
    return text(PackageResources.report_html)
      .replacing("/*STYLE*/", with: text(PackageResources.report_css))
      .replacing("/*SCRIPT*/", with: scripts.joined(separator: "\n"))
      // Nothing in a text may end the element that it stands in.
      .replacing("/*DATA*/", with: json.replacing("<", with: "\\u003c"))
  }

  private mutating func classes(of workload: Workload) throws -> ReportClasses {
    let key = "\(workload.isa) \(workload.variant)"
    if let known = classes[key] { return known }
    let found =
      switch workload.machine {
      case .toy(_, _, let variant): ReportClasses(variant)
      case .x86(let machine): try ReportClasses(machine)
      }
    classes[key] = found
    return found
  }

  private func headline(_ report: WorkloadReport) -> String {
    let bad = report.engines.flatMap { engine in
      [("equivalence", engine.equivalence), ("control", engine.control), ("efficiency", engine.efficiency)]
        .filter { $0.1.isFailure }.map { "\(engine.kind.rawValue): \($0.0) does not hold" }
    }
    let runs = report.engines.count { $0.stop != nil }
    return "\(grouped(report.retired)) instructions on \(runs) machine\(runs == 1 ? "" : "s"); "
      + (bad.isEmpty ? "no check failed" : bad.joined(separator: "; "))
  }

  private func summary(_ engine: EngineReport, _ report: WorkloadReport) -> ReportData.EngineData {
    ReportData.EngineData(
      kind: engine.kind.rawValue, flavour: engine.flavour.isEmpty ? "not run" : engine.flavour,
      retired: engine.statistics.retired, milliseconds: Double(engine.nanoseconds) / 1e6,
      equivalence: .init(engine.equivalence, word: engine.equivalence.equivalenceWord),
      control: .init(engine.control), efficiency: .init(engine.efficiency),
      exitCounts: engine.statistics.exits.filter { $0.value > 0 },
      direct: EfficiencyCheck.directFraction(engine, retired: report.retired), extent: "none",
      note: engine.notes.isEmpty ? nil : engine.notes.joined(separator: "; "),
      stop: engine.stop.map { "\($0)" }, lack: engine.stop == nil ? engine.equivalence.reason : nil)
  }

  private func data(
    _ found: Divergence, _ left: TraceHeader, _ right: TraceHeader, _ engine: EngineKind,
    _ against: EngineKind, _ workload: Workload
  ) -> ReportData.DivergenceData {
    let head = (found.left ?? found.right)?.head
    return ReportData.DivergenceData(
      engine: engine.rawValue, against: against.rawValue, clock: head?.clock ?? 0, pc: hex(head?.pc ?? 0),
      field: found.fieldName, text: divergenceRenderer(left, right, workload).unified(found))
  }

  private func trace(
    _ engine: EngineReport, _ comparison: WorkloadComparison, _ report: WorkloadReport, _ share: Int,
    _ window: ClosedRange<UInt64>?, _ program: inout ReportData.Program, _ sites: inout ReportSites?,
    _ marks: inout ReportClock.Marks, _ item: inout ReportData.EngineData
  ) throws {
    let machine = try comparison.makeEngine(engine.kind)
    let level = min(engine.level ?? comparison.level, machine.capabilities.traceLevel)
    let header = report.workload.header(for: machine, level: level)
    let known =
      sites
      ?? ReportSites(
        disassemble: disassembler(for: header, report.workload),
        classify: classifier(report.workload), places: ReportPlaces(report.workload))
    sites = known
    (program.registers, program.causes, program.stops) = (header.registers, header.causes, header.stops)
    item.exitNames = header.exits
    item.hasRegisters = level == .instructions
    item.hasMemory = level == .instructions && header.hasMemoryEffects
    item.initial = machine.state.registers.map { hex($0) }
    if isShared(engine, comparison, report),
      program.engines.contains(where: { $0.kind == report.reference.rawValue && $0.stream != nil })
    {
      item.sameAs = report.reference.rawValue
      item.extent = "the same as the \(report.reference.rawValue)'s"
      return
    }
    var limits = comparison.limits
    let end = max(Self.reach, UInt64(share), window?.upperBound ?? 0)
    if machine.capabilities.countsInstructions { limits.instructions = min(limits.instructions, end) }
    let source = EngineRecordSource(machine, header: header, limits: limits)
    var stream = ReportStream(
      known, budget: share, window: window,
      relocation: ReportRelocation(
        header.registers, machine.state.registers, isUsed: report.workload.isa == "toy"))
    var alignment = ReportClock(knows: header.hasClock, like: marks)
    try withUnsafeTemporaryAllocation(of: TraceRecord.self, capacity: 4096) { batch in
      while true {
        let count = try source.read(into: batch)
        if count == 0 { break }
        // SAFETY: the source has filled as many records.
        for index in 0..<count { alignment.append(batch[index]) { stream.append($0) } }
      }
    }
    let isWhole = source.stop != .limit || machine.platform.retired >= comparison.limits.instructions
    stream.finish()
    alignment.finish(end: isWhole ? stream.end : nil) { stream.append($0) }
    stream.finish()
    if engine.kind == report.reference { marks = alignment.marks }
    if !header.hasClock {
      item.note = [item.note, "it does not count instructions, so its events are placed by the reference's"]
        .compactMap { $0 }.joined(separator: "; ")
    }
    item.events = stream.events
    item.complete = stream.complete
    item.overview = stream.overview.isEmpty ? nil : stream.overview
    item.effects = stream.effects
    item.stream = Data(stream.bytes).base64EncodedString()
    item.extent = extent(stream, level, source.stop, report.retired)
  }

  /// Whether an engine's trace is the reference's, event by event, and need not be packed twice.
  private func isShared(
    _ engine: EngineReport, _ comparison: WorkloadComparison, _ report: WorkloadReport
  ) -> Bool {
    engine.kind != report.reference && engine.kind != .virtualizer && engine.level == .instructions
      && engine.equivalence == .pass
  }

  private func extent(_ stream: ReportStream, _ level: TraceLevel, _ stop: StopReason?, _ retired: UInt64)
    -> String
  {
    let what = level == .instructions ? "every instruction" : "events"
    var text = "\(what), \(grouped(UInt64(stream.events))) events"
    if let complete = stream.complete {
      text += ", whole up to clock \(grouped(complete)), then by counts"
    }
    guard stream.end < retired, let stop else { return text }
    switch stop {
    case .powerOff, .idle, .checkStop: break
    case .limit: text += ", up to clock \(grouped(stream.end)) of \(grouped(retired))"
    default: text += ", up to clock \(grouped(stream.end)) of \(grouped(retired)) (\(stop))"
    }
    return text
  }
}

/// The option that both commands have.
let htmlOptions = [
  OptionSpecification("--html", "FILE", "write a page that shows it all: traces, states, verdicts, exits"),
  OptionSpecification(
    "--html-events", "N", "the most events on the page (default \(grouped(UInt64(ReportPage.budget))))"),
]

/// Room for events on a page, as `--html-events` says.
func htmlBudget(_ arguments: ParsedArguments) throws -> Int {
  let count = try arguments.number("--html-events") ?? UInt64(ReportPage.budget)
  guard (1_000...5_000_000).contains(count) else {
    throw CommandFailure.usage(
      "--html-events takes 1000 to 5000000, not \(count): a browser cannot hold more, and what has no room is there by counts"
    )
  }
  return Int(count)
}
