public import MachineCore
public import ToyISA
public import Trace

/// A toy machine's engine with units that a student wrote.
///
/// It does what happens between instructions and keeps the trace; units do the rest. Whatever they do, the
/// program counter, clock and trace are the engine's.
public final class LabEngine: Engine {
  public let kind = EngineKind.emulator
  public let flavour = "lab"
  public let capabilities = Capabilities()
  public let platform: Platform
  public private(set) var statistics = EngineStatistics()

  private let cpu: LabProcessor
  private let instructions: any InstructionUnit.Type
  private let traps: any TrapUnit.Type
  private let semantics: ToyInstructionSet
  private var hasRetired = true

  /// An engine with units.
  public init(
    platform: Platform, state: ProcessorState, variant: ToyVariant = .classic,
    instructions: any InstructionUnit.Type, traps: any TrapUnit.Type
  ) {
    self.platform = platform
    self.instructions = instructions
    self.traps = traps
    semantics = ToyInstructionSet(variant)
    cpu = LabProcessor(state, platform: platform, variant: variant, traps: traps)
    hasRetired = state.deliveries == 0
  }

  public var instructionSet: any InstructionSet { semantics }

  public var state: ProcessorState {
    get {
      var entries: [UInt64: UInt64] = [:]
      for (page, entry) in cpu.tlb where entry != 0 { entries[UInt64(page)] = UInt64(entry) }
      return ProcessorState(
        registers: cpu.registers, auxiliaries: [entries], deliveries: hasRetired ? 0 : 1)
    }
    set {
      cpu.restore(newValue)
      hasRetired = newValue.deliveries == 0
    }
  }

  public func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
    let recorder = recorder?.level == .final ? nil : recorder
    let (sum, overflow) = platform.retired.addingReportingOverflow(limits.instructions)
    let end = overflow ? .max : sum
    let before = platform.retired
    var isFirst = true
    while true {
      if let reason = boundary(end, recorder) ?? breakpoint(limits.until, isFirst) {
        if reason.isGuestEnd { recordHalt(reason, recorder) }
        statistics.retired &+= platform.retired &- before
        return reason
      }
      isFirst = false
      if let reason = step(recorder) {
        recordHalt(reason, recorder)
        statistics.retired &+= platform.retired &- before
        return reason
      }
    }
  }

  private func breakpoint(_ until: Set<UInt64>, _ isFirst: Bool) -> StopReason? {
    !isFirst && until.contains(UInt64(cpu.psw.pc)) ? .breakpoint(pc: UInt64(cpu.psw.pc)) : nil
  }

  /// What happens before an instruction; a reason if the run ends there.
  private func boundary(_ end: UInt64, _ recorder: TraceRecorder?) -> StopReason? {
    var skips = 0
    while true {
      if let stop = platform.stop { return stop }
      if platform.now >= platform.deadline { platform.advance() }
      guard cpu.isWaiting else { break }
      if platform.pending != 0 {
        cpu.isWaiting = false
      } else {
        skips += 1
        guard skips < 65536, platform.skipToDeadline() else { return .idle(pc: UInt64(cpu.psw.pc)) }
      }
    }
    if platform.pending != 0, cpu.psw.interruptEnable, hasRetired, let line = platform.acknowledge(),
      let cause = ToyCause(rawValue: ToyCause.timer.rawValue + UInt32(line))
    {
      deliver(.interrupt, GuestTrap(cause, value: UInt32(line)), recorder)
    }
    return platform.retired >= end ? .limit : nil
  }

  /// One instruction or the trap that it raises; a reason if the run ends there.
  private func step(_ recorder: TraceRecorder?) -> StopReason? {
    let (pc, mode) = (cpu.psw.pc, cpu.psw.user ? UInt8(1) : 0)
    let before = cpu.registers
    let mark = cpu.mark
    cpu.accesses.removeAll(keepingCapacity: true)
    cpu.ports.removeAll(keepingCapacity: true)
    do throws(GuestTrap) {
      try instructions.step(cpu)
    } catch {
      // A trap leaves nothing half done in the processor, whatever the unit had changed before it.
      cpu.mark = mark
      guard hasRetired else { return .checkStop(cause: error.cause.rawValue, pc: UInt64(pc)) }
      deliver(.trap, error, recorder)
      return nil
    }
    if let recorder {
      for access in cpu.ports {
        var record = TraceRecord(
          .device, mode: mode, code: access.port, clock: platform.retired, pc: UInt64(pc),
          value: UInt64(access.value), aux: 4)
        if access.isWrite { record.flags |= TraceRecord.writeFlag }
        recorder.append(record)
      }
    }
    platform.retired &+= 1
    hasRetired = true
    guard let recorder, recorder.level == .instructions else { return nil }
    let clock = platform.retired
    recorder.append(
      TraceRecord(
        .retire, mode: mode, clock: clock, pc: UInt64(pc), address: UInt64(cpu.psw.pc),
        bytes: InstructionBytes(word: cpu.word)))
    for access in cpu.accesses {
      recorder.append(
        TraceRecord(
          access.isWrite ? .memoryWrite : .memoryRead, mode: mode, clock: clock,
          address: UInt64(access.address), value: UInt64(access.value), aux: UInt64(access.size)))
    }
    recordRegisters(before, mode, clock, recorder)
    return nil
  }

  private func deliver(_ kind: EventKind, _ trap: GuestTrap, _ recorder: TraceRecorder?) {
    let (pc, mode) = (cpu.psw.pc, cpu.psw.user ? UInt8(1) : 0)
    let before = cpu.registers
    traps.deliver(trap, cpu)
    hasRetired = false
    guard let recorder else { return }
    recorder.append(
      TraceRecord(
        kind, mode: mode, code: trap.cause.rawValue, clock: platform.retired, pc: UInt64(pc),
        value: UInt64(trap.value), aux: UInt64(cpu.psw.pc)))
    recordRegisters(before, mode, platform.retired, recorder)
  }

  private func recordRegisters(
    _ before: [UInt64], _ mode: UInt8, _ clock: UInt64, _ recorder: TraceRecorder
  ) {
    for (number, (old, new)) in zip(before, cpu.registers).enumerated()
    where old != new && number != Int(ToyRegister.pc) {
      recorder.append(
        TraceRecord(.registerWrite, mode: mode, code: UInt32(number), clock: clock, value: new))
    }
  }

  private func recordHalt(_ reason: StopReason, _ recorder: TraceRecorder?) {
    recorder?.append(
      TraceRecord(
        .halt, mode: cpu.psw.user ? 1 : 0, code: reason.code, clock: platform.retired,
        pc: UInt64(cpu.psw.pc), value: reason.status))
  }
}
