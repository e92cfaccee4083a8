public import MachineCore
public import ToyISA
internal import Trace

/// A virtual machine monitor that traps and emulates, in the sense of Popek and Goldberg.
///
/// The guest runs directly on the hardware, in real user mode always. Traps come to the dispatcher
/// (`Dispatcher.swift`); what belongs to the guest's own supervisor is reflected, privileged
/// instructions in virtual supervisor mode are carried out by interpreter routines
/// (`InterpreterRoutines.swift`), and the allocator (`Allocator.swift`) composes relocation so that
/// nothing but its region is in the guest's reach.
///
/// It provides a virtual machine in two shapes: as an ``Engine`` with the platform's devices, and as
/// ``ToyHardware`` on which another VMM can stand.
public final class VirtualMachineMonitor: Engine {
  /// What the guest runs on.
  public let hardware: any ToyHardware
  public let platform: Platform
  public let instructionSet: any InstructionSet
  /// How many VMMs are stacked, this one included.
  public let depth: Int

  let processor: VirtualProcessor
  let allocator: Allocator
  let policy: VMMPolicy
  var shadow: ShadowPaging
  /// Root from which the hardware's TLB was filled; `nil` when it must be flushed before use.
  var hardwareRoot: UInt32?

  var forwarder: TraceForwarder?
  /// Where events go, when they are wanted.
  var events: TraceRecorder?

  var exitCounts = [UInt64](repeating: 0, count: ExitReason.allCases.count)
  var direct: UInt64 = 0
  /// The longest stretch that the guest had the hardware, in instructions.
  var longest: UInt64 = 0
  var emulated: UInt64 = 0
  var reflected: UInt64 = 0
  var injected: UInt64 = 0
  private var violations: [String] = []

  /// A VMM on `hardware` for a guest in the given state.
  ///
  /// - Parameter platform: its memory is a window on the hardware's storage that
  ///   ``guestStorage(on:size:)`` cut.
  /// - Throws: ``EngineRefusal`` when the storage does not fit.
  public convenience init(
    on hardware: any ToyHardware, platform: Platform, state: ProcessorState
  ) throws(EngineRefusal) {
    try self.init(on: hardware, platform: platform, state: state, policy: .correct)
  }

  /// A VMM with decisions of one's own, for checks that must find wrong ones.
  package init(
    on hardware: any ToyHardware, platform: Platform, state: ProcessorState, policy: VMMPolicy
  ) throws(EngineRefusal) {
    self.hardware = hardware
    self.platform = platform
    self.policy = policy
    instructionSet = ToyInstructionSet(hardware.variant)
    depth = ((hardware as? VirtualMachineMonitor)?.depth ?? 0) + 1
    allocator = try Allocator(storage: hardware.storage, guest: platform.memory)
    processor = VirtualProcessor(on: hardware, platform: platform)
    shadow = ShadowPaging(storage: hardware.storage, area: allocator.map.shadow)
    processor.flushed = { [unowned self] in
      shadow.drop()
      hardwareRoot = nil
      recordShadow(.flush, page: 0, entry: 0)
    }
    self.state = state
  }

  public var kind: EngineKind { .virtualizer }
  public var flavour: String { isHybrid ? "hybrid vmm depth \(depth)" : "vmm depth \(depth)" }

  /// Whether this VMM interprets virtual supervisor code.
  public var isHybrid: Bool { policy.interprets(PSW(user: false)) }

  /// The code of `emulate` records for instructions that came to no exit, because the VMM interprets them.
  package static var interpretedCode: UInt32 { ExitReason.interpreted.rawValue }

  /// The longest stretch, in instructions, for which the guest has the hardware; then the VMM looks in.
  public static let quantum: UInt64 = 50_000
  public var capabilities: Capabilities { Capabilities(claimsControl: true, claimsEfficiency: true) }
  public var exitNames: [String] { ExitReason.names }

  public var statistics: EngineStatistics {
    var statistics = EngineStatistics()
    statistics.retired = direct &+ emulated
    statistics.direct = direct
    statistics.emulated = emulated
    statistics.reflected = reflected
    statistics.injected = injected
    for (name, count) in zip(ExitReason.names, exitCounts) where count > 0 {
      statistics.exits[name] = count
    }
    statistics.longestStretch = longest
    statistics.controlViolations = violations
    if let lower = hardware as? VirtualMachineMonitor {
      statistics.controlViolations += lower.statistics.controlViolations.map { "depth \(lower.depth): \($0)" }
    }
    return statistics
  }

  public var state: ProcessorState {
    get {
      var registers = (0..<ToyRegister.generalCount).map { UInt64(hardware.register($0)) }
      registers.append(UInt64(processor.psw.pc))
      registers += processor.systemRegisters
      var table: [UInt64: UInt64] = [:]
      for (page, entry) in processor.tlb.entries { table[UInt64(page)] = UInt64(entry) }
      return ProcessorState(
        registers: registers, auxiliaries: [table], deliveries: processor.hasDelivered ? 1 : 0)
    }
    set {
      func value(_ register: RegisterID) -> UInt32 {
        let number = Int(register)
        return number < newValue.registers.count
          ? UInt32(truncatingIfNeeded: newValue.registers[number]) : 0
      }
      for number in 0..<ToyRegister.generalCount {
        hardware.setRegister(number, value(RegisterID(number)))
      }
      processor.psw = PSW(
        user: value(ToyRegister.mode) & 1 != 0,
        interruptEnable: value(ToyRegister.interruptEnable) & 1 != 0,
        paging: value(ToyRegister.paging) & 1 != 0, pc: value(ToyRegister.pc),
        base: value(ToyRegister.base), bound: value(ToyRegister.bound))
      processor.waiting = value(ToyRegister.waiting) & 1 != 0
      processor.hasDelivered = newValue.deliveries != 0
      processor.tlb.load(newValue.auxiliaries.first ?? [:], storageSize: platform.memory.size)
      shadow.drop()
      hardwareRoot = nil
    }
  }

  /// Notes a breach of resource control, each kind once.
  func violation(_ text: String) {
    if violations.count < 16, !violations.contains(text) { violations.append(text) }
  }

  func recordShadow(_ operation: ShadowOperation, page: UInt32, entry: UInt32) {
    events?.append(
      TraceRecord(
        .shadow, mode: processor.mode, code: operation.rawValue, clock: platform.retired,
        pc: UInt64(processor.psw.pc), address: UInt64(page), value: UInt64(entry)))
  }

  /// The whole check of resource control: guard pages and shadow tables, every word.
  func audit() {
    if !allocator.guardsIntact { violation("the guard pages around the guest's region have changed") }
    shadow.forEachEntry { [allocator] entry in
      if !allocator.map.confines(entry: entry) {
        violation("shadow entry \(hex(UInt64(entry))) leaves the guest's region")
      }
    }
  }
}
