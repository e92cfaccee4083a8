import LabHardware
import LabKit
import ToyISA

/// Lab 4: a virtual machine monitor that traps and emulates.
///
/// The guest, its supervisor included, runs directly on the hardware, always in real user mode. `machine` is the virtual
/// machine: `machine.psw` is the virtual PSW, what the guest believes; `machine[5]` is general register 5.
public enum Monitor: MonitorUnit {

  // MARK: The allocator

  /// The real PSW under which the guest runs. No address that the guest can make may lead out of `region`, and what traps
  /// on a machine of the guest's own must trap here, too.
  public static func realPSW(for virtual: PSW, in region: Region) -> PSW {
    // BEGIN SOLUTION
    // An address beyond the guest's storage must be beyond the real bound as well.
    let base = min(virtual.base, region.size)
    let bound = min(virtual.bound, region.size - base)
    return PSW(user: true, pc: virtual.pc, base: region.start + base, bound: bound)
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 1: this is right only for a guest that sees all of its storage from 0 on.
    //| PSW(user: true, pc: virtual.pc, base: region.start, bound: region.size)
    // END SKELETON
  }

  /// For how many instructions the guest has the hardware, if nothing traps: never more than `VirtualMachine.quantum`.
  public static func slice(for machine: VirtualMachine) -> UInt64 {
    // BEGIN SOLUTION
    // An interrupt that could not be taken yet is taken after one more instruction.
    if takesInterrupt(machine) { return 1 }
    return min(machine.untilDeadline, VirtualMachine.quantum)
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 5: a device may have something to do before that.
    //| VirtualMachine.quantum
    // END SKELETON
  }

  // MARK: The dispatcher

  /// What is to be done about a trap of the hardware.
  public static func disposition(of trap: GuestTrap, on machine: VirtualMachine) -> Disposition {
    // BEGIN SOLUTION
    trap.cause == .privileged && !machine.psw.user ? .emulate : .reflect
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 2: not every trap is for an interpreter routine.
    //| .emulate
    // END SKELETON
  }

  /// Does what the guest's processor does at a trap or an interrupt: old PSW, cause and value go to the trap area at the
  /// beginning of the guest's storage, the new PSW comes from there.
  public static func reflect(_ trap: GuestTrap, on machine: VirtualMachine) {
    // BEGIN SOLUTION
    let old = machine.psw
    for (offset, word) in [old.flags, old.pc, old.base, old.bound].enumerated() {
      machine.setPhysical(UInt32(TrapArea.oldPSW) + UInt32(offset) * 4, word)
    }
    machine.setPhysical(UInt32(TrapArea.cause), trap.cause.rawValue)
    machine.setPhysical(UInt32(TrapArea.value), trap.value)
    let new = (0..<4).map { machine.physical(UInt32(TrapArea.newPSW) + $0 * 4) }
    machine.psw = PSW(flags: new[0], pc: new[1], base: new[2], bound: new[3])
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 3: `machine.physical` and `machine.setPhysical` reach the guest's storage, `TrapArea` has the places.
    // END SKELETON
  }

  /// Whether the guest's processor, if it were real, would take an interrupt now.
  public static func takesInterrupt(_ machine: VirtualMachine) -> Bool {
    // BEGIN SOLUTION
    machine.isInterruptPending && machine.psw.interruptEnable
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 5
    //| false
    // END SKELETON
  }

  // MARK: The interpreter routines

  /// Carries out a privileged instruction on the virtual machine.
  public static func emulate(_ word: UInt32, on machine: VirtualMachine) throws(GuestTrap) {
    let a = Int(word >> 20) & 15
    let b = Int(word >> 16) & 15
    // Where the guest goes on, unless the routine says otherwise.
    let next = machine.psw.pc &+ 4
    switch word >> 24 {
    // lpsw: all four words, in this order, before anything changes.
    case 0x50:
      let address = machine[b] &+ signed16(word)
      guard address % 4 == 0 else { throw GuestTrap(.alignment, value: address) }
      let flags = try machine.load(address)
      let pc = try machine.load(address &+ 4)
      let base = try machine.load(address &+ 8)
      let bound = try machine.load(address &+ 12)
      machine.psw = PSW(flags: flags, pc: pc, base: base, bound: bound)
      return
    // out
    case 0x5B: machine.output((machine[b] &+ (word & 0xFFFF)) & 0xFFFF, machine[a])

    // BEGIN SOLUTION
    // jrst
    case 0x51:
      machine.psw.user = true
      machine.psw.pc = machine[b]
      return
    case 0x52: machine.psw.interruptEnable = machine[b] & 1 != 0
    case 0x53: machine[a] = machine.psw.flags
    case 0x54: machine[a] = machine.psw.base
    case 0x55: machine[a] = machine.psw.bound
    case 0x56: machine[a] = machine.clock
    case 0x57: machine.flushTLB()
    case 0x58: machine.isWaiting = true
    case 0x5A: machine[a] = machine.input((machine[b] &+ (word & 0xFFFF)) & 0xFFFF)
    // END SOLUTION
    // BEGIN SKELETON
    //| // TODO 4: jrst, setie, getpsw, getbase, getbound, getclk, tlbflush, wait, in: opcodes 0x51 to 0x58 and 0x5A.
    // END SKELETON

    default: break
    }
    machine.psw.pc = next
  }

  /// The low half of an instruction word as a signed number.
  private static func signed16(_ word: UInt32) -> UInt32 {
    UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: word)))
  }
}
