internal import MachineCore
public import ToyISA
internal import X86Backend

/// What a student's guest must do on one variant of the instruction set; another for each seed.
public struct SensitiveTask: Sendable, Equatable {
  public let variant: ToyVariant
  /// Written to the console, with a newline, wherever the guest runs.
  public let word: String
  /// Status at power off on the bare machine.
  public let bareStatus: UInt64
  /// Status at power off under the VMM.
  public let monitorStatus: UInt64
  /// Number of the register that is the sensitive instruction's operand.
  public let register: Int
  /// Virtual address of the sensitive instruction.
  public let address: UInt32
  /// Relocation of the user, on `leaky`.
  public let base: UInt32
  /// The first trap after the sensitive instruction, on `jrst`.
  public let cause: ToyCause

  /// The task of a variant and seed; `nil` for `classic`, on which there is nothing to show.
  public init?(_ variant: ToyVariant, seed: UInt64) {
    guard let number = ToyVariant.allCases.firstIndex(of: variant), variant != .classic else { return nil }
    var random = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(number))
    self.variant = variant
    let consonants = Array("bdfgklmnprstvz")
    let vowels = Array("aeiou")
    var word = ""
    for _ in 0..<3 {
      word.append(random.pick(consonants))
      word.append(random.pick(vowels))
    }
    self.word = word
    bareStatus = UInt64(1 + random.below(100))
    monitorStatus = UInt64(101 + random.below(100))
    register = 5 + random.below(8)
    let isRelocated = variant == .leaky
    address = (isRelocated ? 0x100 : 0x1000) + 4 * UInt32(random.below(isRelocated ? 0x80 : 0x400))
    base = isRelocated ? 0x8000 + 0x1000 * UInt32(random.below(16)) : 0
    cause = random.oneIn(2) ? .supervisorCall : .privileged
  }

  /// The sensitive instruction, as in assembly.
  public var instruction: String {
    let mnemonic =
      switch variant {
      case .classic, .popf: "setie"
      case .jrst: "jrst"
      case .leaky: "getbase"
      }
    return "\(mnemonic) r\(register)"
  }

  /// For the student, in Markdown.
  public var text: String {
    var lines = [
      "- On every machine it writes `\(word)` and a newline to the console, and nothing else.",
      "- On the bare machine it switches the machine off with status \(bareStatus); under the VMM with status \(monitorStatus).",
      "- The instruction at which the VMM first differs is `\(instruction)` at address `\(hex(UInt64(address)))`.",
    ]
    switch variant {
    case .classic: break
    case .popf:
      lines.append("- It never executes `getpsw`: it finds out by an interrupt that comes or does not.")
    case .jrst:
      lines.append(
        "- The first trap after that instruction has, on the bare machine, the cause `\(cause.name)`.")
    case .leaky:
      lines.append("- That instruction runs in user mode, with base `\(hex(UInt64(base)))`.")
    }
    return lines.joined(separator: "\n")
  }
}
