#if os(Linux) && arch(x86_64)
  internal import CKVM
  public import MachineCore
  public import Trace

  /// Runs x86 guests on the host's processor, through `/dev/kvm`.
  ///
  /// The vCPU has a thread of its own. Every run is bounded by ``RunLimits/hostSeconds``: KVM cannot
  /// count instructions, so ``RunLimits/instructions`` holds only while single-stepping; otherwise a
  /// limit of 0 is honoured and any other has no effect.
  ///
  /// The engine claims resource control, and measures after every run what the claim rests on: KVM has
  /// exactly the guest's storage, the inaccessible pages around that were not touched, every exit was of
  /// a kind that is served, and the vCPU gave the processor back when its time was up. Breaches are in
  /// ``EngineStatistics/controlViolations``.
  public final class KVMEngine: Engine {
    public let kind = EngineKind.virtualizer
    public let flavour: String
    public let capabilities: Capabilities
    public let platform: Platform
    public let instructionSet: any InstructionSet
    public let exitNames = KVMExit.names

    private let guest: KVMGuest
    private let stepping: SteppingSupport
    /// Instructions may have retired that nobody counted.
    private var hasRunFreely = false

    /// An engine with a vCPU in this state on this platform.
    ///
    /// - Parameters:
    ///   - platform: a PC; its storage becomes the guest's physical memory.
    ///   - state: what the vCPU starts with.
    ///   - instructionSet: x86 as data, for instruction lengths in traces.
    /// - Throws: ``EngineRefusal`` when KVM is not usable here, with the remedy.
    public convenience init(
      platform: Platform, state: ProcessorState, instructionSet: any InstructionSet
    ) throws(EngineRefusal) {
      try self.init(platform: platform, state: state, instructionSet: instructionSet, slotSize: nil)
    }

    /// The same with another part of host memory than the storage given to KVM, to test that it is noticed.
    package init(
      platform: Platform, state: ProcessorState, instructionSet: any InstructionSet, slotSize: Int?
    ) throws(EngineRefusal) {
      guard state.registers.count == X86Register.allCases.count else {
        throw EngineRefusal("the state has \(state.registers.count) registers, which is no x86 processor")
      }
      do throws(KVMError) {
        guest = try KVMGuest(platform: platform, state: state, slotSize: slotSize)
      } catch {
        throw EngineRefusal(error.description, remedy: error.remedy, isHostLack: true)
      }
      self.platform = platform
      self.instructionSet = instructionSet
      stepping = .measured
      flavour = KVMProbe.flavour
      capabilities = Capabilities(
        countsInstructions: false, traceLevel: stepping.anywhere ? .instructions : .events,
        traceLimitation: stepping.limitation, recordsMemoryEffects: false, claimsControl: true,
        claimsEfficiency: true)
    }

    /// Counts so far; instructions only where they were single-stepped.
    public var statistics: EngineStatistics {
      var statistics = EngineStatistics()
      statistics.retired = guest.stepped
      statistics.exits = guest.exits
      statistics.injected = guest.injected
      statistics.controlViolations = guest.breaches
      statistics.kernelEmulated = kernelCounters["insn_emulation"]
      return statistics
    }

    /// The kernel's own counters for this vCPU, by their names; empty where it has none.
    public var kernelCounters: [String: UInt64] { guest.kernelCounters() }

    /// Whether time is the host's clock, which drives the timers and interrupts the guest anywhere, and not what
    /// passes at the points that every engine shares; `false` at first.
    ///
    /// A free run is fast and never the same twice: it is nothing to compare.
    public private(set) var runsFreely = false

    /// Lets time be the host's clock from now on.
    ///
    /// - Throws: ``EngineRefusal`` when the host has no timer to give.
    public func runFreely() throws(EngineRefusal) {
      if let failure = guest.useHostClock() {
        throw EngineRefusal("the guest cannot run by the host's clock: \(failure)", isHostLack: true)
      }
      runsFreely = true
    }

    /// Keeps from now on which pages of storage are written to, by the guest (KVM's dirty log) and by devices.
    ///
    /// - Throws: ``EngineRefusal`` when this host's dirty log misses writes or tells of others, as measured.
    public func logWrites() throws(EngineRefusal) {
      if let lack = KVMDirtyLog.lack {
        throw EngineRefusal(
          "this host's KVM (\(flavour)) keeps no true log of written pages: \(lack)",
          remedy: "record the run on another engine with --level instructions", isHostLack: true)
      }
      if let failure = guest.logWrites() {
        throw EngineRefusal("writes cannot be logged: \(failure)", isHostLack: true)
      }
    }

    /// Numbers of the pages of storage written to since ``logWrites()``, ascending; `nil` before it.
    public var writtenPages: [UInt64]? { guest.writtenPages() }

    /// Loads and stores that stop runs behind their instruction, as ``StopReason/breakpoint(pc:)``.
    ///
    /// They share the debug registers with the addresses of a run, and work where ``WatchSupport`` says so.
    func watch(_ slots: [DebugSlot]) {
      guest.perform(()) { core in
        core.watches = Array(slots.prefix(DebugSlot.count))
        core.hits = []
      }
    }

    /// Which of the slots stopped runs since this was last asked.
    func takeHits() -> Set<Int> {
      guest.perform([]) { core in
        defer { core.hits = [] }
        return core.hits
      }
    }

    /// Lets somebody look after every single step; `true` ends the run, as ``StopReason/breakpoint(pc:)``.
    ///
    /// The observer is called in the middle of a run, on the vCPU's thread: it must not ask the engine for anything.
    func observe(_ observer: ((ProcessorState) -> Bool)?) {
      guest.perform(()) { core in core.observer = observer }
    }

    public var state: ProcessorState {
      get { guest.readState() }
      set { guest.writeState(newValue) }
    }

    public func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
      if let recorder, recorder.level > capabilities.traceLevel {
        throw EngineRefusal(
          "this host's KVM cannot record at level `\(recorder.level.name)`: \(stepping.limitation ?? "it cannot single-step")",
          remedy: "record at level `\(capabilities.traceLevel.name)`", isHostLack: true)
      }
      let steps = recorder?.level == .instructions
      if steps, runsFreely {
        throw EngineRefusal(
          "a guest that runs by the host's clock cannot be recorded by instruction",
          remedy: "record at level `events`, or let time pass at shared points")
      }
      if !steps && limits.until.count > DebugSlot.count {
        throw EngineRefusal(
          "KVM stops at no more than \(DebugSlot.count) addresses; \(limits.until.count) are given",
          remedy: "give fewer addresses, or record at level `instructions`")
      }
      let sink = recorder.flatMap { $0.level == .final ? nil : $0 }
      if !steps { hasRunFreely = true }
      let stepper = SingleStepper(support: stepping)
      let reason = guest.run(within: limits.hostSeconds) { core throws(KVMError) in
        try core.run(limits, sink, stepper, records: steps)
      }
      if let refusal = guest.takeRefusal() {
        throw EngineRefusal(
          refusal, remedy: steps ? "record at level `events`" : "stop at another address",
          isHostLack: true)
      }
      return reason
    }

    /// The state of the hardware's TLB cannot be read.
    public var forgetsTables: Bool { true }

    public var snapshotObstacle: EngineRefusal? {
      guest.surplusState().map {
        EngineRefusal(
          "no whole snapshot can be taken of KVM now: \($0)", remedy: "stop at another place in the program")
      }
    }

    /// The hardware delivers traps; single-stepping shows them.
    public func hasTraps(at level: TraceLevel) -> Bool { level == .instructions }

    /// Only single-stepping counts instructions, and only if there was nothing else before.
    public func hasClock(at level: TraceLevel) -> Bool { level == .instructions && !hasRunFreely }
  }

  extension KVMCore {
    /// Why a run of a vCPU that waits in HLT ends without having begun; `nil` if it wakes or does not wait.
    private func stopInHalt() throws(KVMError) -> StopReason? {
      guard isHalted else { return nil }
      clock?.begin(platform)
      let waking = platform.controller == nil ? .never : try waitForInterrupt()
      switch waking {
      case .never: return .idle(pc: try generalRegisters().rip)
      case .outOfTime: return .hostTimeLimit
      case .woken:
        isHalted = false
        return nil
      }
    }

    /// One run, on the vCPU's thread.
    func run(
      _ limits: RunLimits, _ recorder: TraceRecorder?, _ stepper: SingleStepper, records: Bool
    ) throws(KVMError) -> StopReason {
      defer { checkControl() }
      try collectWrites()
      let reason: StopReason
      if let stop = platform.stop {
        reason = stop
      } else if let stop = try stopInHalt() {
        reason = stop
      } else if limits.instructions == 0 {
        reason = .limit
      } else if records, let recorder {
        var stepper = stepper
        reason = try stepper.run(self, limits, recorder)
        refusal = stepper.refusal
      } else if let stop = try leaveBreakpoint(limits, recorder, stepper) {
        reason = stop
      } else {
        try setDebugging(steps: false, breakpoints: limits.until)
        reason = try runFreely(recorder, limits)
        if refusal == nil { refusal = try unwatchedPlace(limits.until, reason) }
      }
      try complete()
      try collectWrites()
      if let recorder, reason.isGuestEnd {
        recorder.append(
          TraceRecord(
            .halt, mode: privilege(), code: reason.code, clock: platform.retired,
            pc: try generalRegisters().rip, value: reason.status))
      }
      return reason
    }
  }
#endif
