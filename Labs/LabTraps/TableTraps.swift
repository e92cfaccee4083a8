@_spi(Tables) public import LabKit
public import MachineCore

/// Translation and traps as the instruction set's table has them, for labs in which they are given.
public enum TableTraps: TrapUnit {
  public static func translate(_ address: UInt32, _ access: Access, size: Int, _ cpu: LabProcessor)
    throws(GuestTrap) -> UInt32
  {
    try TableEvaluator.translate(address, access, size, cpu)
  }

  public static func deliver(_ trap: GuestTrap, _ cpu: LabProcessor) { TableEvaluator.deliver(trap, cpu) }
}
