import LabHardware
import LabInterpreter
import LabKit
import ToyISA

/// Lab 6: what makes a virtual machine monitor a hybrid one.
///
/// The rest of the monitor is given: allocator, dispatcher, reflection, when an interrupt is taken. As you find this file, it
/// is a plain trap-and-emulate VMM, and on `popf` and `jrst` its guests notice.
public enum Hybrid: HybridUnit {

  /// Whether code is interpreted under this virtual PSW; if not, it runs on the hardware.
  public static func interprets(_ virtual: PSW) -> Bool {
    // TODO 1
    false
  }

  /// Interprets instructions on the virtual machine, at most `limit`, and gives back a trap that the guest's supervisor is to
  /// have, or `nil`.
  ///
  /// `machine.interpretOne()` carries out one instruction, whatever it is, or throws its trap. Between instructions a real
  /// machine looks at its devices and interrupts. Here the frame does it, but only when this function returns: return
  /// whenever there is, or may be, something for it to do, and when the code is no longer to be interpreted. Not after every
  /// instruction, though: the way out and in costs more than the instruction.
  public static func interpret(_ machine: VirtualMachine, limit: UInt64) -> GuestTrap? {
    // TODO 2
    do throws(GuestTrap) { try machine.interpretOne() } catch { return error }
    return nil
  }
}
