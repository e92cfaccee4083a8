internal import MachineCore
internal import Trace

/// Looks through the records of a run for what watchpoints, events and returns wait for.
final class DebugScanner {
  /// A place at which a run may have to stop.
  struct Finding {
    /// The position to stop at, when going forward.
    var count: UInt64
    /// The entry of a handler at that count, if that is meant.
    var handler: UInt64?
    /// Address of the instruction that did it.
    var pc: UInt64
    /// The watchpoint; the memory it watches must be looked at, unless it is about a load.
    var watchpoint: Int?
    var isCertain: Bool
    var old: UInt64 = 0
    var new: UInt64 = 0
    var event: TraceRecord?
    var isReturn = false
    /// The depth of calls there.
    var isInCall = false
    var level = 0
    var comeback: DebugGoal.Comeback?
  }

  private(set) var findings: [Finding] = []
  private let watchpoints: [Watchpoint]
  private let events: Set<UInt8>
  private let view: any ProcessorView
  private let context: UInt64
  private let tracer: ((TraceRecord) -> Void)?
  /// Depth of calls that ends the run.
  private let isReturnAwaited: Bool
  private(set) var level: Int
  private(set) var isInCall: Bool
  private(set) var comeback: DebugGoal.Comeback?
  private var flows = FlowCache()
  private var registers: [UInt64]
  private var bases: Set<UInt64>
  private var head: TraceRecord?
  /// What the watched memory holds, by the watchpoints' numbers, as the stores so far have it.
  private var contents: [Int: UInt64]
  private(set) var recorder: TraceRecorder!

  init(
    _ session: DebugSession, goal: DebugGoal, tracer: ((TraceRecord) -> Void)? = nil
  ) {
    watchpoints = session.watchpoints
    view = session.view
    registers = session.engine.state.registers
    contents = session.watchedContents()
    bases = session.view.segmentBases(registers)
    context = session.view.context(session.engine.state)
    self.tracer = tracer
    events = Set(goal.events.compactMap(\.kind).map(\.rawValue))
    isReturnAwaited = goal.depth != nil
    level = goal.level
    comeback = goal.comeback
    isInCall = goal.depth == 0
    let needsInstructions = !watchpoints.isEmpty || isReturnAwaited || tracer != nil || !session.counts
    recorder = TraceRecorder(level: needsInstructions ? .instructions : .events) { [unowned self] batch in
      for record in batch { take(record) }
    }
  }

  /// Whether a run with these wishes must be looked through.
  static func isNeeded(_ session: DebugSession, _ goal: DebugGoal) -> Bool {
    !session.watchpoints.isEmpty || session.tracer != nil || goal.depth != nil
      || !goal.events.subtracting([.device]).isEmpty
  }

  /// Forgets what was found.
  func clear() { findings.removeAll() }

  private func take(_ record: TraceRecord) {
    tracer?(record)
    switch record.eventKind {
    case .retire:
      head = record
      guard isReturnAwaited else { return }
      switch flow(record.bytes) {
      case .call: level += 1
      case .giveBack: level -= 1
      case .other: break
      }
      awaitReturn(record)
    case .trap, .interrupt:
      head = record
      if isReturnAwaited { level += 1 }
      if events.contains(record.kind) { find(record, event: record) }
    case .exit:
      if events.contains(record.kind) { find(record, event: record) }
    case .registerWrite: takeRegister(record)
    case .memoryRead, .memoryWrite: takeMemory(record)
    default: break
    }
  }

  private func flow(_ bytes: InstructionBytes) -> CallFlow { flows.flow(bytes, view, context: context) }

  private func awaitReturn(_ record: TraceRecord) {
    // A call that is stepped over begins one level further up.
    if !isInCall {
      isInCall = level > 0
      if !isInCall { find(record, isReturn: true) }
      if isInCall {
        level -= 1
        // A trap before the first instruction is passed over in the same way, but comes back elsewhere.
        if level == 0, flow(record.bytes) == .call {
          comeback = .init(address: record.pc &+ UInt64(record.bytes.count), stackPointer: stackPointer)
        }
      }
      return
    }
    if level < 0 || comeback == .init(address: record.address, stackPointer: stackPointer) {
      find(record, isReturn: true)
    }
  }

  /// The stack pointer before the instruction whose record has come last.
  private var stackPointer: UInt64 { registers[view.stackPointer] }

  private func find(_ record: TraceRecord, event: TraceRecord? = nil, isReturn: Bool = false) {
    let isTrap = record.kind == EventKind.trap.rawValue || record.kind == EventKind.interrupt.rawValue
    let isExit = record.kind == EventKind.exit.rawValue
    findings.append(
      Finding(
        count: isExit ? record.clock &+ 1 : record.clock, handler: isTrap ? record.aux : nil, pc: record.pc,
        watchpoint: nil, isCertain: true, event: event, isReturn: isReturn, isInCall: isInCall, level: level,
        comeback: comeback))
  }

  private func takeRegister(_ record: TraceRecord) {
    let number = Int(record.code)
    guard registers.indices.contains(number) else { return }
    let old = registers[number]
    registers[number] = record.value
    bases = view.segmentBases(registers)
    for watchpoint in watchpoints where watchpoint.subject == .register(number) {
      add(watchpoint, isCertain: true, old: old, new: record.value)
    }
  }

  private func takeMemory(_ record: TraceRecord) {
    let isWrite = record.kind == EventKind.memoryWrite.rawValue
    for watchpoint in watchpoints {
      guard case .memory(let address, let length) = watchpoint.subject, length > 0,
        isWrite ? watchpoint.use != .read : watchpoint.use != .change,
        bases.contains(where: {
          Self.overlap(record.address &+ $0, Int(clamping: record.aux), address, length)
        })
      else { continue }
      guard watchpoint.use == .change, bases == [0] else {
        // With segments that have a base, which one was meant is not told: the memory must be looked at.
        add(watchpoint, isCertain: watchpoint.use != .change, old: 0, new: record.value)
        continue
      }
      let old = contents[watchpoint.number] ?? 0
      var new = old
      for index in 0..<min(Int(clamping: record.aux), 8) {
        let place = record.address &+ UInt64(index) &- address
        guard place < UInt64(min(length, 8)) else { continue }
        let byte = record.value >> UInt64(index * 8) & 0xFF
        new = new & ~(0xFF << (place * 8)) | byte << (place * 8)
      }
      contents[watchpoint.number] = new
      if new != old { add(watchpoint, isCertain: true, old: old, new: new) }
    }
  }

  private static func overlap(_ first: UInt64, _ count: Int, _ second: UInt64, _ length: Int) -> Bool {
    second &- first < UInt64(max(count, 1)) || first &- second < UInt64(length)
  }

  private func add(_ watchpoint: Watchpoint, isCertain: Bool, old: UInt64, new: UInt64) {
    guard let head else { return }
    let isTrap = head.kind != EventKind.retire.rawValue
    if let last = findings.last, last.watchpoint == watchpoint.number, last.count == head.clock { return }
    findings.append(
      Finding(
        count: head.clock, handler: isTrap ? head.aux : nil, pc: head.pc, watchpoint: watchpoint.number,
        isCertain: isCertain, old: old, new: new, isInCall: isInCall, level: level,
        comeback: comeback))
  }
}

extension DebugGoal.Event {
  /// The records that show it; accesses to devices are counted by the platform.
  fileprivate var kind: EventKind? {
    switch self {
    case .trap: .trap
    case .interrupt: .interrupt
    case .exit: .exit
    case .device: nil
    }
  }
}
