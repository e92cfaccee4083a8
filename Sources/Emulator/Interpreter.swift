public import MachineCore
public import ToyISA
public import Trace

/// The toy instruction set's emulator: an interpreter written by hand.
///
/// Untraced runs go through the fast loop and come out of it only for system instructions, traps and
/// events; traced runs take every instruction through the exact step. Both give the same machine.
public final class Interpreter: Engine {
  public let kind = EngineKind.emulator
  public let flavour = "interpreter"
  public let capabilities = Capabilities()
  public let platform: Platform
  /// The variant of the instruction set.
  public let variant: ToyVariant
  public private(set) var statistics = EngineStatistics()

  private var core: ToyCore
  private let code: CodeStorage
  private let semantics: ToyInstructionSet
  /// Whether an instruction has retired since the last trap or interrupt was delivered.
  private var hasRetired = true

  /// An emulator on this platform.
  ///
  /// - Throws: ``MachineError`` when the state does not fit or the host has no room for decoded code.
  public init(variant: ToyVariant, platform: Platform, state: ProcessorState) throws(MachineError) {
    guard state.registers.count == ToyRegister.table.count else {
      throw .foreignState(
        "it has \(state.registers.count) registers, the toy processor \(ToyRegister.table.count)")
    }
    guard let code = CodeStorage(size: platform.memory.size) else {
      throw .outOfHostMemory(platform.memory.size / 4 * Operation.size)
    }
    self.variant = variant
    self.platform = platform
    self.code = code
    semantics = ToyInstructionSet(variant)
    core = ToyCore(variant: variant, storage: platform.memory, code: code.map)
    core.restore(state)
    hasRetired = state.deliveries == 0
    code.observe(platform.memory)
  }

  public var instructionSet: any InstructionSet { semantics }

  /// The whole processor state; setting it also drops all decoded code.
  public var state: ProcessorState {
    get {
      var state = core.snapshot
      state.deliveries = hasRetired ? 0 : 1
      return state
    }
    set {
      core.restore(newValue)
      hasRetired = newValue.deliveries == 0
      code.map.invalidate(0..<platform.memory.size)
    }
  }

  public func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
    let active = recorder?.level == .final ? nil : recorder
    var session = RunSession(platform: platform, limits: limits, recorder: active)
    session.hasRetired = hasRetired
    let before = platform.retired
    let reason = session.run(&core)
    hasRetired = session.hasRetired
    statistics.retired &+= platform.retired &- before
    return reason
  }
}

extension ToyCore {
  /// The state as numbers.
  var snapshot: ProcessorState {
    var values = (0..<16).map { UInt64(registers[$0]) }
    values += [
      UInt64(pc), user ? 1 : 0, interruptEnable ? 1 : 0, paging ? 1 : 0, UInt64(base), UInt64(bound),
      waiting ? 1 : 0,
    ]
    var entries: [UInt64: UInt64] = [:]
    for (page, entry) in tlb { entries[UInt64(page)] = UInt64(entry) }
    return ProcessorState(registers: values, auxiliaries: [entries])
  }

  /// Takes a state; one with too few registers leaves the missing ones zero.
  mutating func restore(_ state: ProcessorState) {
    func value(_ number: RegisterID) -> UInt32 {
      let index = Int(number)
      return index < state.registers.count ? UInt32(truncatingIfNeeded: state.registers[index]) : 0
    }
    for number in 1..<16 { registers[number] = value(RegisterID(number)) }
    psw = PSW(
      user: value(ToyRegister.mode) & 1 != 0, interruptEnable: value(ToyRegister.interruptEnable) & 1 != 0,
      paging: value(ToyRegister.paging) & 1 != 0, pc: value(ToyRegister.pc), base: value(ToyRegister.base),
      bound: value(ToyRegister.bound))
    waiting = value(ToyRegister.waiting) & 1 != 0
    var entries: [UInt32: UInt32] = [:]
    for (page, entry) in state.auxiliaries.first ?? [:] where page < 1 << 20 && entry != 0 {
      entries[UInt32(page)] = UInt32(truncatingIfNeeded: entry)
    }
    setTLB(entries)
  }
}
