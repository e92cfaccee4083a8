public import MachineCore

/// Makes the virtualizer for x86 guests, on any host.
public enum X86Virtualizer {
  /// A KVM engine for the machine, on a platform that ``X86Machine/makePlatform()`` made.
  ///
  /// - Throws: ``EngineRefusal`` with reason and remedy where there is no usable KVM.
  public static func make(_ machine: X86Machine, on platform: Platform) throws(EngineRefusal) -> any Engine {
    guard machine.model == .modern else {
      throw EngineRefusal(
        "KVM runs the host's own processor, which is no \(machine.model.rawValue)",
        remedy: "take --on simulator or --on emulator", isHostLack: true)
    }
    #if os(Linux) && arch(x86_64)
      return try KVMEngine(
        platform: platform, state: machine.initialState, instructionSet: X86InstructionSet())
    #else
      throw EngineRefusal(
        KVMError.foreignHost.description, remedy: KVMError.foreignHost.remedy, isHostLack: true)
    #endif
  }

  /// Lets an engine's time be the host's clock: its timers interrupt the guest anywhere, and no two runs are alike.
  ///
  /// - Throws: ``EngineRefusal`` for every engine but the virtualizer for x86.
  public static func runFreely(_ engine: any Engine) throws(EngineRefusal) {
    #if os(Linux) && arch(x86_64)
      if let engine = engine as? KVMEngine { return try engine.runFreely() }
    #endif
    throw EngineRefusal(
      "\(engine.flavour) has virtual time only",
      remedy: "run by the host's clock an x86 program on the virtualizer")
  }

  /// Lets an engine keep which pages of storage are written to.
  ///
  /// - Throws: ``EngineRefusal`` for every engine but the virtualizer for x86, and where KVM's dirty log is not true.
  public static func logWrites(_ engine: any Engine) throws(EngineRefusal) {
    #if os(Linux) && arch(x86_64)
      if let engine = engine as? KVMEngine { return try engine.logWrites() }
    #endif
    throw EngineRefusal(
      "\(engine.flavour) has no dirty log: that is KVM's",
      remedy: "take an x86 program and the virtualizer, or a trace of instructions, which has every store")
  }

  /// The counters that the host's kernel keeps for an engine's vCPU, by its names; `nil` where there are none.
  public static func kernelCounters(_ engine: any Engine) -> [String: UInt64]? {
    #if os(Linux) && arch(x86_64)
      guard let counters = (engine as? KVMEngine)?.kernelCounters, !counters.isEmpty else { return nil }
      return counters
    #else
      return nil
    #endif
  }

  /// Loads and stores that stop an engine's runs, in the processor's debug registers; see ``WatchSupport``.
  package static func watch(_ engine: any Engine, _ slots: [DebugSlot]) {
    #if os(Linux) && arch(x86_64)
      (engine as? KVMEngine)?.watch(slots)
    #endif
  }

  /// Which of these stopped runs since this was last asked, by their places in the list.
  package static func takeHits(_ engine: any Engine) -> Set<Int> {
    #if os(Linux) && arch(x86_64)
      return (engine as? KVMEngine)?.takeHits() ?? []
    #else
      return []
    #endif
  }

  /// Lets somebody look after every instruction that an engine single-steps; `true` ends the run.
  ///
  /// The observer must not ask the engine for anything: it gets the state, and may look at the platform's memory.
  package static func observe(_ engine: any Engine, _ observer: ((ProcessorState) -> Bool)?) {
    #if os(Linux) && arch(x86_64)
      (engine as? KVMEngine)?.observe(observer)
    #endif
  }

  /// Numbers of the pages written to since ``logWrites(_:)``, ascending; `nil` where that is not kept.
  public static func writtenPages(_ engine: any Engine) -> [UInt64]? {
    #if os(Linux) && arch(x86_64)
      return (engine as? KVMEngine)?.writtenPages
    #else
      return nil
    #endif
  }
}
