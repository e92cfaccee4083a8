/// A generation of the processor: which instructions exist, and where their meaning differs.
///
/// The names are those of `--cpu` and of trace headers.
public enum X86CPUModel: String, Sendable, CaseIterable {
  /// 8086 and 8088: no faults for bad opcodes or offsets, unmasked shift counts, offsets that wrap.
  case i8086 = "8086"
  /// 80286 in real mode: invalid opcodes and segment limits fault.
  case i80286 = "286"
  /// 80386: 32 bits, FS and GS, operand and address sizes.
  case i80386 = "386"
  /// x86-64 with the integer instructions of level v2.
  case modern = "x86-64"

  /// Number in ``X86DecodeContext``, bits 4 and 5.
  package var code: UInt64 {
    switch self {
    case .modern: 0
    case .i8086: 1
    case .i80286: 2
    case .i80386: 3
    }
  }

  /// The model with this number.
  package init(code: UInt64) {
    switch code & 3 {
    case 1: self = .i8086
    case 2: self = .i80286
    case 3: self = .i80386
    default: self = .modern
    }
  }

  /// Whether the instruction pointer has 16 bits, so that code goes on at offset 0 behind offset FFFF.
  package var wrapsInstructionPointer: Bool { self == .i8086 || self == .i80286 }

  /// Whether what an instruction did before its fault can stay: on the 80286 and 80386, PUSHA, POPA, ENTER and
  /// (80286 only) strings and POP to memory are not undone.
  package var keepsPartialWork: Bool { self == .i80286 || self == .i80386 }

  /// Longest instruction in bytes; longer ones raise #GP. (The 80286's manual says #UD; captures show #GP.)
  package var instructionLimit: Int { self == .i80286 ? 10 : 15 }

  /// Bits of the flags register that POPF and IRET can change at privilege level 0.
  ///
  /// - Parameter isProtected: CR0.PE; the 80286 has no IOPL and NT in real mode.
  package func writableFlags(isProtected: Bool) -> UInt64 {
    switch self {
    case .i8086: 0x0FD5
    case .i80286: isProtected ? 0x7FD5 : 0x0FD5
    case .i80386: 0x7FD5
    case .modern: 0x24_7FD5
    }
  }

  /// The widest mode that it has.
  public var widestMode: X86Mode {
    switch self {
    case .i8086, .i80286: .real16
    case .i80386: .protected32
    case .modern: .long64
    }
  }

  /// Bits that are always one when the flags are stored.
  package var storedOnes: UInt64 { self == .i8086 ? 0xF002 : 2 }
}
