internal import MachineCore
internal import Trace

extension WorkloadComparison {
  /// Compares by digests, and reports as a comparison of traces does.
  func search(_ stride: UInt64) throws -> WorkloadReport {
    let search = DivergenceSearch(
      workload, limits: limits, stride: stride, context: context, progress: progress, makeEngine: makeEngine)
    var report = WorkloadReport(workload: workload, reference: reference, retired: 0, engines: [])
    let outcome: SearchOutcome
    do {
      outcome = try search.run(kinds)
    } catch let refusal as EngineRefusal {
      report.engines = kinds.map { EngineReport($0, allNotAssessed: refusal.reason) }
      return report
    }
    report.finding = outcome.finding
    report.retired = outcome.machines.map(\.retired).max() ?? 0
    for kind in kinds {
      guard let machine = outcome.machines.first(where: { $0.kind == kind }) else {
        let why =
          outcome.notes.first { $0.hasPrefix("\(kind.rawValue): ") } ?? "no such machine could be made"
        report.engines.append(EngineReport(kind, allNotAssessed: why))
        continue
      }
      var engine = EngineReport(kind, allNotAssessed: "compared by digests only")
      engine.flavour = machine.flavour
      engine.stop = machine.stop ?? .limit
      engine.statistics = machine.statistics
      engine.statistics.retired = machine.retired
      engine.nanoseconds = machine.nanoseconds
      engine.level = .final
      engine.control = machine.control
      engine.equivalence = verdict(of: kind, outcome)
      report.engines.append(engine)
    }
    if !report.engines.isEmpty { report.engines[0].notes = outcome.notes }
    return report
  }

  private func verdict(of kind: EngineKind, _ outcome: SearchOutcome) -> Verdict {
    guard let finding = outcome.finding else {
      if let reason = outcome.inconclusive { return .notAssessed(reason) }
      return kind == reference ? .notApplicable("the reference that the others are compared with") : .pass
    }
    if let alone = finding.alone {
      return alone == kind ? .fail("alone from \(finding.window)") : .pass
    }
    return kind == reference
      ? .notApplicable("the reference that the others are compared with")
      : .fail("differs from \(finding.window)")
  }
}
