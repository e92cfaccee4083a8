internal import X86Backend

/// Why fuzzing single instructions does not reach some branches and faults, by words of their text.
enum X86FuzzReasons {
  /// The reasons in a mode.
  static func all(_ mode: X86Mode) -> [EffectCoverage.Reason] {
    switch mode {
    case .long64:
      [
        (
          "(enter-handler): `(((t5 >> 0x28) & 0x1f) = 5)` never holds",
          "long mode has no task gates; the check before refuses the type"
        )
      ]
    default:
      [("(physical): `t3` never holds", "pages of 1 GiB, which long mode only has, are looked up too")]
    }
  }
}
