public import MachineCore
public import Properties
public import Trace
internal import X86Backend

/// A machine under a debugger: one workload on one engine, that stops, steps, and goes back.
///
/// Engines that count instructions go back by checkpoints and replay. KVM, which cannot, goes back by asking an
/// emulator that is at the same place of the same run, where there is one.
public final class DebugSession {
  /// What runs.
  public let workload: Workload
  /// On what; another object after going back on KVM.
  public internal(set) var engine: any Engine
  /// Why the guest cannot go on; `nil` while it can.
  public internal(set) var end: StopReason?
  /// Breakpoints by ascending number.
  public internal(set) var breakpoints: [Breakpoint] = []
  /// Watchpoints by ascending number.
  public internal(set) var watchpoints: [Watchpoint] = []
  /// Asked again and again while the machine runs; `true` ends the run.
  public var isInterrupted: () -> Bool = { false }
  /// Takes what the guest writes to its console, each byte once, however often that part of the run is repeated.
  public var console: ((UInt8) -> Void)?
  /// Takes every event of a run that goes forward, when set: slower.
  public var tracer: ((TraceRecord) -> Void)?
  /// Bound on host time of one run, for engines that cannot count.
  public var hostSeconds: Double = 60

  /// What is left of the goal of the last run, for a run that goes on from where that one stopped.
  public internal(set) var goalLeft = DebugGoal()

  let view: any ProcessorView
  var history: History
  var replica: Replica?
  /// Every instruction so far was counted, on an engine that counts only what it single-steps.
  var isCountExact = true
  /// Whether the emulator may act for hardware that cannot step or go back.
  public var usesReplica = true
  /// Parts of the run were carried out again, which the engine's own counts do not tell apart.
  var hasReplayed = false
  /// What the platform's count of accesses to devices, which goes on when the machine is put back, is ahead of the run's.
  var accessOffset: UInt64 = 0
  /// Accesses to devices from the start of the run to here.
  var accesses: UInt64 { engine.platform.accesses &- accessOffset }
  private var printed = 0
  private var nextNumber = 1

  /// A session over a fresh engine that runs the workload.
  public init(_ workload: Workload, _ engine: any Engine) {
    self.workload = workload
    self.engine = engine
    if let set = engine.instructionSet as? X86InstructionSet {
      view = X86View(set: set)
    } else {
      view = ToyView()
    }
    history = History(interval: engine.kind == .simulator ? 100_000 : 500_000)
    // Parts of a run that are repeated would be seen again.
    engine.platform.consoleObserver = nil
    if counts { history.restart(engine, at: position, accesses: accesses) }
  }

  /// Gives on what the guest has written up to here and was not given on before.
  func passConsole() {
    let bytes = engine.platform.console
    guard bytes.count > printed else { return }
    if let console { bytes[printed...].forEach(console) }
    printed = bytes.count
  }

  /// Whether the engine counts instructions, so that every place of a run has a name.
  public var counts: Bool { engine.capabilities.countsInstructions }

  /// Where the machine is; the count means nothing where instructions were not counted.
  public var position: DebugPosition {
    DebugPosition(count: engine.platform.retired, pc: pc)
  }

  /// The program counter as the register holds it.
  public var pc: UInt64 { engine.state.registers[Int(engine.instructionSet.system.programCounter)] }

  /// Address of the next instruction: linear on x86.
  public var codeAddress: UInt64 { view.codeAddress(engine.state) }

  // MARK: Break- and watchpoints

  /// Adds a breakpoint.
  @discardableResult
  public func addBreakpoint(
    _ address: UInt64, condition: DebugExpression? = nil, isTemporary: Bool = false
  ) -> Int {
    defer { nextNumber += 1 }
    breakpoints.append(
      Breakpoint(number: nextNumber, address: address, condition: condition, isTemporary: isTemporary))
    return nextNumber
  }

  /// Adds a watchpoint.
  ///
  /// - Throws: ``EngineRefusal`` where the engine does not show loads.
  @discardableResult
  public func addWatchpoint(_ subject: Watchpoint.Subject, _ use: Watchpoint.Use = .change)
    throws(EngineRefusal) -> Int
  {
    // KVM has debug registers, or the emulator in its place.
    if use != .change, counts, !engine.capabilities.recordsMemoryEffects {
      throw EngineRefusal(
        "\(engine.flavour) does not show the guest's loads",
        remedy: "watch for changes, or take another engine")
    }
    defer { nextNumber += 1 }
    watchpoints.append(Watchpoint(number: nextNumber, subject: subject, use: use))
    return nextNumber
  }

