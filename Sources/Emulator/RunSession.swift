internal import MachineCore
internal import ToyISA
internal import Trace

/// One run of the interpreter: the events between instructions, around the core's loops.
struct RunSession {
  let platform: Platform
  let recorder: TraceRecorder?
  let until: Set<UInt64>
  /// Devices that act for ever without asking for an interrupt must not hang the host.
  private static let mostSkips = 65536
  /// Value of `platform.retired` at which the run ends.
  let end: UInt64
  /// Whether an instruction has retired since the last trap or interrupt was delivered.
  var hasRetired = true
  /// No instruction of this run has been tried yet, so `until` does not count.
  private var isFirst = true

  init(platform: Platform, limits: RunLimits, recorder: TraceRecorder?) {
    self.platform = platform
    self.recorder = recorder
    until = limits.until
    let (end, overflow) = platform.retired.addingReportingOverflow(limits.instructions)
    self.end = overflow ? .max : end
  }

  /// Runs until a limit or a stop.
  mutating func run(_ core: inout ToyCore) -> StopReason {
    var tracer = StepTracer(core)
    let isTraced = recorder?.level == .instructions
    while true {
      if let reason = boundary(&core, &tracer) {
        if reason.isGuestEnd { recordHalt(reason, core) }
        return reason
      }
      if !isTraced, until.isEmpty {
        if !runFast(&core) { continue }
      }
      isFirst = false
      if let reason = step(&core, &tracer) { return reason }
      if let failure = recorder?.failure { return .recorderFailed(String(describing: failure)) }
    }
  }

  /// What happens before an instruction; a reason if the run ends there.
  private mutating func boundary(_ core: inout ToyCore, _ tracer: inout StepTracer) -> StopReason? {
    var skips = 0
    while true {
      if let stop = platform.stop { return stop }
      if platform.now >= platform.deadline { platform.advance() }
      guard core.waiting else { break }
      if platform.pending != 0 {
        core.waiting = false
        tracer.woke()
      } else {
        skips += 1
        guard skips < Self.mostSkips, platform.skipToDeadline() else { return .idle(pc: UInt64(core.pc)) }
      }
    }
    if platform.pending != 0, core.interruptEnable, hasRetired, let line = platform.acknowledge() {
      let cause = ToyCause.timer.rawValue + UInt32(line)
      deliver(.interrupt, cause, UInt32(line), &core, &tracer)
    }
    if platform.retired >= end { return .limit }
    if !isFirst, !until.isEmpty, until.contains(UInt64(core.pc)) { return .breakpoint(pc: UInt64(core.pc)) }
    return nil
  }

  /// Runs as far as no event can come; `false` if the instruction that is next is not for `step`.
  private mutating func runFast(_ core: inout ToyCore) -> Bool {
    // An interrupt that waits for one instruction to retire is looked at after that one.
    if platform.pending != 0, core.interruptEnable { return true }
    let budget = min(end - platform.retired, platform.deadline - platform.now)
    let exit = core.runFast(budget: budget)
    if exit.retired > 0 {
      platform.retired &+= UInt64(exit.retired)
      hasRetired = true
      isFirst = false
    }
    return exit.needsStep
  }

  /// Carries out one instruction with its trap or device access; a reason if the run ends there.
  private mutating func step(_ core: inout ToyCore, _ tracer: inout StepTracer) -> StopReason? {
    tracer.begin(core)
    switch core.step(now: platform.now) {
    case .retired: break
    case .trapped:
      let (cause, value) = (core.cause.rawValue, core.value)
      guard hasRetired else {
        let reason = StopReason.checkStop(cause: cause, pc: UInt64(core.pc))
        recordHalt(reason, core)
        return reason
      }
      deliver(.trap, cause, value, &core, &tracer)
      return nil
    case .input(let port, let register):
      let datum = platform.read(.port, UInt64(port), width: 4)
      recordDevice(tracer, port, datum, isWrite: false)
      core.set(register, UInt32(truncatingIfNeeded: datum))
      core.complete()
    case .output(let port, let datum):
      platform.write(.port, UInt64(port), UInt64(datum), width: 4)
      recordDevice(tracer, port, UInt64(datum), isWrite: true)
      core.complete()
    }
    platform.retired &+= 1
    hasRetired = true
    if let recorder, recorder.level == .instructions {
      tracer.retire(core, clock: platform.retired, into: recorder)
    } else if recorder != nil {
      tracer.skip(core)
    }
    return nil
  }

  /// Enters the handler and records it; `tracer` knows where the trap came from.
  private mutating func deliver(
    _ kind: EventKind, _ cause: UInt32, _ value: UInt32, _ core: inout ToyCore, _ tracer: inout StepTracer
  ) {
    tracer.begin(core)
    if recorder != nil { tracer.skip(core) }
    core.deliver(cause: cause, value: value)
    hasRetired = false
    if let recorder {
      tracer.delivered(kind, cause: cause, value: value, core, clock: platform.retired, into: recorder)
    }
  }

  private func recordDevice(_ tracer: StepTracer, _ port: UInt32, _ value: UInt64, isWrite: Bool) {
    guard let recorder else { return }
    tracer.device(
      port: port, value: value, isWrite: isWrite, clock: platform.retired, into: recorder)
  }

  private func recordHalt(_ reason: StopReason, _ core: borrowing ToyCore) {
    guard let recorder else { return }
    recorder.append(
      TraceRecord(
        .halt, mode: core.user ? 1 : 0, code: reason.code, clock: platform.retired, pc: UInt64(core.pc),
        value: reason.status))
  }
}
