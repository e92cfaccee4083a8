// Every instruction is a no-operation.
import LabKit

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) { cpu.psw.pc &+= 4 }
}
