// The kit carries out instructions by the table for other labs; not in this one.
import LabKit

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) { try TableInstructions.step(cpu) }
}
