@_spi(Tables) public import LabKit

/// Instructions as the instruction set's table has them, for labs in which they are given.
public enum TableInstructions: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) {
    try TableEvaluator.step(cpu, variant: cpu.variant)
  }
}
