internal import LabKit
internal import MachineCore
internal import ToyISA
internal import Trace

/// Keeps the trace: what the guest sees, and what its VMM does.
final class Tape {
  /// The guest's mode, as its virtual PSW has it.
  var mode: UInt8 = 0
  /// Instructions that the guest has retired.
  var clock: UInt64 = 0
  let recorder: TraceRecorder?
  /// What runs now is not the guest, so that instructions are not recorded.
  var isSilent = false

  init(_ recorder: TraceRecorder?) { self.recorder = recorder }

  /// Whether each instruction is recorded.
  var isDetailed: Bool { !isSilent && recorder?.level == .instructions }

  func append(_ record: TraceRecord) { recorder?.append(record) }

  /// An instruction that has retired, with what it did; its word and accesses are still in `cpu`.
  func retire(
    pc: UInt32, _ cpu: LabProcessor, next: UInt32, before: [UInt64], after: [UInt64], count: Int
  ) {
    guard isDetailed else { return }
    append(
      TraceRecord(
        .retire, mode: mode, clock: clock, pc: UInt64(pc), address: UInt64(next),
        bytes: InstructionBytes(word: cpu.word)))
    for access in cpu.accesses {
      append(
        TraceRecord(
          access.isWrite ? .memoryWrite : .memoryRead, mode: mode, clock: clock,
          address: UInt64(access.address), value: UInt64(access.value), aux: UInt64(access.size)))
    }
    registers(before, after, count: count)
  }

  /// Registers that have changed, but for the program counter, among the first `count`.
  func registers(_ before: [UInt64], _ after: [UInt64], count: Int) {
    for (number, (old, new)) in zip(before, after).enumerated()
    where old != new && number < count && number != Int(ToyRegister.pc) {
      append(TraceRecord(.registerWrite, mode: mode, code: UInt32(number), clock: clock, value: new))
    }
  }

  /// Accesses to devices of the instruction at `pc`, which has not retired yet.
  func devices(_ cpu: LabProcessor, pc: UInt32) {
    for access in cpu.ports {
      var record = TraceRecord(
        .device, mode: mode, code: access.port, clock: clock, pc: UInt64(pc), value: UInt64(access.value),
        aux: 4)
      if access.isWrite { record.flags |= TraceRecord.writeFlag }
      append(record)
    }
  }

  /// Hardware of a level (0: the bare machine) is given to a guest, with this PSW, for at most `slice` instructions.
  func entry(level: Int, _ psw: PSW, slice: UInt64) {
    append(
      TraceRecord(
        .schedule, mode: mode, cpu: UInt16(truncatingIfNeeded: level), code: psw.flags, clock: clock,
        pc: UInt64(psw.pc), address: UInt64(psw.base), value: UInt64(psw.bound), aux: slice))
  }

  /// Control comes back from hardware of a level; code 0 is the end of the slice, else a trap's cause.
  func exit(level: Int, _ event: Arrival, pc: UInt32) {
    var record = TraceRecord(
      .exit, mode: mode, cpu: UInt16(truncatingIfNeeded: level), clock: clock, pc: UInt64(pc))
    if case .trap(let trap) = event {
      (record.code, record.value) = (trap.cause.rawValue, UInt64(trap.value))
    }
    append(record)
  }

  /// A fact about the host that only the grader reads.
  func fact(_ code: UInt32, _ value: UInt64) {
    append(TraceRecord(.host, code: code, clock: clock, value: value))
  }
}
