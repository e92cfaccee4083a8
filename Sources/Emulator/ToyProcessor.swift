public import MachineCore
public import ToyISA
public import Trace

/// The bare toy processor: what a virtual machine monitor stands on.
///
/// It runs user-mode code with the emulator's core; a trap goes back to the caller.
public final class ToyProcessor: ToyHardware {
  public let variant: ToyVariant
  public let storage: GuestMemory
  public private(set) var executed: UInt64 = 0

  private var core: ToyCore
  private let code: CodeStorage

  /// A processor with this storage.
  ///
  /// - Throws: ``MachineError/outOfHostMemory(_:)`` when there is no room for decoded code.
  public init(variant: ToyVariant, storage: GuestMemory) throws(MachineError) {
    guard let code = CodeStorage(size: storage.size) else {
      throw .outOfHostMemory(storage.size * Operation.size / 4)
    }
    self.variant = variant
    self.storage = storage
    self.code = code
    core = ToyCore(variant: variant, storage: storage, code: code.map)
    core.user = true
    code.observe(storage)
  }

  public func register(_ number: Int) -> UInt32 {
    precondition((0..<ToyRegister.generalCount).contains(number), "no such register")
    return core.registers[number]
  }

  public func setRegister(_ number: Int, _ value: UInt32) {
    precondition((0..<ToyRegister.generalCount).contains(number), "no such register")
    core.set(number, value)
  }

  public var psw: PSW {
    get { core.psw }
    set { core.psw = newValue }
  }

  public func flushTLB() { core.flushTLB() }

  public func execute(slice: UInt64, into recorder: TraceRecorder?) -> HardwareEvent {
    // Whoever stands here is the supervisor; what it runs never is.
    core.user = true
    if let recorder, recorder.level == .instructions { return executeTraced(slice, recorder) }
    var left = slice
    while left > 0 {
      let exit = core.runFast(budget: left)
      executed &+= UInt64(exit.retired)
      left -= UInt64(exit.retired)
      guard exit.needsStep else { continue }
      guard case .retired = core.step(now: 0) else { return trap() }
      executed &+= 1
      left -= 1
    }
    return .sliceEnd
  }

  private func executeTraced(_ slice: UInt64, _ recorder: TraceRecorder) -> HardwareEvent {
    var left = slice
    var tracer = StepTracer(core)
    while left > 0 {
      tracer.begin(core)
      guard case .retired = core.step(now: 0) else { return trap() }
      executed &+= 1
      left -= 1
      tracer.retire(core, clock: executed, into: recorder)
      if recorder.failure != nil { return .recorderFailed }
    }
    return .sliceEnd
  }

  private func trap() -> HardwareEvent {
    .trap(cause: core.cause.rawValue, value: core.value)
  }
}
