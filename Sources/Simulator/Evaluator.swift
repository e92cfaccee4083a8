public import MachineCore
public import Trace

/// The simulator: evaluates the semantics-as-data of any instruction set.
///
/// Effects are lowered once into a flat program of micro-operations and then interpreted; there is
/// no code for any particular instruction here. Memory accesses made while a trap is delivered or an
/// address translated are not part of the trace.
///
/// An access that crosses a 4 KiB boundary of guest-physical addresses is translated a second time,
/// for the bytes behind the boundary.
public final class Evaluator: Engine {
  /// Always the simulator.
  public let kind = EngineKind.simulator
  /// Its name in traces.
  public let flavour = "evaluator"
  /// Counts, traces everything and can go back; claims nothing about control or efficiency.
  public let capabilities = Capabilities(reversible: true)
  /// The machine around the processor.
  public let platform: Platform
  /// The instruction set that is evaluated.
  public let instructionSet: any InstructionSet

  private var core: Core

  /// A processor of this instruction set on this platform.
  ///
  /// - Parameter state: registers and tables to start with; all zero when `nil`.
  public init(instructionSet: any InstructionSet, platform: Platform, state: ProcessorState? = nil) {
    self.instructionSet = instructionSet
    self.platform = platform
    core = Core(instructionSet: instructionSet, platform: platform)
    if let state { self.state = state }
  }

  /// A processor that notes which branches and traps of the effects it comes by.
  package init(
    instructionSet: any InstructionSet, platform: Platform, state: ProcessorState?,
    coverage: SemanticsCoverage
  ) {
    self.instructionSet = instructionSet
    self.platform = platform
    core = Core(instructionSet: instructionSet, platform: platform, coverage: coverage)
    if let state { self.state = state }
  }

  /// Kept for engines that understand it.
  private var extended: [UInt8] = []

  /// Counts so far.
  public var statistics: EngineStatistics { core.statistics }

  /// All registers, cut to their widths, and all tables.
  ///
  /// Setting it makes the processor forget its history; missing values are zero, surplus ones are ignored.
  public var state: ProcessorState {
    get {
      ProcessorState(
        // SAFETY: registers and tables up to their counts are initialised for the core's life.
        registers: (0..<core.registerCount).map { core.file[$0] },
        auxiliaries: (0..<core.auxiliaryCount).map { core.auxiliaries[$0].contents },
        deliveries: core.hasProgress ? 0 : core.deliveries, extended: extended)
    }
    set {
      extended = newValue.extended
      // SAFETY: as above.
      for index in 0..<core.registerCount {
        let value = index < newValue.registers.count ? newValue.registers[index] : 0
        core.file[index] = value & core.widthMasks[index]
        core.undefined[index] = 0
      }
      for index in 0..<core.auxiliaryCount {
        core.auxiliaries[index].clear()
        guard index < newValue.auxiliaries.count else { continue }
        for (key, value) in newValue.auxiliaries[index] { core.auxiliaries[index].set(key, value) }
      }
      core.hasProgress = newValue.deliveries == 0
      core.deliveries = newValue.deliveries
      core.journal?.clear()
    }
  }

  /// Whether results of the translation procedure are remembered where that is sound; without it only slower.
  package var remembersTranslations: Bool {
    get { core.remembersTranslations }
    set { core.remembersTranslations = newValue && core.memo.isEnabled && core.watch.isUsable }
  }

  /// Bits of each register that have no defined value, by register number.
  package var undefinedMasks: [UInt64] {
    // SAFETY: one mask for each register.
    (0..<core.registerCount).map { core.undefined[$0] }
  }

  /// Runs the guest until a limit or a stop.
  public func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
    core.run(limits, steps: .max, into: recorder)
  }

  // MARK: Forward and back

  /// How many steps back are kept at least; 0 (as at first) keeps none and runs fastest.
  public var historyLimit: Int {
    get { core.journal?.limit ?? 0 }
    set {
      guard newValue > 0 else {
        core.journal = nil
        platform.memory.changeObserver = nil
        return
      }
      let journal = Journal(limit: newValue)
      let memory = platform.memory
      core.journal = journal
      memory.changeObserver = { [weak journal, unowned memory] in journal?.willTransfer($0, in: memory) }
    }
  }

  /// Makes one step: an instruction retires, or a trap or interrupt is delivered.
  ///
  /// - Returns: why the machine stopped instead, or `nil`.
  @discardableResult
  public func step(into recorder: TraceRecorder? = nil) -> StopReason? {
    let reason = core.run(RunLimits(instructions: .max), steps: 1, into: recorder)
    return reason == .limit ? nil : reason
  }

  /// Takes back the last step, on the whole machine.
  ///
  /// - Returns: `false`, with nothing changed, when the history is empty or switched off.
  @discardableResult
  public func stepBack() -> Bool {
    guard let journal = core.journal, journal.takeBack(&core) else { return false }
    core.reportStores()
    return true
  }
}
