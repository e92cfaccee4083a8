internal import Emulator
internal import MachineCore
internal import ToyISA
internal import Trace

/// A toy processor that lacks an instruction: it traps with a cause of its own.
final class TrappingProcessor: ToyHardware {
  static let cause: UInt32 = 99
  private let processor: ToyProcessor
  private let opcode: UInt8

  init(_ processor: ToyProcessor, opcode: UInt8) {
    self.processor = processor
    self.opcode = opcode
  }

  var variant: ToyVariant { processor.variant }
  var storage: GuestMemory { processor.storage }
  var executed: UInt64 { processor.executed }
  var psw: PSW {
    get { processor.psw }
    set { processor.psw = newValue }
  }
  func register(_ number: Int) -> UInt32 { processor.register(number) }
  func setRegister(_ number: Int, _ value: UInt32) { processor.setRegister(number, value) }
  func flushTLB() { processor.flushTLB() }

  func execute(slice: UInt64, into recorder: TraceRecorder?) -> HardwareEvent {
    for _ in 0..<slice {
      if let word = nextWord, UInt8(word >> 24) == opcode { return .trap(cause: Self.cause, value: word) }
      let event = processor.execute(slice: 1, into: recorder)
      guard event == .sliceEnd else { return event }
    }
    return .sliceEnd
  }

  /// The word at the pc, when it can be fetched without paging.
  private var nextWord: UInt32? {
    let psw = processor.psw
    guard !psw.paging, psw.pc & 3 == 0, UInt64(psw.pc) + 4 <= UInt64(psw.bound) else { return nil }
    return storage.load(UInt64(psw.base) + UInt64(psw.pc), width: 4).map { UInt32(truncatingIfNeeded: $0) }
  }
}
