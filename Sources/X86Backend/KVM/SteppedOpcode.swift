/// What single-stepping must know of an instruction beside its length.
struct SteppedOpcode: Equatable {
  enum Kind: Equatable {
    case plain
    /// Leaves the straight line by itself: a new address needs no explanation.
    case branch
    case halt
    case pushFlags
    /// POPF, IRET: load the trap flag.
    case loadsFlags
    /// MOV to SS, POP SS: the processor takes no debug trap after it.
    case loadsStackSegment
    case syscall
    /// WRMSR, SWAPGS and MOV to a debug register: change registers that are otherwise not looked at.
    case writesRareRegisters
    /// A repeated string instruction, by prefix: each iteration retires.
    case repeated(Repeat)
  }

  /// When a repeated string instruction ends before its count does.
  enum Repeat: Equatable {
    case byCount
    case whileZero
    case whileNotZero
  }

  var kind: Kind
  /// Bits of the address size, which is the size of the count register, too.
  var addressMask: UInt64 = 0xFFFF_FFFF
  /// Whether it is a repeated string instruction.
  var isRepeated: Bool {
    if case .repeated = kind { return true }
    return false
  }

  /// How the instruction may lower the privilege level, with the operand width that a prefix chose.
  var leavesRing = LeavesRing.never

  enum LeavesRing: Equatable {
    case never
    /// SYSRET, SYSEXIT.
    case always
    /// IRET and far returns: by the CS they pop, which lies one operand above the stack pointer.
    case popped(width: Int)
  }

  /// Looks at the bytes of an instruction; `is64` when REX prefixes exist, `is16` in 16-bit code.
  init(_ bytes: [UInt8], is64: Bool, is16: Bool = false) {
    var index = 0
    var repeatPrefix: UInt8?
    var addressPrefix = false
    var operandPrefix = false
    var wide = false
    scan: while index < bytes.count {
      switch bytes[index] {
      case 0xF2, 0xF3: repeatPrefix = bytes[index]
      case 0x66: operandPrefix = true
      case 0x67: addressPrefix = true
      case 0xF0, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65: break
      case 0x40...0x4F where is64: wide = bytes[index] & 8 != 0
      default: break scan
      }
      index += 1
    }
    if is64 {
      addressMask = addressPrefix ? 0xFFFF_FFFF : .max
    } else {
      addressMask = is16 != addressPrefix ? 0xFFFF : 0xFFFF_FFFF
    }
    func byte(_ offset: Int) -> UInt8 { index + offset < bytes.count ? bytes[index + offset] : 0 }
    let reg = (byte(1) >> 3) & 7
    switch byte(0) {
    case 0xF4: kind = .halt
    case 0x9C: kind = .pushFlags
    case 0x9D, 0xCF: kind = .loadsFlags
    case 0x17 where !is64: kind = .loadsStackSegment
    case 0x8E where reg == 2: kind = .loadsStackSegment
    case 0xA6, 0xA7, 0xAE, 0xAF:
      kind = repeatPrefix.map { .repeated($0 == 0xF3 ? .whileZero : .whileNotZero) } ?? .plain
    case 0x6C...0x6F, 0xA4, 0xA5, 0xAA...0xAD: kind = repeatPrefix == nil ? .plain : .repeated(.byCount)
    case 0x70...0x7F, 0xE0...0xE3, 0xE8...0xEB, 0xC2, 0xC3, 0xCA, 0xCB, 0x9A, 0xCC, 0xCD, 0xCE, 0xF1:
      kind = .branch
    case 0xFF where (2...5).contains(reg): kind = .branch
    case 0x0F:
      switch byte(1) {
      case 0x80...0x8F, 0x07, 0x34, 0x35: kind = .branch
      case 0x05: kind = .syscall
      case 0x30, 0x23: kind = .writesRareRegisters
      case 0x01 where byte(2) == 0xF8: kind = .writesRareRegisters
      default: kind = .plain
      }
      if byte(1) == 0x07 || byte(1) == 0x35 { leavesRing = .always }
    default: kind = .plain
    }
    if byte(0) == 0xCF || byte(0) == 0xCA || byte(0) == 0xCB {
      leavesRing = .popped(width: wide ? 8 : operandPrefix != is16 ? 2 : 4)
    }
  }
}
