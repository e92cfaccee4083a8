/// What an instruction does, without its operands: the key that the rows of the instruction table,
/// the semantics and the interpreter share.
///
/// Both the semantics and the interpreter switch over this enumeration exhaustively, so neither can
/// know an operation that the other lacks.
public enum X86Operation: String, Sendable, CaseIterable {
  // Data movement.
  case mov, movzx, movsx, lea, xchg, push, pushStack, pop, pusha, popa, pushf, popf, enter, leave, bswap,
    movbe, xlat
  case cmov, set, lahf, sahf, convertAccumulator, convertDouble, loadFar, salc
  // Arithmetic and logic.
  case add, or, adc, sbb, and, sub, xor, cmp, test, inc, dec, neg, not
  case mul, imul, imulTruncating, div, idiv
  case daa, das, aaa, aas, aam, aad
  case rol, ror, rcl, rcr, shl, shr, sar, shld, shrd, setmo
  case bt, bts, btr, btc, bsf, bsr, popcnt, tzcnt, lzcnt, crc32
  case xadd, cmpxchg, cmpxchg8b
  // Flow.
  case jcc, jmp, call, ret, loop, loope, loopne, jcxz
  case jmpFar, callFar, retFar, iret, int, int1, int3, into, bound
  // Strings.
  case movs, stos, lods, scas, cmps, ins, outs
  // Flags and nothing.
  case clc, stc, cmc, cld, std, cli, sti, nop
  // Ports.
  case `in`, out
  // System.
  case hlt, ud, movFromControl, movToControl, lgdt, lidt, sgdt, sidt, smsw, lmsw, clts, invlpg, wbinvd
  case movFromSegment, movToSegment, pushSegment, popSegment, ldt, tr, storeTable
  case arpl, lar, lsl, verr, verw
  case syscall, sysret, sysenter, sysexit, swapgs, rdmsr, wrmsr, cpuid, rdtsc, rdtscp, rdpmc
  case movFromDebug, movToDebug, fwait, fninit, clflush
  /// More than fifteen bytes.
  case tooLong
}

/// Flags in RFLAGS that instructions compute.
public struct X86Flags: OptionSet, Sendable, Hashable {
  /// Bits of RFLAGS.
  public var rawValue: UInt64
  /// A set of flag bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// Carry.
  public static let carry = X86Flags(rawValue: 1)
  /// Even parity of the low eight bits.
  public static let parity = X86Flags(rawValue: 1 << 2)
  /// Carry out of bit 3.
  public static let adjust = X86Flags(rawValue: 1 << 4)
  /// Zero result.
  public static let zero = X86Flags(rawValue: 1 << 6)
  /// Sign of the result.
  public static let sign = X86Flags(rawValue: 1 << 7)
  /// Single step.
  public static let trap = X86Flags(rawValue: 1 << 8)
  /// Interrupts enabled.
  public static let interrupt = X86Flags(rawValue: 1 << 9)
  /// Strings go down.
  public static let direction = X86Flags(rawValue: 1 << 10)
  /// Signed overflow.
  public static let overflow = X86Flags(rawValue: 1 << 11)
  /// I/O privilege level, two bits.
  public static let ioPrivilege = X86Flags(rawValue: 3 << 12)
  /// Nested task.
  public static let nested = X86Flags(rawValue: 1 << 14)
  /// Resume.
  public static let resume = X86Flags(rawValue: 1 << 16)
  /// Virtual 8086 mode.
  public static let virtual8086 = X86Flags(rawValue: 1 << 17)
  /// Alignment check.
  public static let alignment = X86Flags(rawValue: 1 << 18)
  /// Identification.
  public static let identification = X86Flags(rawValue: 1 << 21)
  /// The six arithmetic flags.
  public static let arithmetic: X86Flags = [.carry, .parity, .adjust, .zero, .sign, .overflow]

  /// Flags named by letters: o s z a p c d i.
  init(letters: some StringProtocol) {
    self = []
    for letter in letters {
      switch letter {
      case "o": insert(.overflow)
      case "s": insert(.sign)
      case "z": insert(.zero)
      case "a": insert(.adjust)
      case "p": insert(.parity)
      case "c": insert(.carry)
      case "d": insert(.direction)
      case "i": insert(.interrupt)
      default: break
      }
    }
  }
}
