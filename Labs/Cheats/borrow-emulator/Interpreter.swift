// Lets somebody else do the work.
import Emulator
import LabKit

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) {}
}
