internal import MachineCore
internal import Trace

/// Finds out which instruction a difference begins with, and which machine is alone with it.
struct Inquiry {
  typealias Subject = DivergenceSearch.Subject

  private let search: DivergenceSearch
  private let pursuit: Pursuit

  /// - Parameter pursuit: one that ended in a difference, its machines at the last common place.
  init(_ search: DivergenceSearch, _ pursuit: Pursuit) {
    self.search = search
    self.pursuit = pursuit
  }

  func finding() throws -> DivergenceFinding {
    pursuit.countsInstructions ? try findByCount() : try findByAccess()
  }

  // MARK: Machines that all count

  private func findByCount() throws -> DivergenceFinding {
    let sides = Self.sides(zip(pursuit.subjects.map(\.kind), pursuit.views).map { ($0, $1) })
    var finding = DivergenceFinding(
      sides: sides,
      window:
        "after instruction \(grouped(pursuit.place.clock)), within \(grouped(DivergenceSearch.window)) instructions"
    )
    try trace(pursuit, &finding)
    if pursuit.subjects.count == 2 { try hearWitness(&finding) }
    settle(&finding)
    return finding
  }

  /// Traces the window on two machines that differ.
  private func trace(_ pursuit: Pursuit, _ finding: inout DivergenceFinding) throws {
    guard let other = pursuit.views.indices.first(where: { pursuit.views[$0] != pursuit.views[0] }) else {
      return
    }
    let (reference, machine) = (pursuit.subjects[0], pursuit.subjects[other])
    var limits = search.limits
    // A little more than the window, so that what follows the difference can be shown.
    limits.instructions = min(pursuit.left, DivergenceSearch.window + 64)
    let outcome = try EquivalenceCheck.run(
      search.workload, machine: machine.engine, against: reference.engine, level: .instructions,
      limits: limits, context: search.context)
    try pursuit.place.restore(pursuit.subjects)
    finding.divergence = outcome.divergence
    finding.shown = (reference.kind, machine.kind)
    if let head = (outcome.divergence?.0.left ?? outcome.divergence?.0.right)?.head {
      finding.window =
        "instruction \(grouped(head.clock)), at \(hex(head.pc))"
        + (search.workload.location(of: head.pc).map { " (\($0))" } ?? "")
    } else {
      finding.evidence.append("the traces of the window are equal, though the states behind it are not")
    }
  }

  /// Asks a third machine, from the last common place to the next access to a device or the end.
  private func hearWitness(_ finding: inout DivergenceFinding) throws {
    let asked = Set(pursuit.subjects.map(\.kind))
    guard let kind = EngineKind.allCases.first(where: { !asked.contains($0) }) else { return }
    let witness: Subject
    do {
      witness = Subject(try search.makeEngine(kind))
    } catch let refusal as EngineRefusal {
      finding.evidence.append("no third machine to ask: \(refusal.reason)")
      return
    }
    search.progress("\(search.workload.name): asking the \(kind.rawValue)")
    try pursuit.place.place(witness, like: 0)
    let all = pursuit.subjects + [witness]
    let masks = GuestView.masks(search.workload, withHardware: !witness.counts)
    let views = try Self.next(all, masks, search.limits, pursuit.left)
    try pursuit.place.restore(pursuit.subjects)
    let names = pursuit.subjects.map(\.kind.rawValue).joined(separator: " and ")
    guard views[0] != views[1] else {
      finding.evidence.append(
        "at the next access to a device \(names) agree again, so that the \(kind.rawValue) has no vote")
      return
    }
    finding.sides = Self.sides(zip(all.map(\.kind), views).map { ($0, $1) })
    let friends = pursuit.subjects.indices.filter { views[$0] == views[2] }.map {
      pursuit.subjects[$0].kind.rawValue
    }
    finding.evidence.append(
      friends.isEmpty
        ? "at the next access to a device the \(kind.rawValue) agrees with neither"
        : "at the next access to a device the \(kind.rawValue) agrees with the \(friends[0])")
  }

  // MARK: A machine that cannot count

