// Puts itself in the place of the program around it.
import LabKit

public enum LabRunner {
  public static func main(instructions: any InstructionUnit.Type) -> Never { fatalError() }
}

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) {}
}
