public import MachineCore
import Trace

/// What the decoder must know of the processor's state: ``InstructionSet/decode(_:context:)``.
public struct X86DecodeContext: Sendable, Hashable {
  /// Bits 0–1: code size (0: 16, 1: 32, 2: 64 bits); bit 2: 32-bit stack pointer; bit 3: protected mode;
  /// bits 4–5: ``X86CPUModel/code``.
  public var rawValue: UInt64

  /// A context from its bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// A context from its parts.
  public init(code: Width, stack: Width, protected: Bool) {
    rawValue = UInt64(X86Form.number(code)) | (stack == .bits32 ? 4 : 0) | (protected ? 8 : 0)
  }

  /// Real mode, 16 bits.
  public static let real16 = X86DecodeContext(code: .bits16, stack: .bits16, protected: false)
  /// Protected mode, flat 32 bits.
  public static let flat32 = X86DecodeContext(code: .bits32, stack: .bits32, protected: true)
  /// Long mode, 64 bits.
  public static let long64 = X86DecodeContext(code: .bits64, stack: .bits64, protected: true)

  /// How code is read in the mode that a machine starts in.
  public init(_ mode: X86Mode) {
    switch mode {
    case .real16: self = .real16
    case .protected32: self = .flat32
    case .long64: self = .long64
    }
  }

  /// The same for another processor model.
  public func on(_ model: X86CPUModel) -> X86DecodeContext {
    X86DecodeContext(rawValue: rawValue & ~0x30 | model.code << 4)
  }

  /// The processor model.
  public var model: X86CPUModel { X86CPUModel(code: rawValue >> 4) }
  /// Default operand and address width: 16, 32 or 64 bits.
  public var code: Width { X86Form.wide[min(Int(rawValue & 3), 2)] }
  /// Width of the stack pointer.
  public var stack: Width { code == .bits64 ? .bits64 : rawValue & 4 != 0 ? .bits32 : .bits16 }
  /// Whether CR0.PE is set.
  public var isProtected: Bool { rawValue & 8 != 0 }
}

/// A decoded x86 instruction: the row of the table, the form, and the operands.
struct X86Decoded {
  var row: Int
  var form = X86Form()
  var length = 0
  var operands: InlineArray<4, Operand> = InlineArray(repeating: Operand())
  var operandCount = 0
}

/// Outcome of ``X86Decoder/decode(_:context:)``: what an engine needs.
enum X86DecodeOutcome {
  case decoded(X86Decoded)
  case needsMore
  /// Not carried out; the instruction's text in Intel syntax.
  case unsupported(String)
}

/// Outcome of ``X86Decoder/read(_:context:)``: all that is known of the bytes.
enum X86Reading {
  /// An instruction that is carried out.
  case decoded(X86Decoded)
  /// An instruction that is named only.
  case named(X86NamedInstruction)
  /// VEX, EVEX or XOP.
  case refused(X86RefusedEncoding)
  /// No instruction; that was clear after so many bytes.
  case undefined(Int)
  /// More than fifteen bytes.
  case tooLong
  /// The bytes end too early.
  case needsMore
}

/// Decodes machine code by the instruction table.
struct X86Decoder: Sendable {
  /// The one decoder.
  static let shared = X86Decoder()

  /// Rows that an opcode may mean, in the order in which they are asked.
  private struct Candidates {
    var rows: [Int] = []
    var named: [Int] = []
    var hasModRM = false
  }

  let rows: [X86Row]
  private let named: [X86NamedRow]
  /// By processor model, opcode map and byte.
  private let candidates: [Candidates]
  /// Opcode maps of one model: four, and the suffixes of 3DNow!.
  private static let stride = 5 * 256

  private init() {
    rows = X86Row.all
    named = X86NamedRow.all
    var table = [Candidates](repeating: Candidates(), count: 4 * Self.stride)
    for model in 0..<4 {
      let start = model * Self.stride
      for (index, row) in rows.enumerated() where row.operation != .tooLong {
        guard row.models >> UInt8(model) & 1 != 0 else { continue }
        for register in 0..<(row.plusRegister ? 8 : 1) {
          table[start + row.opcode + register].rows.append(index)
          if row.hasModRM { table[start + row.opcode + register].hasModRM = true }
        }
      }
      // Before x86-64 what has no row is an invalid opcode, but for the coprocessor's instructions.
      for (index, row) in named.enumerated() where model == 0 || row.isCoprocessor {
        table[start + row.opcode].named.append(index)
        if row.hasModRM { table[start + row.opcode].hasModRM = true }
      }
    }
    candidates = table
  }

  /// Decodes the instruction at the start of `bytes` for an engine.
  func decode(_ bytes: InstructionBytes, context: X86DecodeContext) -> X86DecodeOutcome {
    var decoded: X86Decoded
    switch read(bytes, context: context) {
    case .decoded(let found): return .decoded(found)
    case .needsMore: return .needsMore
    case .named(let instruction) where named[instruction.row].isAbsent:
      decoded = X86Decoded(row: X86Row.undefinedIndex)
      decoded.length = instruction.length
    case .named(let instruction):
      return .unsupported(X86Disassembler.text(instruction, pc: 0).rendered(.intel))
    case .refused(let encoding): return .unsupported("\(encoding.text), an instruction of AVX or later")
    case .undefined(let length):
      // The 8086 has no invalid opcodes, but not all of what it does is known.
      if context.model == .i8086 {
        return .unsupported("an encoding without a documented meaning on the 8086")
      }
      decoded = X86Decoded(row: X86Row.undefinedIndex)
      decoded.length = length
    case .tooLong:
      if context.model == .i8086 { return .unsupported("more prefixes than are read at once") }
      decoded = X86Decoded(row: X86Row.tooLongIndex)
      decoded.length = context.model.instructionLimit
    }
    return .decoded(decoded)
  }

