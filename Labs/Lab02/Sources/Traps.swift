import LabKit
import MachineCore
import ToyISA

/// Lab 2: precise traps and modes.
///
/// The machine calls `translate` for every fetch, load and store, and `deliver` for every trap and interrupt.
/// `Docs/ToyISA.md` is the reference: its sections "Address translation" and "Traps".
public enum Traps: TrapUnit {
  /// The physical address of a virtual one, or the trap that stands for an access that is not allowed.
  public static func translate(_ address: UInt32, _ access: Access, size: Int, _ cpu: LabProcessor)
    throws(GuestTrap) -> UInt32
  {
    // TODO 2: alignment of fetches, the bound, the end of storage.
    // TODO 3: paging, if `cpu.psw.paging`.
    return cpu.psw.base &+ address
  }

  /// Saves the old PSW, cause and value in the trap area, and loads the new PSW from there.
  public static func deliver(_ trap: GuestTrap, _ cpu: LabProcessor) {
    // `TrapArea` has the offsets; `setPhysical` and `physical` reach storage without translation.
    cpu.setPhysical(UInt32(TrapArea.cause), size: 4, trap.cause.rawValue)
    // TODO 1: the value, the old PSW, and all of the new PSW.
    cpu.psw.pc = cpu.physical(UInt32(TrapArea.newPSW) + 4, size: 4)
  }
}

/// Bits of a page-table entry; `Docs/ToyISA.md` has the others.
private enum PageEntry {
  static let valid: UInt32 = 1
  static let frame: UInt32 = 0xFFFF_F000
}
