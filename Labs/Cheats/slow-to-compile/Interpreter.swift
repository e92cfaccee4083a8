// Keeps the compiler busy.
import LabKit

public enum Interpreter: InstructionUnit {
  public static func step(_ cpu: LabProcessor) throws(GuestTrap) {
    let a = [1: [2, 3.0, -4]], b = a.map { ($0.key + 1, $0.value.map { -$0 + 2 * ($0 - 1) / 3 + -($0) }) }
    let c = b.reduce(0) { $0 + Double($1.0) * 2 - -$1.1.reduce(0, { $0 - -$1 * 2 + 1 }) + 3 / 2 - -1 + 2 * 3 - 1 }
    cpu[1] = UInt32(c)
  }
}
