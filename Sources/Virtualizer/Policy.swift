package import ToyISA

/// What the dispatcher does about a trap of the hardware.
package enum Disposition: Sendable, Equatable {
  /// An interpreter routine carries the instruction out.
  case emulate
  /// The guest's own supervisor gets the trap.
  case reflect
  /// Perhaps only the shadow table lacks the page: the guest's tables decide.
  case shadow
}

/// The decisions of a VMM, one closure each, so that a check can be shown a wrong VMM.
///
/// Each is asked once per exit or less, never per instruction.
package struct VMMPolicy: Sendable {
  /// Sorts a trap by its cause and the virtual PSW.
  package var sort: @Sendable (_ cause: UInt32, _ psw: PSW) -> Disposition
  /// The real PSW for a virtual one without paging.
  package var compose: @Sendable (_ psw: PSW, _ map: ResourceMap) -> PSW
  /// The real entry for one that the guest's TLB holds; 0 for none.
  package var shadowEntry: @Sendable (_ entry: UInt32, _ user: Bool, _ map: ResourceMap) -> UInt32
  /// The pc that the guest's supervisor finds in the old PSW.
  package var savedPC: @Sendable (_ pc: UInt32) -> UInt32
  /// How many instructions the hardware may run: the limit and the next deadline are given.
  package var slice: @Sendable (_ limit: UInt64, _ untilDeadline: UInt64) -> UInt64
  /// What privileged instructions do; all instructions where the VMM interprets.
  package var routines: InterpreterRoutines
  /// Whether the VMM interprets the guest's code rather than run it, by the virtual PSW.
  package var interprets: @Sendable (_ psw: PSW) -> Bool = { _ in false }
  /// The longest stretch for which the guest may have the hardware, in instructions.
  package var quantum: UInt64 = VirtualMachineMonitor.quantum

  /// The right decisions.
  package static let correct = VMMPolicy(
    sort: { cause, psw in
      switch ToyCause(rawValue: cause) {
      case .privileged: psw.user ? .reflect : .emulate
      case .pageFetch, .pageRead, .pageWrite: psw.paging ? .shadow : .reflect
      default: .reflect
      }
    },
    compose: composeRelocation,
    shadowEntry: composeEntry,
    savedPC: { $0 },
    slice: { min($0, $1) },
    routines: .standard)

  /// The right decisions of a hybrid VMM (Popek and Goldberg's Theorem 3): everything in virtual supervisor mode
  /// is interpreted, virtual user mode runs directly.
  package static let hybrid: VMMPolicy = {
    var policy = correct
    policy.routines = .whole
    policy.interprets = { !$0.user }
    return policy
  }()
}

/// Relocation composed: the real base is the region's base plus the virtual base, and the real bound is
/// clipped, so that an address beyond the guest's storage is beyond the real bound as well.
@Sendable private func composeRelocation(_ psw: PSW, _ map: ResourceMap) -> PSW {
  let size = UInt64(map.guest.count)
  let base = min(UInt64(psw.base), size)
  let bound = min(UInt64(psw.bound), size - base)
  return PSW(
    user: true, pc: psw.pc, base: UInt32(truncatingIfNeeded: UInt64(map.guest.lowerBound) + base),
    bound: UInt32(truncatingIfNeeded: bound))
}

/// A shadow entry is always for real user mode, already accessed and dirty; it is writable only once the
/// virtual entry is dirty, so that the first write to a page comes to the VMM.
@Sendable private func composeEntry(_ entry: UInt32, _ user: Bool, _ map: ResourceMap) -> UInt32 {
  let entry = UInt64(entry)
  if user, entry & PageEntry.user == 0 { return 0 }
  var real = (entry & PageEntry.frame) + UInt64(map.guest.lowerBound)
  real |= PageEntry.valid | PageEntry.user | PageEntry.accessed | PageEntry.dirty
  real |= entry & (PageEntry.read | PageEntry.execute)
  if entry & PageEntry.dirty != 0 { real |= entry & PageEntry.write }
  return UInt32(truncatingIfNeeded: real)
}
