public import LabHardware
public import LabKit

extension VirtualMachine {
  /// Interprets the instruction at the virtual pc on the virtual machine, in the mode that the virtual PSW says.
  ///
  /// - Throws: the trap that the instruction raises; it has had no effect then.
  public func interpretOne() throws(GuestTrap) { try stepper?() }
}
