public import MachineCore
public import Trace

/// The emulator for x86: a hand-written interpreter over a cache of decoded instructions.
///
/// It shares the instruction table's encodings with the semantics, and none of their meaning.
public final class X86Interpreter: Engine {
  /// Always the emulator.
  public let kind = EngineKind.emulator
  /// Its name in traces.
  public let flavour = "x86-interpreter"
  /// Counts and traces everything.
  public let capabilities = Capabilities()
  /// The machine around the processor.
  public let platform: Platform
  /// x86.
  public let instructionSet: any InstructionSet

  private var core: X86Core
  /// Kept for engines that understand it.
  private var extended: [UInt8] = []
  private var isRunning = false
  /// The core itself is telling what it stored.
  private var isReporting = false
  /// Somebody else wrote to storage during a run.
  private let stale: UnsafeMutablePointer<Bool>

  /// A processor on this platform.
  ///
  /// - Parameters:
  ///   - state: registers to start with; all zero when `nil`.
  ///   - model: which processor it is.
  public init(platform: Platform, state: ProcessorState? = nil, model: X86CPUModel = .modern) {
    self.platform = platform
    instructionSet = X86InstructionSet(model: model)
    // SAFETY: owned by this object and freed with it; the core, which reads it, dies with it too.
    stale = .allocate(capacity: 1)
    stale.initialize(to: false)
    core = X86Core(platform: platform, stale: stale, model: model)
    let previous = platform.memory.observer
    platform.memory.observer = { [weak self] range in
      previous?(range)
      self?.storageChanged(range)
    }
    if let state { self.state = state }
  }

  private func storageChanged(_ range: Range<Int>) {
    if isReporting { return }
    // During a run the core is in use: it looks at the flag after each call of the platform.
    if isRunning { stale.pointee = true } else { core.storageChanged(range) }
  }

  /// Whether runs without a trace of instructions may use the fast loop; results are the same either way.
  package var usesFastLoop: Bool {
    get { core.allowsFast }
    set {
      core.allowsFast = newValue
      core.updateMode()
    }
  }

  /// Counts so far.
  public var statistics: EngineStatistics { core.statistics }

  /// All registers, cut to their widths.
  public var state: ProcessorState {
    get {
      // SAFETY: the file holds every register.
      ProcessorState(
        registers: (0..<X86Core.registerCount).map { core.r[$0] }, auxiliaries: core.tables,
        deliveries: core.hasProgress ? 0 : core.deliveries, extended: extended)
    }
    set {
      extended = newValue.extended
      for (index, descriptor) in X86Register.table.enumerated() {
        let value = index < newValue.registers.count ? newValue.registers[index] : 0
        // SAFETY: as above.
        core.r[index] = descriptor.width >= 64 ? value : value & (1 << UInt64(descriptor.width) - 1)
      }
      core.hasProgress = newValue.deliveries == 0
      core.deliveries = newValue.deliveries
      core.updateMode()
      core.tables = newValue.auxiliaries
    }
  }

  /// Runs the guest until a limit or a stop.
  public func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
    isRunning = true
    let reason = core.run(limits, into: recorder)
    isRunning = false
    isReporting = true
    if let range = core.takeStored() { platform.memory.changed(range) }
    isReporting = false
    return reason
  }

  /// Makes one step: an instruction retires, or a trap is delivered.
  ///
  /// - Returns: why the machine stopped instead, or `nil`.
  package func step() -> StopReason? {
    isRunning = true
    let reason = core.step()
    isRunning = false
    isReporting = true
    if let range = core.takeStored() { platform.memory.changed(range) }
    isReporting = false
    return reason
  }

  /// Where execution goes on.
  package var programCounter: UInt64 { core.rip }

  deinit { stale.deallocate() }
}
