import MachineCore
import Trace
import X86Backend

/// What QEMU's translator does otherwise than the manual, and a comparison with its logs leaves out.
enum QEMUDifferences {
  /// The flags that the manual leaves undefined, and those that QEMU loses.
  ///
  /// SYSCALL clears the status flags in QEMU 7.2, whatever IA32_FMASK holds; by the manual (Intel SDM volume 2, SYSCALL) only
  /// the flags in the mask are cleared.
  @Sendable static func undefinedBits(_ record: TraceRecord) -> [UndefinedBits] {
    guard record.bytes == InstructionBytes([0x0F, 0x05]) else { return X86Comparison.undefinedBits(record) }
    let status: UInt64 = 0x8D5
    return [UndefinedBits(register: UInt32(X86Register.rflags.id), undefined: status, defined: 0)]
  }

  /// RF, which QEMU 7.2 does not set in what a fault saves (Intel SDM volume 3, 17.3.1.1), so that IRET does not load it.
  static let masks = [
    RegisterMask(
      register: UInt32(X86Register.rflags.id), bits: 0x1_0000,
      reason: "RF: QEMU leaves it out of what a fault saves")
  ]

  /// Hidden parts of segment registers that a log has and a trace leaves out: with a null selector
  /// in the register QEMU keeps other ones.
  static let hiddenParts: Set<X86Register> = [
    .esLimit, .ssLimit, .dsLimit, .fsLimit, .gsLimit,
    .esAttributes, .ssAttributes, .dsAttributes, .fsAttributes, .gsAttributes,
  ]
}
