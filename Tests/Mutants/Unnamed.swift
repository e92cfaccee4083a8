internal import MachineCore
internal import ToyISA
internal import Virtualizer
internal import X86Backend

/// Wrong machines beyond those of the catalogue, for tests that must not know what they look for.
extension Mutant {
  /// Instructions that do what another one of the same form does.
  private static let confusions: [(mnemonic: String, other: String)] = [
    ("sub", "add"), ("and", "or"), ("or", "xor"), ("xor", "or"), ("srl", "sra"), ("sltu", "slt"),
    ("mul", "mulhu"), ("div", "divu"), ("divu", "div"), ("rem", "remu"), ("remu", "rem"),
    ("andi", "ori"), ("ori", "xori"), ("xori", "ori"), ("slli", "srli"), ("srli", "srai"), ("srai", "srli"),
    ("slti", "sltiu"), ("sltiu", "slti"),
    ("lh", "lhu"), ("lhu", "lh"), ("lbu", "lb"), ("sw", "sh"), ("sh", "sb"), ("sb", "sh"),
    ("beq", "bge"), ("bne", "blt"), ("blt", "bltu"), ("bltu", "blt"), ("bgeu", "bge"), ("beq", "bgeu"),
  ]

  /// Simulators and hybrid VMMs, half and half, in which one instruction is mistaken for another.
  ///
  /// - Returns: `count` of them, others for each seed; fewer when there are not so many.
  public static func unnamed(seed: UInt64, count: Int) -> [Mutant] {
    var random = SplitMix(state: seed)
    var pool = confusions.flatMap { [($0, true), ($0, false)] }
    return (0..<min(max(count, 0), pool.count)).map { number in
      let isData = number % 2 == 0
      let fitting = pool.indices.filter { pool[$0].1 == isData }
      let pair = pool.remove(at: random.pick(fitting)).0
      let (mnemonic, other) = pair
      let name = "unnamed-\(number + 1)"
      let fault = "\(mnemonic) does what \(other) does"
      return isData
        ? .data(name, fault, on: MutantPrograms.tour) { $0.alter(mnemonic, as: other) }
        : .hybrid(name, fault, on: MutantPrograms.tour) { $0.routines[mnemonic] = $0.routines[other] }
    }
  }
}
