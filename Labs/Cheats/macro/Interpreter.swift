// Runs in the compiler.
import LabKit

@freestanding(expression) macro work() -> Int = #externalMacro(module: "Evil", type: "Work")

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) { cpu[1] = UInt32(#work) }
}
