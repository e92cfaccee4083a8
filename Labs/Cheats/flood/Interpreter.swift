// Fills the disk.
import LabKit

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) {
    let text = String(repeating: "a", count: 1 << 16)
    while true { print(text) }
  }
}
