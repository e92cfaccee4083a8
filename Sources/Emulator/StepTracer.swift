internal import MachineCore
internal import ToyISA
internal import Trace

/// Turns what a step did into records.
///
/// It keeps the registers as they were after the last record, so that an effect is recorded exactly
/// when a value changed.
struct StepTracer {
  private var general = InlineArray<16, UInt32>(repeating: 0)
  private var system = InlineArray<6, UInt32>(repeating: 0)
  private var pc: UInt32 = 0
  private var mode: UInt8 = 0

  /// A tracer for a core in its present state.
  init(_ core: borrowing ToyCore) {
    for number in 0..<16 { general[number] = core.registers[number] }
    system = Self.system(of: core)
  }

  /// Mode, interrupt enable, paging, base, bound, waiting: the order of their register numbers.
  private static func system(of core: borrowing ToyCore) -> InlineArray<6, UInt32> {
    [
      core.user ? 1 : 0, core.interruptEnable ? 1 : 0, core.paging ? 1 : 0, core.base, core.bound,
      core.waiting ? 1 : 0,
    ]
  }

  /// The processor woke from waiting, which is no effect of any instruction.
  mutating func woke() { system[5] = 0 }

  /// Takes the system registers as they are, where nobody wants the effects of what changed them.
  mutating func skip(_ core: borrowing ToyCore) { system = Self.system(of: core) }

  /// Notes where an instruction, trap or interrupt begins.
  mutating func begin(_ core: borrowing ToyCore) {
    pc = core.pc
    mode = core.user ? 1 : 0
  }

  /// Records the instruction that has just retired; `clock` counts it.
  mutating func retire(_ core: borrowing ToyCore, clock: UInt64, into recorder: TraceRecorder) {
    recorder.append(
      TraceRecord(
        .retire, mode: mode, clock: clock, pc: UInt64(pc), address: UInt64(core.pc),
        bytes: InstructionBytes(word: core.word)))
    for index in 0..<core.effectCount {
      let effect = core.effects[index]
      recorder.append(
        TraceRecord(
          effect.isWrite ? .memoryWrite : .memoryRead, mode: mode, clock: clock,
          address: UInt64(effect.address), value: UInt64(effect.value), aux: UInt64(effect.size)))
    }
    for number in 1..<16 where general[number] != core.registers[number] {
      general[number] = core.registers[number]
      registerEffect(number, general[number], clock, recorder)
    }
    systemEffects(core, clock, recorder)
  }

  /// Records a trap or interrupt that has just been delivered; its value is the trap value or the line.
  mutating func delivered(
    _ kind: EventKind, cause: UInt32, value: UInt32, _ core: borrowing ToyCore, clock: UInt64,
    into recorder: TraceRecorder
  ) {
    recorder.append(
      TraceRecord(
        kind, mode: mode, code: cause, clock: clock, pc: UInt64(pc), value: UInt64(value),
        aux: UInt64(core.pc)))
    systemEffects(core, clock, recorder)
  }

  /// Records a port access of the instruction in progress.
  func device(port: UInt32, value: UInt64, isWrite: Bool, clock: UInt64, into recorder: TraceRecorder) {
    var record = TraceRecord(
      .device, mode: mode, code: port, clock: clock, pc: UInt64(pc), value: value, aux: 4)
    if isWrite { record.flags |= TraceRecord.writeFlag }
    recorder.append(record)
  }

  private mutating func systemEffects(
    _ core: borrowing ToyCore, _ clock: UInt64, _ recorder: TraceRecorder
  ) {
    let now = Self.system(of: core)
    for index in 0..<6 where system[index] != now[index] {
      registerEffect(Int(ToyRegister.mode) + index, now[index], clock, recorder)
    }
    system = now
  }

  private func registerEffect(
    _ number: Int, _ value: UInt32, _ clock: UInt64, _ recorder: TraceRecorder
  ) {
    recorder.append(
      TraceRecord(
        .registerWrite, mode: mode, code: UInt32(number), clock: clock, value: UInt64(value)))
  }
}
