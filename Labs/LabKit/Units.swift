public import MachineCore

/// The part of a processor that carries out one instruction: Lab 1.
public protocol InstructionUnit {
  /// Fetches, decodes and executes the instruction at `cpu.psw.pc`, and leaves there the address of the
  /// next one.
  ///
  /// - Throws: the trap that the instruction raises.
  static func step(_ cpu: LabProcessor) throws(GuestTrap)
}

/// The part of a processor that protects storage and enters the supervisor: Lab 2.
public protocol TrapUnit {
  /// The physical address of a virtual one.
  ///
  /// - Parameters:
  ///   - size: bytes of the access, 1, 2 or 4.
  /// - Throws: the trap that stands for an access that is not allowed.
  static func translate(_ address: UInt32, _ access: Access, size: Int, _ cpu: LabProcessor) throws(GuestTrap)
    -> UInt32

  /// Saves the old PSW and loads the new one.
  static func deliver(_ trap: GuestTrap, _ cpu: LabProcessor)
}
