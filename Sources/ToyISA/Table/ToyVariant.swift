/// A variant of the toy processor: a row of switches in the user-mode column of the table.
public enum ToyVariant: String, Sendable, CaseIterable {
  /// Every sensitive instruction traps in user mode: Theorem 1 holds.
  case classic
  /// `setie` is silently ignored in user mode, as POPF does with IF on x86.
  case popf
  /// `jrst` executes in user mode, as on the PDP-10.
  case jrst
  /// `getbase` and `getbound` execute in user mode: relocation is visible.
  case leaky

  /// Whether Popek and Goldberg's Theorem 1 is meant to hold; the checks compute it, this only says
  /// on which variants a trap-and-emulate VMM promises equivalence.
  public var claimsTheorem1: Bool { self == .classic }

  /// One line.
  public var meaning: String {
    switch self {
    case .classic: "every sensitive instruction traps in user mode"
    case .popf: "`setie` is silently ignored in user mode (x86's POPF)"
    case .jrst: "`jrst` executes in user mode (PDP-10's JRST 1)"
    case .leaky: "`getbase` and `getbound` execute in user mode"
    }
  }
}

/// What an instruction does when the processor is in user mode.
public enum UserBehaviour: String, Sendable, CaseIterable {
  /// The same as in supervisor mode.
  case execute
  /// A privileged-instruction trap.
  case trap
  /// Nothing: the next instruction follows.
  case ignore
}