  /// Removes a break- or watchpoint; `false` if there is none of this number.
  @discardableResult
  public func remove(_ number: Int) -> Bool {
    let count = breakpoints.count + watchpoints.count
    breakpoints.removeAll { $0.number == number }
    watchpoints.removeAll { $0.number == number }
    return breakpoints.count + watchpoints.count < count
  }

  // MARK: Changing the machine

  /// Sets a register; what came before can no longer be gone back to.
  public func setRegister(_ number: Int, _ value: UInt64) {
    var state = engine.state
    guard state.registers.indices.contains(number) else { return }
    state.registers[number] = value
    engine.state = state
    beginHistory()
  }

  /// Replaces the processor's state; what came before can no longer be gone back to.
  public func setState(_ state: ProcessorState) {
    guard state != engine.state else { return }
    engine.state = state
    beginHistory()
  }

  /// Writes to storage; what came before can no longer be gone back to.
  ///
  /// - Returns: `false`, with nothing written, where an address leads to no storage.
  public func write(_ bytes: [UInt8], at address: UInt64, isPhysical: Bool = false) -> Bool {
    let memory = engine.platform.memory
    var places: [Int] = []
    for offset in bytes.indices {
      let one = address &+ UInt64(offset)
      guard let physical = isPhysical ? one : translate(one), memory.contains(physical, count: 1) else {
        return false
      }
      places.append(Int(physical))
    }
    for (place, byte) in zip(places, bytes) { try? memory.write([byte], at: place) }
    beginHistory()
    return true
  }

  private func beginHistory() {
    if counts { history.restart(engine, at: position, accesses: accesses) }
    replica = nil
    edits += 1
    end = nil
  }

  /// The machine was changed by hand, so that no other engine can be brought to its state by running.
  var isEdited: Bool { edits > 0 }

  /// How often the machine was changed by hand.
  public private(set) var edits = 0

  // MARK: Going to a place

  /// Goes to the first state after `count` instructions, or to the entry of the handler at `pc` there.
  ///
  /// - Throws: ``EngineRefusal`` when that is before the history or the run does not come by.
  func seek(_ count: UInt64, pc target: UInt64?) throws(EngineRefusal) {
    guard
      let index = history.checkpoints.lastIndex(where: {
        $0.position.count <= count
      })
    else {
      throw EngineRefusal("there is no earlier state than after \(history.start?.count ?? 0) instructions")
    }
    try restore(index)
    try replay(to: count)
    guard let target, pc != target else { return }
    let stop = try engine.run(RunLimits(instructions: 1, until: [target]), into: nil)
    guard case .breakpoint = stop, engine.platform.retired == count else {
      throw EngineRefusal("the run did not come by \(hex(target)) again after \(count) instructions")
    }
  }

  /// Puts the engine back to a checkpoint.
  func restore(_ index: Int) throws(EngineRefusal) {
    engine.platform.accessesLeft = nil
    do {
      try history.checkpoints[index].restore(engine)
    } catch {
      throw EngineRefusal("the state cannot be put back: \(error)")
    }
    accessOffset = engine.platform.accesses &- history.checkpoints[index].accesses
    history.cut(after: index)
    end = nil
  }

  /// Distance before a place at which a checkpoint is made, so that more steps back from there are short.
  private static let near: UInt64 = 4096

  /// Runs on to a count, without stops.
  private func replay(to count: UInt64) throws(EngineRefusal) {
    if engine.platform.retired < count { hasReplayed = true }
    while engine.platform.retired < count {
      let now = engine.platform.retired
      var next = min(count, history.next(after: now))
      if next == count, count - now > 4 * Self.near { next = count - Self.near - count % 64 }
      let stop = try engine.run(RunLimits(instructions: next - now), into: nil)
      guard stop == .limit, engine.platform.retired == next else {
        throw EngineRefusal("the run took another way than before: \(stop)")
      }
      if next < count { history.keep(engine, at: position, accesses: accesses) }
    }
  }
}
