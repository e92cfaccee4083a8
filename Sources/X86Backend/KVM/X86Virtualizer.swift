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
}
