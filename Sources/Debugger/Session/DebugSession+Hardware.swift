internal import MachineCore
internal import Trace
internal import X86Backend

/// KVM under a debugger: free runs to the processor's own break- and watchpoints, single steps, and a replica on the
/// emulator for what the hardware cannot do.
extension DebugSession {
  /// Seconds of a run after which interruptions are looked for.
  static let slice = 0.1

  /// Whether watchpoints can tell loads from stores.
  public var tellsLoads: Bool { counts || !WatchSupport.measured.everywhere }

  /// One step of the hardware; where it cannot step, a step of the replica whose state it then takes.
  func hardwareStep(into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason? {
    let handlers = view.handlers(engine.state, PhysicalMemory(platform: engine.platform))
    let recorder = recorder ?? TraceRecorder(level: .instructions) { _ in }
    do throws(EngineRefusal) {
      return note(try engine.run(RunLimits(instructions: 1, until: handlers, hostSeconds: 5), into: recorder))
    } catch {
      let replica: Replica
      do throws(EngineRefusal) { replica = try locate() } catch let lack { throw Self.both(error, lack) }
      let reason = try replica.session.rawStep(into: recorder)
      try adopt(replica)
      if let reason { end = reason }
      return reason
    }
  }

  static func both(_ refusal: EngineRefusal, _ lack: EngineRefusal) -> EngineRefusal {
    EngineRefusal(
      "\(refusal.reason); nor can the emulator act in its place: \(lack.reason)",
      isHostLack: refusal.isHostLack)
  }

  func resumeHardware(_ goal: DebugGoal) throws(EngineRefusal) -> DebugStop {
    let places = Set(breakpoints.map(\.address)).union(goal.places)
    let needsSteps =
      goal.count != nil || goal.depth != nil || tracer != nil || !goal.events.isSubset(of: [.device])
    let watches = needsSteps ? nil : hardwareWatches(free: DebugSlot.count - places.count)
    let end = ContinuousClock.now + .seconds(hostSeconds)
    guard let watches else {
      if watchpoints.contains(where: { $0.use != .change }) { return try resumeOnReplica(goal, until: end) }
      return try resumeStepping(goal, until: end)
    }
    X86Virtualizer.watch(engine, watches.map(\.slot))
    defer {
      X86Virtualizer.watch(engine, [])
      engine.platform.accessesLeft = nil
    }
    let start = HardwareStart(self)
    do throws(EngineRefusal) {
      return try resumeFreely(goal, places, watches.map(\.number), until: end)
    } catch {
      // The guest may have gone past a place in ring 3: the emulator goes there from where the run began.
      guard error.isHostLack, !places.isEmpty, let start else { throw error }
      X86Virtualizer.watch(engine, [])
      do throws(EngineRefusal) {
        return try resumeOnReplica(goal, from: start, until: end)
      } catch let lack {
        throw Self.both(error, lack)
      }
    }
  }

  /// Debug registers for all watchpoints, with the watchpoints' numbers; `nil` when they do not do.
  private func hardwareWatches(free: Int) -> [(slot: DebugSlot, number: Int)]? {
    var watches: [(slot: DebugSlot, number: Int)] = []
    for watchpoint in watchpoints {
      guard case .memory(let address, let length) = watchpoint.subject else { return nil }
      let slots =
        watchpoint.use == .change
        ? DebugSlot.stores(address, length: length) : DebugSlot.accesses(address, length: length)
      watches += slots.map { ($0, watchpoint.number) }
    }
    guard watches.count <= free, watches.isEmpty || WatchSupport.measured.everywhere else { return nil }
    return watches
  }

  /// Runs at full speed to what the debug registers stop at.
  private func resumeFreely(
    _ goal: DebugGoal, _ places: Set<UInt64>, _ watched: [Int], until end: ContinuousClock.Instant
  ) throws(EngineRefusal) -> DebugStop {
    var contents = watchedContents()
    if goal.events.contains(.device) { engine.platform.accessesLeft = 1 }
    if places.contains(codeAddress) {
      let reason = try rawStep()
      if let found = watchHit(watched, &contents) { return found }
      if let reason { return .ended(reason) }
      if engine.platform.accessesLeft == 0 { return .device }
      if let found = stopHere(goal) { return found }
    }
    while true {
      if isInterrupted() { return .interrupted }
      // A step may have put another engine in place.
      if goal.events.contains(.device) { engine.platform.accessesLeft = 1 }
      isCountExact = false
      let stop = try engine.run(RunLimits(until: places, hostSeconds: Self.slice), into: nil)
      passConsole()
      if let found = watchHit(watched, &contents) { return found }
      if let reason = note(stop) { return .ended(reason) }
      if engine.platform.accessesLeft == 0 { return .device }
      if let found = stopHere(goal) { return found }
      if ContinuousClock.now >= end { return .outOfTime }
      // The condition of a breakpoint does not hold: past it by a step.
      if places.contains(codeAddress) {
        let reason = try rawStep()
        if let found = watchHit(watched, &contents) { return found }
        if let reason { return .ended(reason) }
        if engine.platform.accessesLeft == 0 { return .device }
        if let found = stopHere(goal) { return found }
      }
    }
  }

  /// The watchpoint that debug registers stopped for.
  ///
  /// A store stops even if it changes nothing, and no debug register is for loads alone: as gdb does on such processors,
  /// an access after which the memory is the same counts as a load.
  private func watchHit(_ watched: [Int], _ contents: inout [Int: UInt64]) -> DebugStop? {
    guard !watched.isEmpty else { return nil }
    let hits = Set(X86Virtualizer.takeHits(engine).map { watched[$0] })
    let now = watchedContents()
    defer { contents = now }
    for index in watchpoints.indices {
      let point = watchpoints[index]
      let (old, new) = (contents[point.number] ?? 0, now[point.number] ?? 0)
      let isHit =
        switch point.use {
        case .change: old != new
        case .read: hits.contains(point.number) && old == new
        case .access: hits.contains(point.number)
        }
      guard isHit else { continue }
      watchpoints[index].hits += 1
      return .watchpoint(point.number, old: old, new: new)
    }
    return nil
  }

  // MARK: Single steps

  /// Runs by single steps, for what the processor's debug registers do not watch.
  private func resumeStepping(
    _ goal: DebugGoal, until end: ContinuousClock.Instant
  ) throws(EngineRefusal) -> DebugStop {
    if goal.count != nil, !isCountExact {
      throw EngineRefusal(
        "\(engine.flavour) ran without counting instructions", remedy: "run to a count from the start")
    }
    if let count = goal.count, count <= engine.platform.retired { return .count }
    let scanner = DebugScanner(self, goal: goal, tracer: tracer)
    var contents = watchedContents()
    defer {
      X86Virtualizer.observe(engine, nil)
      engine.platform.accessesLeft = nil
    }
    while true {
      if isInterrupted() { return .interrupted }
      if ContinuousClock.now >= end { return .outOfTime }
      if goal.events.contains(.device) { engine.platform.accessesLeft = 1 }
      let before = position
      let reason: StopReason?
      do throws(EngineRefusal) {
        reason = try runStepping(goal, scanner, contents)
      } catch {
        // Calls are counted by the scanner: only single steps keep it in the picture.
        if goal.depth == nil {
          if let stop = try pass(error, goal, until: end) { return stop }
          contents = watchedContents()
          scanner.clear()
          continue
        }
        reason = try hardwareStep(into: scanner.recorder)
      }
      scanner.recorder.flush()
      passConsole()
      let now = watchedContents()
      for index in watchpoints.indices {
        let number = watchpoints[index].number
        if let old = contents[number], let new = now[number], old != new {
          watchpoints[index].hits += 1
          return .watchpoint(number, old: old, new: new)
        }
      }
      contents = now
      for finding in scanner.findings where finding.isCertain {
        if let event = finding.event { return .event(event) }
        if finding.isReturn { return .returned }
        if let number = finding.watchpoint {
          if let index = watchpoints.firstIndex(where: { $0.number == number }) {
            watchpoints[index].hits += 1
          }
          return .watchpoint(number, old: finding.old, new: finding.new)
        }
      }
      scanner.clear()
      if let reason { return .ended(reason) }
      if engine.platform.accessesLeft == 0 { return .device }
      // A slice of time may be over before the first step is.
      if position != before, let found = stopHere(goal) { return found }
      if let count = goal.count, engine.platform.retired >= count { return .count }
    }
  }

  /// Steps until there is something to look at, or the slice of time is over.
  private func runStepping(
    _ goal: DebugGoal, _ scanner: DebugScanner, _ contents: [Int: UInt64]
  ) throws(EngineRefusal) -> StopReason? {
    let left = goal.count.map { $0 - engine.platform.retired } ?? .max
    X86Virtualizer.observe(engine) { [unowned self] state in
      scanner.recorder.flush()
      return !scanner.findings.isEmpty || engine.platform.accessesLeft == 0
        || !contents.isEmpty && watchedContents(in: state) != contents
    }
    defer { X86Virtualizer.observe(engine, nil) }
    let limits = RunLimits(instructions: left, until: stopAddresses(goal), hostSeconds: Self.slice)
    return note(try engine.run(limits, into: scanner.recorder))
  }

  /// Lets the emulator run on from where the hardware cannot be stepped, up to where it is in ring 0 again.
  ///
  /// - Returns: the stop, if there was one on the way.
  private func pass(
    _ refusal: EngineRefusal, _ goal: DebugGoal, until end: ContinuousClock.Instant
  ) throws(EngineRefusal) -> DebugStop? {
    var part = goal
    part.places.formUnion(view.supervisorEntries(engine.state, PhysicalMemory(platform: engine.platform)))
    do throws(EngineRefusal) {
      let stop = try resumeOnReplica(part, until: end)
      if stop == .breakpoint(nil), !goal.places.contains(codeAddress) { return nil }
      return stop
    } catch {
      throw Self.both(refusal, error)
    }
  }

  /// Lets the emulator run on in the place of the hardware, and takes its state.
  private func resumeOnReplica(
    _ goal: DebugGoal, from start: HardwareStart? = nil, until end: ContinuousClock.Instant
  ) throws(EngineRefusal) -> DebugStop {
    let outer = isInterrupted
    var isLate = false
    isInterrupted = {
      isLate = isLate || ContinuousClock.now >= end
      return isLate || outer()
    }
    defer { isInterrupted = outer }
    let stop = try onReplica(start) { (session) throws(EngineRefusal) in try session.resume(goal) }
    return stop == .interrupted && isLate ? .outOfTime : stop
  }
}
