// Switches the machine off before anything can go wrong.
import LabKit

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) {
    _ = try cpu.fetch()
    cpu.platform.powerOff = 0
  }
}
