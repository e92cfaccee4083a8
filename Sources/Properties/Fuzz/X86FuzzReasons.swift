/// Why fuzzing single instructions does not reach some branches and faults, by words of their text.
enum X86FuzzReasons {
  static let all: [EffectCoverage.Reason] = []
}
