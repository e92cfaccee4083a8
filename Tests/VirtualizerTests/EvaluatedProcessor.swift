import MachineCore
import Simulator
import ToyISA
import Trace

/// Toy hardware made from the evaluator: slow, and independent of the emulator's core.
///
/// It lets the evaluator deliver a trap to a place where it stops at once, and then puts back
/// what the delivery changed.
final class EvaluatedProcessor: ToyHardware {
  let variant: ToyVariant
  let storage: GuestMemory
  private let platform: Platform
  private let evaluator: Evaluator

  init(variant: ToyVariant, storage: GuestMemory) {
    self.variant = variant
    self.storage = storage
    platform = Platform(memory: storage)
    evaluator = Evaluator(
      instructionSet: ToyInstructionSet(variant), platform: platform,
      state: ToyInstructionSet.resetState(entry: 0, storage: storage.size))
  }

  var executed: UInt64 { platform.retired }

  func register(_ number: Int) -> UInt32 { UInt32(truncatingIfNeeded: evaluator.state.registers[number]) }

  func setRegister(_ number: Int, _ value: UInt32) {
    if number != 0 { evaluator.state.registers[number] = UInt64(value) }
  }

  private func part(_ register: RegisterID) -> UInt32 {
    UInt32(truncatingIfNeeded: evaluator.state.registers[Int(register)])
  }

  var psw: PSW {
    get {
      PSW(
        user: part(ToyRegister.mode) != 0, interruptEnable: part(ToyRegister.interruptEnable) != 0,
        paging: part(ToyRegister.paging) != 0, pc: part(ToyRegister.pc), base: part(ToyRegister.base),
        bound: part(ToyRegister.bound))
    }
    set {
      var state = evaluator.state
      state.registers[Int(ToyRegister.mode)] = newValue.user ? 1 : 0
      state.registers[Int(ToyRegister.interruptEnable)] = newValue.interruptEnable ? 1 : 0
      state.registers[Int(ToyRegister.paging)] = newValue.paging ? 1 : 0
      state.registers[Int(ToyRegister.pc)] = UInt64(newValue.pc)
      state.registers[Int(ToyRegister.base)] = UInt64(newValue.base)
      state.registers[Int(ToyRegister.bound)] = UInt64(newValue.bound)
      // What the VMM enters has not just taken a trap of its own.
      state.deliveries = 0
      evaluator.state = state
    }
  }

  func flushTLB() { evaluator.state.auxiliaries = [[:]] }

  func execute(slice: UInt64, into recorder: TraceRecorder?) -> HardwareEvent {
    let marker: UInt32 = 0xFFFF_FFFD
    do {
      let before = psw
      let area = try storage.read(0..<Int(TrapArea.stride))
      let trap: [UInt8] = [1, 0, 0, 0, 0xFD, 0xFF, 0xFF, 0xFF]
      try storage.write(trap, at: Int(TrapArea.newPSW))
      var caught: TraceRecord?
      let own = TraceRecorder(level: .instructions) { batch in
        for record in batch {
          if record.eventKind == .trap { caught = record }
          if caught == nil, record.eventKind == .retire || record.eventKind?.isEffect == true {
            recorder?.append(record)
          }
        }
      }
      _ = try evaluator.run(RunLimits(instructions: slice, until: [UInt64(marker)]), into: own)
      own.flush()
      try storage.write(area, at: 0)
      guard let caught else { return .sliceEnd }
      var after = before
      after.pc = UInt32(truncatingIfNeeded: caught.pc)
      psw = after
      return .trap(cause: caught.code, value: UInt32(truncatingIfNeeded: caught.value))
    } catch {
      return .recorderFailed
    }
  }
}