  /// Reads the instruction at the start of `bytes`.
  func read(_ bytes: InstructionBytes, context: X86DecodeContext) -> X86Reading {
    var reader = X86ByteReader(bytes: bytes, context: context)
    let outcome = read(&reader)
    let limit = context.model.instructionLimit
    guard reader.overran || reader.position > limit else { return outcome }
    return bytes.count >= limit ? .tooLong : .needsMore
  }

  private func read(_ reader: inout X86ByteReader) -> X86Reading {
    let opcode = reader.readPrefixesAndOpcode()
    if reader.overran { return .needsMore }
    if reader.model == .modern {
      switch reader.readOtherEncoding() {
      case .legacy: break
      case .refused(let encoding): return .refused(encoding)
      case .undefined: return .undefined(reader.position)
      case .needsMore: return .needsMore
      }
      if opcode == 0x10F { return readSuffixed(&reader) }
    }
    let list = candidates[Int(reader.model.code) * Self.stride + opcode]
    if list.hasModRM { reader.readModRM() }
    if reader.overran { return .needsMore }
    for index in list.rows where fits(rows[index], reader) {
      return finish(index, &reader)
    }
    for index in list.named where fits(named[index], reader) {
      return finishNamed(index, &reader)
    }
    return .undefined(reader.position)
  }

  /// 3DNow!: the byte behind the operands is the opcode.
  private func readSuffixed(_ reader: inout X86ByteReader) -> X86Reading {
    reader.readModRM()
    reader.readAddress()
    let opcode = 4 << 8 | Int(reader.byte())
    if reader.overran { return .needsMore }
    guard let index = candidates[opcode].named.first, !reader.hasLock else {
      return .undefined(reader.position)
    }
    var found = X86NamedInstruction(row: index, reader, width: .bits64)
    found.length = reader.position
    return .named(found)
  }

  private func fits<Row: X86Pattern>(_ row: Row, _ reader: X86ByteReader) -> Bool {
    let attributes = row.attributes
    if attributes.contains(reader.is64 ? .no64 : .only64) { return false }
    if attributes.contains(.prefixF3), reader.repeatPrefix != 0xF3 { return false }
    if attributes.contains(.prefixF2), reader.repeatPrefix != 0xF2 { return false }
    if attributes.contains(.prefix66), !reader.hasOperandPrefix { return false }
    if attributes.contains(.noREXB), reader.rex & 1 != 0 { return false }
    if attributes.contains(.noRepeat), reader.repeatPrefix != 0 { return false }
    if attributes.contains(.noPrefix), reader.hasOperandPrefix { return false }
    if attributes.contains(.rexR), reader.rex & 4 == 0 { return false }
    if attributes.contains(.rexW), reader.rex & 8 == 0 { return false }
    if attributes.contains(.protected), !reader.context.isProtected { return false }
    guard row.hasModRM else { return true }
    if let digit = row.digit, digit != reader.reg { return false }
    if let exact = row.exactModRM, exact != reader.modRM { return false }
    if attributes.contains(.memory), reader.mod == 3 { return false }
    return !(attributes.contains(.register) && reader.mod != 3)
  }

  private func finish(_ index: Int, _ reader: inout X86ByteReader) -> X86Reading {
    let row = rows[index]
    var decoded = X86Decoded(row: index)
    decoded.form.operand = reader.operandWidth(row.attributes)
    decoded.form.address = reader.addressWidth
    decoded.form.stack = reader.context.stack
    decoded.form.repeats = reader.repeatPrefix == 0xF3 ? 1 : reader.repeatPrefix == 0xF2 ? 2 : 0
    // Moves of control registers take every ModRM byte as one that names a register.
    if row.hasModRM, !row.operands.contains(.ry) { reader.readAddress() }
    var isUndefined = false
    for code in row.operands {
      let operand = reader.operand(code, decoded.form, &isUndefined)
      if reader.overran { return .needsMore }
      decoded.operands[decoded.operandCount] = operand
      decoded.operandCount += 1
      if code == .ap || code == .mp, decoded.operandCount < 4 {
        decoded.operands[decoded.operandCount] = reader.farSelector
        decoded.operandCount += 1
      }
    }
    if reader.overran { return .needsMore }
    if reader.hasLock, reader.model != .i8086, reader.model != .i80286,
      !row.attributes.contains(.lock) || decoded.operands[0].kind != .memory
    {
      return .undefined(reader.position)
    }
    if isUndefined { return .undefined(reader.position) }
    // POP computes the address of its destination with the stack pointer already incremented.
    if row.operation == .pop, decoded.operands[0].kind == .memory,
      decoded.operands[0].register == 4 || decoded.operands[0].index == 4
    {
      decoded.operands[0].value &+= UInt64(decoded.form.operand.bytes)
    }
    decoded.length = reader.position
    return .decoded(decoded)
  }

  private func finishNamed(_ index: Int, _ reader: inout X86ByteReader) -> X86Reading {
    let row = named[index]
    if row.hasModRM, !row.attributes.contains(.anyMod) { reader.readAddress() }
    let width = reader.operandWidth(row.attributes)
    var found = X86NamedInstruction(row: index, reader, width: width)
    for operand in row.operands {
      switch operand {
      case .immediate(let count): found.append(reader.unsigned(count))
      case .jump: found.append(reader.signed(width == .bits16 ? 2 : 4))
      default: break
      }
    }
    if reader.overran { return .needsMore }
    // None of these instructions may be locked.
    if reader.hasLock { return .undefined(reader.position) }
    found.length = reader.position
    return .named(found)
  }
}
