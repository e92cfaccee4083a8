import MachineCore

/// Code of an operand in the instruction table: where it is encoded and how wide it is.
enum X86OperandCode: String, Sendable {
  /// General register or memory by ModRM.rm: byte, word, doubleword, operand size.
  case eb = "Eb"
  case ew = "Ew"
  case ed = "Ed"
  case ev = "Ev"
  /// ModRM.rm: register of the operand size, or a word in memory.
  case es = "Es"
  /// General register by ModRM.reg: byte, operand size, 32 or 64 bits.
  case gb = "Gb"
  case gw = "Gw"
  case gv = "Gv"
  case gy = "Gy"
  /// General register by ModRM.rm, 32 or 64 bits.
  case ry = "Ry"
  /// Immediates: byte, byte sign-extended, word, operand size up to 32 bits sign-extended, operand size.
  case ib = "Ib"
  case ibs = "Ibs"
  case iw = "Iw"
  case iz = "Iz"
  case iv = "Iv"
  /// Branch displacements.
  case jb = "Jb"
  case jz = "Jz"
  /// Memory by ModRM: of no width, byte, 32 or 64 bits, far pointer.
  case m = "M"
  case mb = "Mb"
  case my = "My"
  case mp = "Mp"
  /// Immediate far pointer.
  case ap = "Ap"
  /// Memory at an immediate offset.
  case ob = "Ob"
  case ov = "Ov"
  /// Segment and control register by ModRM.reg.
  case sw = "Sw"
  case cy = "Cy"
  /// Debug register by ModRM.reg.
  case dy = "Dy"
  /// Register in the opcode byte.
  case zb = "Zb"
  case zv = "Zv"
  /// String source and destination, and the table of XLAT.
  case xb = "Xb"
  case xv = "Xv"
  case yb = "Yb"
  case yv = "Yv"
  case zx = "Zx"
  /// Fixed registers and the constant one.
  case al = "AL"
  case rAX
  case cl = "CL"
  case dx = "DX"
  case esSegment = "ES"
  case csSegment = "CS"
  case ssSegment = "SS"
  case dsSegment = "DS"
  case fsSegment = "FS"
  case gsSegment = "GS"
  case one = "1"

  /// Whether it is encoded in a ModRM byte.
  var usesModRM: Bool {
    switch self {
    case .eb, .ew, .ed, .ev, .es, .gb, .gw, .gv, .gy, .ry, .m, .mb, .my, .mp, .sw, .cy, .dy: true
    default: false
    }
  }

  /// Whether an instruction whose first operand this is works on bytes.
  var makesByte: Bool {
    switch self {
    case .eb, .gb, .zb, .al, .mb, .ob: true
    default: false
    }
  }
}

/// Properties of a row that decoding or the semantics need.
struct X86Attributes: OptionSet, Sendable {
  var rawValue: UInt32
  /// LOCK is allowed when the destination is in memory.
  static let lock = X86Attributes(rawValue: 1)
  /// Undefined in 64-bit mode.
  static let no64 = X86Attributes(rawValue: 2)
  /// Undefined outside 64-bit mode.
  static let only64 = X86Attributes(rawValue: 4)
  /// In 64-bit mode the operand size is 64 bits, or 16 with the 66 prefix.
  static let default64 = X86Attributes(rawValue: 8)
  /// In 64-bit mode the operand size is always 64 bits.
  static let force64 = X86Attributes(rawValue: 16)
  /// ModRM must name memory.
  static let memory = X86Attributes(rawValue: 32)
  /// ModRM must name a register.
  static let register = X86Attributes(rawValue: 64)
  /// The F3 prefix is part of the opcode.
  static let prefixF3 = X86Attributes(rawValue: 128)
  /// REX.B must be absent.
  static let noREXB = X86Attributes(rawValue: 256)
  /// The operand size is at most 32 bits.
  static let max32 = X86Attributes(rawValue: 512)
  /// The operand size is 64 bits in 64-bit mode, else 32.
  static let modeSize = X86Attributes(rawValue: 1024)
  /// Works on bytes.
  static let byte = X86Attributes(rawValue: 2048)
  /// The bit offset reaches beyond the operand.
  static let bitString = X86Attributes(rawValue: 4096)
  /// Undefined in real mode.
  static let protected = X86Attributes(rawValue: 8192)
  /// Operands are not accessed.
  static let hint = X86Attributes(rawValue: 16384)

  /// REX.R must be present.
  static let rexR = X86Attributes(rawValue: 32768)

