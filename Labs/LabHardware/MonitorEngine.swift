internal import LabKit
internal import MachineCore
internal import ToyISA
internal import Trace

/// The frame around the parts of a VMM: virtual time, devices, the order of things between instructions, the trace.
final class MonitorEngine: Engine {
  let kind = EngineKind.virtualizer
  let flavour = "lab"
  let capabilities = Capabilities()
  let platform: Platform
  let statistics = EngineStatistics()

  private let machine: VirtualMachine
  private let monitor: any MonitorUnit.Type
  private let hybrid: (any HybridUnit.Type)?
  private let tape: Tape
  private let variant: ToyVariant
  private var end: UInt64 = 0
  /// Times that a hybrid VMM was asked to interpret.
  private(set) var stretches: UInt64 = 0

  init(
    on hardware: any VirtualHardware, region: Region, platform: Platform, state: ProcessorState,
    variant: ToyVariant, tape: Tape, monitor: any MonitorUnit.Type, hybrid: (any HybridUnit.Type)?
  ) {
    self.platform = platform
    self.variant = variant
    self.tape = tape
    self.monitor = monitor
    self.hybrid = hybrid
    let guest = LabProcessor(state, platform: platform, variant: variant, traps: TableTranslation.self)
    machine = VirtualMachine(on: hardware, region: region, guest: guest)
    for number in 0..<16 { machine[number] = guest[number] }
    machine.stepper = { [unowned self] () throws(GuestTrap) in try self.step() }
  }

  var instructionSet: any InstructionSet { ToyInstructionSet(variant) }

  var state: ProcessorState {
    get {
      var entries: [UInt64: UInt64] = [:]
      for (page, entry) in machine.guest.tlb where entry != 0 { entries[UInt64(page)] = UInt64(entry) }
      return ProcessorState(
        registers: machine.registers, auxiliaries: [entries], deliveries: machine.hasRetired ? 0 : 1)
    }
    set { machine.guest.restore(newValue) }
  }

  func run(_ limits: RunLimits, into recorder: TraceRecorder?) -> StopReason {
    end = platform.retired &+ limits.instructions
    var stop: StopReason?
    while stop == nil { stop = proceed() }
    let reason = stop ?? .limit
    if reason.isGuestEnd {
      tape.append(
        TraceRecord(
          .halt, mode: mode, code: reason.code, clock: platform.retired, pc: UInt64(machine.psw.pc),
          value: reason.status))
    }
    return reason
  }

  private var mode: UInt8 { machine.psw.user ? 1 : 0 }

  /// One turn between two times that the guest has the processor; a reason if the run ends there.
  private func proceed() -> StopReason? {
    var skips = 0
    while true {
      if let stop = platform.stop { return stop }
      if platform.now >= platform.deadline { platform.advance() }
      guard machine.isWaiting else { break }
      if platform.pending != 0 {
        machine.isWaiting = false
      } else {
        skips += 1
        guard skips < 65536, platform.skipToDeadline() else { return .idle(pc: UInt64(machine.psw.pc)) }
      }
    }
    if machine.hasRetired, monitor.takesInterrupt(machine), let line = platform.acknowledge(),
      let cause = ToyCause(rawValue: ToyCause.timer.rawValue + UInt32(line))
    {
      deliver(.interrupt, GuestTrap(cause, value: UInt32(line)))
    }
    guard platform.retired < end else { return .limit }
    if let hybrid, hybrid.interprets(machine.psw) {
      stretches &+= 1
      return hybrid.interpret(machine, limit: end - platform.retired).flatMap { reflect($0) }
    }
    // Guests that turn paging on are not run directly here: that takes shadow page tables.
    return machine.psw.paging ? interpret() : runDirectly()
  }

  private func runDirectly() -> StopReason? {
    let hardware = machine.hardware
    let slice = monitor.slice(for: machine)
    tape.mode = mode
    tape.clock = platform.retired
    hardware.psw = monitor.realPSW(for: machine.psw, in: machine.region)
    let before = hardware.executed
    let event = hardware.execute(slice: max(1, min(slice, end - platform.retired)))
    let ran = hardware.executed &- before
    machine.psw.pc = hardware.psw.pc
    platform.retired &+= ran
    if ran > 0 { machine.hasRetired = true }
    guard case .trap(let trap) = event else { return nil }
    switch monitor.disposition(of: trap, on: machine) {
    case .emulate: return emulate(trap)
    case .reflect: return reflect(trap)
    }
  }

  private func emulate(_ trap: GuestTrap) -> StopReason? {
    do throws(GuestTrap) {
      try carryOut { () throws(GuestTrap) in
        let word = (try? machine.guest.fetch()) ?? trap.value
        try monitor.emulate(word, on: machine)
      }
    } catch {
      return reflect(error)
    }
    return nil
  }

  private func interpret() -> StopReason? {
    do throws(GuestTrap) { try step() } catch { return reflect(error) }
    return nil
  }

  /// Interprets one instruction as the instruction set's table has it.
  private func step() throws(GuestTrap) {
    try carryOut { () throws(GuestTrap) in try machine.stepByTable() }
  }

  /// An instruction that does not run directly; a trap leaves nothing of it.
  private func carryOut(_ instruction: () throws(GuestTrap) -> Void) throws(GuestTrap) {
    let guest = machine.guest
    let pc = machine.psw.pc
    tape.mode = mode
    tape.clock = platform.retired
    let before = tape.isDetailed ? machine.registers : []
    let mark = machine.mark
    guest.accesses.removeAll(keepingCapacity: true)
    guest.ports.removeAll(keepingCapacity: true)
    do throws(GuestTrap) {
      try instruction()
    } catch {
      machine.mark = mark
      throw error
    }
    tape.append(
      TraceRecord(
        .emulate, mode: tape.mode, clock: tape.clock, pc: UInt64(pc),
        bytes: InstructionBytes(word: guest.word)))
    tape.devices(guest, pc: pc)
    platform.retired &+= 1
    machine.hasRetired = true
    tape.clock = platform.retired
    guard tape.isDetailed else { return }
    tape.retire(pc: pc, guest, next: machine.psw.pc, before: before, after: machine.registers, count: .max)
  }

  private func reflect(_ trap: GuestTrap) -> StopReason? {
    guard machine.hasRetired else {
      return .checkStop(cause: trap.cause.rawValue, pc: UInt64(machine.psw.pc))
    }
    deliver(.trap, trap)
    return nil
  }

  private func deliver(_ kind: EventKind, _ trap: GuestTrap) {
    tape.mode = mode
    tape.clock = platform.retired
    let pc = machine.psw.pc
    let before = machine.registers
    monitor.reflect(trap, on: machine)
    machine.hasRetired = false
    tape.append(
      TraceRecord(
        kind, mode: tape.mode, code: trap.cause.rawValue, clock: tape.clock, pc: UInt64(pc),
        value: UInt64(trap.value), aux: UInt64(machine.psw.pc)))
    tape.registers(before, machine.registers, count: .max)
  }
}
