public import LabHardware
public import LabKit
public import ToyISA

/// A trap-and-emulate VMM for labs in which it is given: Lab 4 done with the instruction set's table in place of routines.
public enum GivenMonitor: MonitorUnit {
  public static func realPSW(for virtual: PSW, in region: Region) -> PSW {
    let base = min(virtual.base, region.size)
    return PSW(
      user: true, pc: virtual.pc, base: region.start + base, bound: min(virtual.bound, region.size - base))
  }

  public static func slice(for machine: VirtualMachine) -> UInt64 {
    takesInterrupt(machine) ? 1 : min(machine.untilDeadline, VirtualMachine.quantum)
  }

  public static func disposition(of trap: GuestTrap, on machine: VirtualMachine) -> Disposition {
    trap.cause == .privileged && !machine.psw.user ? .emulate : .reflect
  }

  public static func emulate(_ word: UInt32, on machine: VirtualMachine) throws(GuestTrap) {
    try machine.stepByTable()
  }

  public static func reflect(_ trap: GuestTrap, on machine: VirtualMachine) {
    machine.deliverByTable(trap)
  }

  public static func takesInterrupt(_ machine: VirtualMachine) -> Bool {
    machine.isInterruptPending && machine.psw.interruptEnable
  }
}
