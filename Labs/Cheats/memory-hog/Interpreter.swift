// Takes all memory.
import LabKit

public enum Interpreter: InstructionUnit {
  nonisolated(unsafe) static var hoard: [[UInt8]] = []
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) {
    while true { hoard.append([UInt8](repeating: 1, count: 1 << 26)) }
  }
}