  /// Not with the F2 and F3 prefixes, which make it another instruction.
  static let noRepeat = X86Attributes(rawValue: 65536)
  /// Nor with the 66 prefix.
  static let noPrefix = X86Attributes(rawValue: 131072)

  /// The F2 prefix is part of the opcode.
  static let prefixF2 = X86Attributes(rawValue: 262144)
  /// Only on the 8086.
  static let only86 = X86Attributes(rawValue: 524288)

  // From the top: what only rows that are named need.
  /// The 66 prefix is part of the opcode.
  static let prefix66 = X86Attributes(rawValue: 1 << 31)
  /// REX.W must be present.
  static let rexW = X86Attributes(rawValue: 1 << 29)
  /// Every ModRM byte names a register.
  static let anyMod = X86Attributes(rawValue: 1 << 28)

  static let names: [String: X86Attributes] = [
    "np": [.noRepeat, .noPrefix], "66": [.prefix66, .noRepeat], "rexw": .rexW,
    "anymod": .anyMod,
    "lock": .lock, "no64": .no64, "only64": .only64, "d64": .default64, "f64": .force64, "mem": .memory,
    "reg": .register, "f3": .prefixF3, "norexb": .noREXB, "max32": .max32, "modesize": .modeSize,
    "byte": .byte, "bitstring": .bitString, "prot": .protected, "hint": .hint, "rexr": .rexR,
    "norepeat": .noRepeat, "noprefix": [.noRepeat, .noPrefix], "f2": .prefixF2, "only86": .only86,
  ]
}

/// One row of the instruction table: an opcode with its operands and what it does.
///
/// Instructions that are only named are in ``X86NamedRow``.
struct X86Row: Sendable {
  /// Opcode map in bits 8–9 (0: one byte, 1: 0F, 2: 0F38, 3: 0F3A), opcode in bits 0–7.
  var opcode: Int
  /// ModRM.reg that selects the row; `nil` for any.
  var digit: UInt8?
  /// The whole ModRM byte that selects the row; `nil` for any.
  var exactModRM: UInt8?
  /// The low three bits of the opcode are a register.
  var plusRegister: Bool
  var hasModRM: Bool
  var mnemonic: String
  var operands: [X86OperandCode]
  var operation: X86Operation
  var attributes: X86Attributes
  /// Condition number of jcc, setcc, cmovcc.
  var condition: UInt8
  /// Segment register number of the segment operations.
  var segment: UInt8
  /// Which models have it, one bit for each ``X86CPUModel/code``.
  var models: UInt8

  /// The rows of the table, in order; the decoder takes the first that fits.
  static let all: [X86Row] =
    (X86ModelRows.lines + X86Rows.lines).map(X86Row.init(line:)) + [tooLong]

  /// What more than fifteen bytes mean.
  static let tooLong = X86Row(line: "0F3AFF | (too long) | tooLong |")
  /// What bytes without a meaning mean.
  static let undefinedIndex = all.firstIndex { $0.operation == .ud } ?? 0
  static let tooLongIndex = all.count - 1

  /// Reads a line of ``X86Rows``; a bad line is a programming error.
  init(line: String) {
    let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(trimmed)
    precondition(fields.count == 4, "instruction table: four fields expected: \(line)")
    let pattern = fields[0].split(separator: " ")
    var text = pattern[0]
    plusRegister = text.hasSuffix("+r")
    if plusRegister { text = text.dropLast(2) }
    var map = 0
    for (prefix, number) in [("0F38", 2), ("0F3A", 3), ("0F", 1)] where text.count > prefix.count {
      if text.hasPrefix(prefix) {
        map = number
        text = text.dropFirst(prefix.count)
        break
      }
    }
    guard let byte = Int(text, radix: 16) else { preconditionFailure("instruction table: opcode: \(line)") }
    opcode = map << 8 | byte
    digit = nil
    exactModRM = nil
    hasModRM = pattern.count > 1
    if pattern.count > 1, pattern[1] != "/r" {
      if pattern[1].hasPrefix("/") {
        digit = UInt8(pattern[1].dropFirst())
      } else {
        exactModRM = UInt8(pattern[1], radix: 16)
      }
    }
    var words: [Substring] = []
    operands = []
    for word in fields[1].split(whereSeparator: { $0 == " " || $0 == "," }) {
      if let code = X86OperandCode(rawValue: String(word)) {
        operands.append(code)
      } else {
        words.append(word)
      }
    }
    mnemonic = words.joined(separator: " ")
    guard let operation = X86Operation(rawValue: String(fields[2])) else {
      preconditionFailure("instruction table: operation: \(line)")
    }
    self.operation = operation
    attributes = []
    condition = 0
    segment = 0
    models = 0
    for word in fields[3].split(separator: " ") {
      if word.hasPrefix("cc=") {
        condition = UInt8(word.dropFirst(3)) ?? 0
      } else if word.hasPrefix("seg=") {
        segment = UInt8(word.dropFirst(4)) ?? 0
      } else if let attribute = X86Attributes.names[String(word)] {
        attributes.insert(attribute)
      } else {
        preconditionFailure("instruction table: attribute \(word): \(line)")
      }
    }
    if let first = operands.first, first.makesByte { attributes.insert(.byte) }
    models = X86ModelRows.models(
      opcode: opcode, isOnly86: attributes.contains(.only86),
      hasPrefix: !attributes.isDisjoint(with: [.prefixF2, .prefixF3]))
  }
}