  private func findByAccess() throws -> DivergenceFinding {
    let subjects = pursuit.subjects
    let sides = Self.sides(zip(subjects.map(\.kind), pursuit.views).map { ($0, $1) })
    var finding = DivergenceFinding(sides: sides, window: "")
    var software = subjects.filter(\.counts)
    let clock = zip(subjects, pursuit.clocks).filter(\.0.counts).map(\.1).max() ?? pursuit.place.clock
    let length = clock - min(clock, pursuit.place.clock)
    finding.window =
      "between accesses \(grouped(pursuit.accesses)) and \(grouped(pursuit.accesses + 1)) to devices, "
      + "instructions \(grouped(pursuit.place.clock)) to \(grouped(clock))"
    if software.count == 1, let index = subjects.firstIndex(where: \.counts) {
      let kind: EngineKind = software[0].kind == .simulator ? .emulator : .simulator
      let witness = Subject(try search.makeEngine(kind))
      try pursuit.place.place(witness, like: index)
      software.append(witness)
      finding.evidence.append("the \(kind.rawValue) was asked, too")
    }
    let hardware = subjects.filter { !$0.counts }
    var fine = Pursuit(search, software, limit: length)
    if software.count > 1, case .different = try fine.follow() {
      try trace(fine, &finding)
      var views = try Self.next(software, pursuit.masks, search.limits, length)
      try fine.place.restore(software)
      views += zip(subjects, pursuit.views).filter { !$0.0.counts }.map(\.1)
      finding.sides = Self.sides(zip((software + hardware).map(\.kind), views).map { ($0, $1) })
      finding.evidence.append(
        "at access \(grouped(pursuit.accesses + 1)) to a device: "
          + pursuit.differences.joined(separator: "; "))
    } else {
      // Those that count agree with each other throughout.
      finding.sides = [software.map(\.kind), hardware.map(\.kind)]
      finding.evidence.append("at the end of the window: " + pursuit.differences.joined(separator: "; "))
      try pursuit.place.restore(subjects)
      if let machine = hardware.first {
        try step(machine, against: software[0], length, &finding)
      }
    }
    settle(&finding)
    return finding
  }

  /// Single-steps a machine that cannot count through the window, if it is short enough.
  private func step(
    _ machine: Subject, against reference: Subject, _ length: UInt64, _ finding: inout DivergenceFinding
  ) throws {
    guard machine.engine.capabilities.traceLevel == .instructions else {
      finding.evidence.append(
        "the instruction cannot be told: " + (machine.engine.capabilities.traceLimitation ?? ""))
      return
    }
    guard length <= DivergenceSearch.steppedWindow else {
      finding.evidence.append(
        "the window is too long to be single-stepped (more than \(grouped(DivergenceSearch.steppedWindow)) instructions)"
      )
      return
    }
    var limits = search.limits
    limits.instructions = length + 1
    let outcome = try EquivalenceCheck.run(
      search.workload, machine: machine.engine, against: reference.engine, level: .instructions,
      limits: limits, context: search.context)
    finding.divergence = outcome.divergence
    finding.shown = (reference.kind, machine.kind)
    if let lack = outcome.lack { finding.evidence.append("the instruction cannot be told: \(lack)") }
    if let head = (outcome.divergence?.0.left ?? outcome.divergence?.0.right)?.head {
      finding.window += "; at \(hex(head.pc))"
    }
  }

  // MARK: Votes

  /// What the guests can see at the next access to a device, or where they stop.
  private static func next(
    _ subjects: [Subject], _ masks: [UInt64], _ limits: RunLimits, _ left: UInt64
  ) throws -> [GuestView] {
    var limits = limits
    limits.instructions = left
    return try subjects.map { subject in
      try subject.run(accesses: 1, limits)
      return GuestView(subject.engine, stop: subject.stop, masks: masks, withTime: false)
    }
  }

  /// Machines by what their guests see, the most numerous first.
  private static func sides(_ views: [(EngineKind, GuestView)]) -> [[EngineKind]] {
    var groups: [(view: GuestView, kinds: [EngineKind])] = []
    for (kind, view) in views {
      if let index = groups.firstIndex(where: { $0.view == view }) {
        groups[index].kinds.append(kind)
      } else {
        groups.append((view, [kind]))
      }
    }
    return groups.map(\.kinds).sorted { $0.count > $1.count }
  }

  private func settle(_ finding: inout DivergenceFinding) {
    guard finding.sides.count == 2, finding.sides[0].count > 1, finding.sides[1].count == 1 else { return }
    finding.alone = finding.sides[1][0]
  }
}

/// A number with commas between groups of three digits.
private func grouped(_ value: UInt64) -> String {
  let digits = String(value)
  var text = ""
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
    text.append(digit)
  }
  return text
}
