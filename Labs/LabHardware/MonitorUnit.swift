public import LabKit
public import ToyISA

/// What a VMM does about a trap of its guest.
public enum Disposition: Sendable, Equatable {
  /// An interpreter routine carries the instruction out.
  case emulate
  /// The guest's own supervisor gets the trap.
  case reflect
}

/// A trap-and-emulate VMM in the paper's parts: allocator, dispatcher, interpreter routines. Lab 4.
///
/// The frame around it enters the hardware, keeps virtual time and the trace, lets the guest's devices act, and
/// calls these when there is something to decide.
public protocol MonitorUnit {
  /// Allocator: the real PSW under which the guest runs directly, for its virtual one. Paging is never on here.
  static func realPSW(for virtual: PSW, in region: Region) -> PSW

  /// Allocator: for how many instructions the guest may have the hardware now.
  static func slice(for machine: VirtualMachine) -> UInt64

  /// Dispatcher: what to do about a trap.
  static func disposition(of trap: GuestTrap, on machine: VirtualMachine) -> Disposition

  /// Interpreter routines: carries out an instruction on the virtual machine, and sets the virtual pc to the next one.
  ///
  /// - Throws: the trap that the guest's own processor would have raised.
  static func emulate(_ word: UInt32, on machine: VirtualMachine) throws(GuestTrap)

  /// Swaps PSWs through the guest's trap area, as its processor would have done for a trap or an interrupt.
  static func reflect(_ trap: GuestTrap, on machine: VirtualMachine)

  /// Whether the guest's processor would take an interrupt now.
  static func takesInterrupt(_ machine: VirtualMachine) -> Bool
}

/// What makes a VMM a hybrid one: Lab 6.
public protocol HybridUnit {
  /// Whether code is interpreted under this virtual PSW, rather than run on the hardware.
  static func interprets(_ virtual: PSW) -> Bool

  /// Interprets instructions, at most `limit`, until one traps or the frame has to look at the machine.
  ///
  /// - Returns: the trap for the guest's supervisor, if there was one.
  static func interpret(_ machine: VirtualMachine, limit: UInt64) -> GuestTrap?
}

/// A VMM that offers what it stands on: Lab 7.
public protocol StackableMonitor: VirtualHardware {
  /// A virtual machine with this region of the hardware's storage.
  init(on hardware: any VirtualHardware, region: Region)
}
