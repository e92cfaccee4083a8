import MachineCore

/// What the decoder looks at to choose a row.
protocol X86Pattern {
  /// ModRM.reg that selects the row; `nil` for any.
  var digit: UInt8? { get }
  /// The whole ModRM byte that selects the row; `nil` for any.
  var exactModRM: UInt8? { get }
  var hasModRM: Bool { get }
  var attributes: X86Attributes { get }
}

extension X86Row: X86Pattern {}

/// Code of an operand of a row that is named only: a letter for where it is encoded, then its size.
enum X86NamedOperand: Sendable, Hashable {
  /// How wide a general register is: by its letter in the table.
  enum Size: Character, Sendable {
    case byte = "b"
    case word = "w"
    case doubleword = "d"
    /// The operand size.
    case operand = "v"
    /// 64 bits with REX.W, else 32.
    case wide = "y"
    /// 64 bits in 64-bit mode, else 32.
    case mode = "z"
    /// The address size.
    case address = "a"
  }

  /// `V`, `P`: XMM and MMX register by ModRM.reg.
  case vector, mmx
  /// `W`, `Q`: XMM or MMX register or so many bytes of memory, by ModRM.rm.
  case vectorOrMemory(Int)
  case mmxOrMemory(Int)
  /// `G`, `R`: general register by ModRM.reg and ModRM.rm.
  case general(Size)
  case generalByRM(Size)
  /// `E`: general register or memory by ModRM.rm; with a second letter, memory is as wide as that.
  case generalOrMemory(Size, memory: Size)
  /// `M`: so many bytes of memory; 0 for a size that is not told.
  case memory(Int)
  /// `I`: immediate of so many bytes.
  case immediate(Int)
  /// `J`: branch displacement of the operand size.
  case jump
  /// `ST`, `STi`: top of the x87 stack, and the stack register by ModRM.rm.
  case stackTop, stack
  /// `D`: debug register by ModRM.reg.
  case debug
  /// `XMM0`, `AX`.
  case xmm0, ax

  /// Reads a code; `nil` if the word is none.
  init?(_ word: some StringProtocol) {
    switch word {
    case "V": self = .vector
    case "P": self = .mmx
    case "J": self = .jump
    case "D": self = .debug
    case "M": self = .memory(0)
    case "ST": self = .stackTop
    case "STi": self = .stack
    case "XMM0": self = .xmm0
    case "AX": self = .ax
    default:
      let letters = Array(word)
      guard letters.count > 1 else { return nil }
      let number = Int(String(letters[1...]))
      let size = Size(rawValue: letters[1])
      switch letters[0] {
      case "W": self = .vectorOrMemory(number ?? 0)
      case "Q": self = .mmxOrMemory(number ?? 0)
      case "M": self = .memory(number ?? 0)
      case "I": self = .immediate(number ?? 1)
      case "G": self = .general(size ?? .operand)
      case "R": self = .generalByRM(size ?? .operand)
      case "E":
        let memory = letters.count > 2 ? Size(rawValue: letters[2]) : size
        self = .generalOrMemory(size ?? .operand, memory: memory ?? .operand)
      default: return nil
      }
    }
  }
}

/// One row of the part of the table that is named only.
struct X86NamedRow: X86Pattern, Sendable {
  /// Opcode map in bits 8–10 (as ``X86Row/opcode``; 4: 3DNow!), opcode in bits 0–7.
  var opcode: Int
  var digit: UInt8?
  var exactModRM: UInt8?
  var hasModRM: Bool
  var mnemonic: String
  var operands: [X86NamedOperand]
  var attributes: X86Attributes

  /// Whether it is one of the coprocessor's instructions, which every processor model may have.
  var isCoprocessor: Bool { 0xD8...0xDF ~= opcode || opcode == 0x9B }

  /// Instructions that the processor does not have, as CPUID (or a bit of CR4 that cannot be set) tells: #UD.
  var isAbsent: Bool { Self.absent.contains(mnemonic) }

  private static let absent: Set<String> = [
    // VMX, SVM, SMX, SGX, SMM
    "vmcall", "vmlaunch", "vmresume", "vmxoff", "vmfunc", "vmread", "vmwrite", "vmptrld", "vmclear", "vmxon",
    "vmptrst", "invept", "invvpid", "vmrun", "vmmcall", "vmload", "vmsave", "stgi", "clgi", "skinit",
    "invlpga",
    "getsec", "enclv", "encls", "enclu", "pconfig", "rsm",
    // MONITOR, SMAP, XSAVE, PCID, FSGSBASE, RDRAND, TSX, protection keys, CET, WAITPKG
    "monitor", "mwait", "monitorx", "mwaitx", "clzero", "clac", "stac", "xgetbv", "xsetbv", "xsave",
    "xsave64",
    "xrstor", "xrstor64", "xsaveopt", "xsaveopt64", "xsavec", "xsavec64", "xsaves", "xsaves64", "xrstors",
    "xrstors64", "invpcid", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase", "rdrand", "rdseed", "rdpid",
    "xend",
    "xtest", "rdpkru", "wrpkru", "setssbsy", "saveprevssp", "rstorssp", "clrssbsy", "incsspd", "incsspq",
    "wrssd", "wrssq", "wrussd", "wrussq", "umonitor", "umwait", "tpause", "ptwrite", "clwb", "clflushopt",
    "movdiri", "movdir64b", "enqcmd", "enqcmds",
  ]

  /// The rows, in order; the decoder takes the first that fits.
  static let all: [X86NamedRow] = X86NamedRows.lines.map(X86NamedRow.init(line:))

  /// Reads a line of ``X86NamedRows``; a bad line is a programming error.
  init(line: String) {
    let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(trimmed)
    precondition(fields.count == 3, "instruction table: three fields expected: \(line)")
    let pattern = fields[0].split(separator: " ")
    var text = pattern[0]
    var map = 0
    for (prefix, number) in [("0F38", 2), ("0F3A", 3), ("0F", 1), ("@", 4)]
    where text.count > prefix.count && text.hasPrefix(prefix) {
      map = number
      text = text.dropFirst(prefix.count)
      break
    }
    guard let byte = Int(text, radix: 16) else { preconditionFailure("instruction table: opcode: \(line)") }
    opcode = map << 8 | byte
    hasModRM = pattern.count > 1
    if pattern.count > 1, pattern[1] != "/r" {
      if pattern[1].hasPrefix("/") {
        digit = UInt8(pattern[1].dropFirst())
      } else {
        exactModRM = UInt8(pattern[1], radix: 16)
      }
    }
    let words = fields[1].split(whereSeparator: { $0 == " " || $0 == "," })
    mnemonic = String(words[0])
    operands = words.dropFirst().map { word in
      guard let code = X86NamedOperand(word) else {
        preconditionFailure("instruction table: operand \(word): \(line)")
      }
      return code
    }
    attributes = []
    for word in fields[2].split(separator: " ") {
      guard let attribute = X86Attributes.names[String(word)] else {
        preconditionFailure("instruction table: attribute \(word): \(line)")
      }
      attributes.insert(attribute)
    }
  }
}