/// `text` without blanks at its ends.
func trimmed(_ text: Substring) -> Substring {
  var text = text
  while text.first == " " { text.removeFirst() }
  while text.last == " " { text.removeLast() }
  return text
}

/// The parameters of a row's meaning that an encoding fixes.
struct X86Form: Sendable, Hashable {
  /// Operand width.
  var operand: Width = .bits32
  /// Width of effective addresses.
  var address: Width = .bits32
  /// Width of the stack pointer.
  var stack: Width = .bits32
  /// 0 for none, 1 for REP or REPE, 2 for REPNE.
  var repeats: UInt8 = 0
  /// 64-bit mode.
  var is64: Bool { stack == .bits64 }

  /// Number 0…2 of a width above a byte.
  static func number(_ width: Width) -> Int {
    switch width {
    case .bits8, .bits16: 0
    case .bits32: 1
    case .bits64: 2
    }
  }
  static let wide: [Width] = [.bits16, .bits32, .bits64]
}

extension X86Row {
  /// Whether the meaning depends on the address size.
  var dependsOnAddress: Bool {
    switch operation {
    case .movs, .stos, .lods, .scas, .cmps, .ins, .outs, .loop, .loope, .loopne, .jcxz, .xlat: true
    case .bt, .bts, .btr, .btc: attributes.contains(.bitString)
    case .callFar, .jmpFar, .bound, .loadFar, .sgdt, .sidt, .lgdt, .lidt, .cmpxchg8b: true
    default: false
    }
  }

  /// Whether the meaning depends on the width of the stack pointer, or on 64-bit mode.
  var dependsOnStack: Bool {
    switch operation {
    case .push, .pushStack, .pop, .pusha, .popa, .pushf, .popf, .enter, .leave, .call, .ret, .callFar,
      .retFar, .iret,
      .int, .int1, .int3, .into, .pushSegment, .popSegment, .jmpFar, .movToSegment, .loadFar, .lgdt, .lidt,
      .sgdt, .sidt,
      .lar, .lsl:
      true
    default: false
    }
  }

  /// Whether REP prefixes change the meaning.
  ///
  /// The 8086 negates the results of MUL, IMUL and IDIV with such a prefix.
  var dependsOnRepeat: Bool {
    switch operation {
    case .mul, .imul, .idiv, .movs, .stos, .lods, .scas, .cmps, .ins, .outs: true
    default: false
    }
  }

  /// How many definitions the row has.
  var formCount: Int {
    (attributes.contains(.byte) ? 1 : 3) * (dependsOnAddress ? 3 : 1) * (dependsOnStack ? 3 : 1)
      * (dependsOnRepeat ? 3 : 1)
  }

  /// Which of the row's definitions a form is.
  func formIndex(_ form: X86Form) -> Int {
    var index = attributes.contains(.byte) ? 0 : X86Form.number(form.operand)
    if dependsOnAddress { index = index * 3 + X86Form.number(form.address) }
    if dependsOnStack { index = index * 3 + X86Form.number(form.stack) }
    if dependsOnRepeat { index = index * 3 + Int(form.repeats) }
    return index
  }

  /// The form of a definition; the inverse of ``formIndex(_:)``.
  func form(at index: Int) -> X86Form {
    var index = index
    var form = X86Form()
    if dependsOnRepeat {
      form.repeats = UInt8(index % 3)
      index /= 3
    }
    if dependsOnStack {
      form.stack = X86Form.wide[index % 3]
      index /= 3
    }
    if dependsOnAddress {
      form.address = X86Form.wide[index % 3]
      index /= 3
    }
    form.operand = attributes.contains(.byte) ? .bits8 : X86Form.wide[index]
    return form
  }
}
