public import MachineCore
internal import Trace

extension DebugSession {
  /// Takes one step back.
  ///
  /// - Throws: ``EngineRefusal`` when the engine cannot go back here.
  public func stepBack() throws(EngineRefusal) -> DebugStop {
    guard counts else { return try onReplica { (session) throws(EngineRefusal) in try session.stepBack() } }
    let here = position
    let stopped = end
    guard let start = history.start, start != here || stopped != nil else { return .historyStart }
    var first = here.count
    if let stopped, !stopped.isBeforeAnInstruction {
      // It stopped with an instruction, which is taken back.
      guard first > start.count else { return .historyStart }
      first -= 1
    }
    try seek(first, pc: nil)
    if position == here {
      if stopped != nil { return .stepped }
      guard first > start.count else { return .historyStart }
      try seek(first - 1, pc: nil)
    }
    var last = position
    while true {
      let reason = try rawStep()
      if reason != nil || position == here || position.count > here.count { break }
      last = position
    }
    try seek(last.count, pc: last.pc)
    return .stepped
  }

  /// Runs back to a break- or watchpoint, or to the start of the history.
  ///
  /// - Throws: ``EngineRefusal`` when the engine cannot go back here.
  public func resumeBack(_ goal: DebugGoal = DebugGoal()) throws(EngineRefusal) -> DebugStop {
    guard counts else {
      return try onReplica { (session) throws(EngineRefusal) in try session.resumeBack(goal) }
    }
    var limit = position
    guard let start = history.start, start != limit || end != nil else { return .historyStart }
    if let count = goal.count {
      guard count < limit.count else { return .count }
      try seek(max(count, start.count), pc: nil)
      return count < start.count ? .historyStart : .count
    }
    if end != nil { limit.pc = ~limit.pc }
    while true {
      guard
        let index = history.checkpoints.lastIndex(where: {
          $0.position.count < limit.count || $0.position.count == limit.count && $0.position != limit
        })
      else { break }
      if let found = try lastStop(from: index, before: limit, goal) { return found }
      if isInterrupted() { return .interrupted }
      try restore(min(index, history.checkpoints.count - 1))
      limit = history.checkpoints[min(index, history.checkpoints.count - 1)].position
      if index == 0 { break }
    }
    try restore(0)
    return .historyStart
  }

  /// The last stop between a checkpoint and a later place; the machine is there then.
  private func lastStop(
    from index: Int, before limit: DebugPosition, _ goal: DebugGoal
  ) throws(EngineRefusal) -> DebugStop? {
    try restore(index)
    let addresses = stopAddresses(goal)
    let scanner = DebugScanner.isNeeded(self, goal) ? DebugScanner(self, goal: goal) : nil
    let hits = breakpoints.map(\.hits)
    var last: (position: DebugPosition, stop: DebugStop)?
    if position != limit, let stop = stopHere(goal) { last = (position, stop) }
    while position != limit {
      let left = limit.count - min(limit.count, engine.platform.retired)
      var until = addresses
      // At the limit's own count only the entry of a handler is left to be reached.
      if left == 0 {
        if position.pc == limit.pc || ~position.pc == limit.pc { break }
        until.insert(limit.pc)
      }
      let now = position
      let stop = try engine.run(
        RunLimits(instructions: max(left, 1), until: until), into: scanner?.recorder)
      switch stop {
      case .limit where engine.platform.retired <= limit.count, .breakpoint: break
      default:
        scanner?.recorder.flush()
        return try settle(last, scanner, before: limit, from: index, hits)
      }
      if position == limit || position == now && left == 0 { break }
      if let stop = stopHere(goal) { last = (position, stop) }
    }
    scanner?.recorder.flush()
    return try settle(last, scanner, before: limit, from: index, hits)
  }

  /// Goes to the latest of the stops that were found.
  private func settle(
    _ last: (position: DebugPosition, stop: DebugStop)?, _ scanner: DebugScanner?,
    before limit: DebugPosition, from index: Int, _ hits: [Int]
  ) throws(EngineRefusal) -> DebugStop? {
    for (number, count) in hits.enumerated() where number < breakpoints.count {
      breakpoints[number].hits = count
    }
    for finding in (scanner?.findings ?? []).reversed() {
      let isTrap = finding.handler != nil
      guard finding.count <= limit.count else { continue }
      if let event = finding.event {
        // Events are where they are going forward, if that is before the limit.
        guard finding.count < limit.count || finding.handler != nil && finding.handler != limit.pc else {
          continue
        }
        if let last, last.position.count > finding.count { break }
        try seek(finding.count, pc: finding.handler)
        return .event(event)
      }
      guard let number = finding.watchpoint, isTrap || finding.count > 0 else { continue }
      // Going back, a change is undone: the machine stops before the instruction that made it.
      let before = isTrap ? finding.count : finding.count - 1
      if let last, last.position.count > before { break }
      try seek(before, pc: finding.pc == pc ? nil : finding.pc)
      let old = watchedContents()[number] ?? 0
      if finding.isCertain { return .watchpoint(number, old: finding.old, new: finding.new) }
      try seek(finding.count, pc: finding.handler)
      let new = watchedContents()[number] ?? 0
      guard old != new else { continue }
      try seek(before, pc: finding.pc)
      return .watchpoint(number, old: old, new: new)
    }
    guard let last else { return nil }
    if let index = breakpoints.firstIndex(where: { .breakpoint($0.number) == last.stop }) {
      breakpoints[index].hits += 1
    }
    try seek(last.position.count, pc: last.position.pc)
    return last.stop
  }
}

extension StopReason {
  /// The run ended by an instruction or a trap that is not counted.
  fileprivate var isBeforeAnInstruction: Bool {
    switch self {
    case .checkStop, .unsupported: true
    default: false
    }
  }
}
