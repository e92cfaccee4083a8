// Out of stack.
import LabKit

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) { cpu[2] = deeper(cpu, 0) }
  @inline(never) static func deeper(_ cpu: LabProcessor, _ depth: UInt32) -> UInt32 {
    cpu[1] = depth
    return deeper(cpu, depth &+ 1) &+ cpu[1]
  }
}
