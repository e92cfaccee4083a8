// Brings a lab.json of its own, a runner and a package.
import LabKit

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) { cpu.psw.pc &+= 4 }
}
