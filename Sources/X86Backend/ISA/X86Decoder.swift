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

/// Outcome of ``X86Decoder/decode(_:context:)``.
enum X86DecodeOutcome {
  case decoded(X86Decoded)
  case needsMore
  case unsupported(String)
}

/// Decodes machine code by the instruction table.
struct X86Decoder: Sendable {
  /// The one decoder.
  static let shared = X86Decoder()

  let rows: [X86Row]
  /// Row numbers by processor model, opcode map and byte.
  private let candidates: [[Int]]

  private init() {
    rows = X86Row.all
    var table = [[Int]](repeating: [], count: 4096)
    for (index, row) in rows.enumerated() where row.operation != .tooLong {
      for model in 0..<4 where row.models >> UInt8(model) & 1 != 0 {
        for register in 0..<(row.plusRegister ? 8 : 1) {
          table[model << 10 | row.opcode + register].append(index)
        }
      }
    }
    candidates = table
  }

  /// Decodes the instruction at the start of `bytes`.
  func decode(_ bytes: InstructionBytes, context: X86DecodeContext) -> X86DecodeOutcome {
    var reader = X86ByteReader(bytes: bytes, context: context)
    let outcome = decode(&reader)
    let limit = context.model.instructionLimit
    guard reader.overran || reader.position > limit else { return outcome }
    guard bytes.count >= limit else { return .needsMore }
    if context.model == .i8086 { return .unsupported("more prefixes than are read at once") }
    var decoded = X86Decoded(row: X86Row.tooLongIndex)
    decoded.length = limit
    return .decoded(decoded)
  }

  private func undefined(_ reader: X86ByteReader) -> X86DecodeOutcome {
    // The 8086 has no invalid opcodes, but not all of what it does is known.
    if reader.model == .i8086 { return .unsupported("an encoding without a documented meaning on the 8086") }
    var decoded = X86Decoded(row: X86Row.undefinedIndex)
    decoded.length = reader.position
    return .decoded(decoded)
  }

  private func decode(_ reader: inout X86ByteReader) -> X86DecodeOutcome {
    let opcode = reader.readPrefixesAndOpcode()
    if reader.overran { return .needsMore }
    let list = candidates[Int(reader.model.code) << 10 | opcode]
    guard !list.isEmpty else { return unknown(opcode, &reader) }
    if rows[list[0]].hasModRM || list.count > 1 && rows[list[1]].hasModRM {
      reader.readModRM()
      if reader.overran { return .needsMore }
    }
    for index in list where fits(rows[index], reader) {
      return finish(index, &reader)
    }
    return unknown(opcode, &reader)
  }

  private func fits(_ row: X86Row, _ reader: X86ByteReader) -> Bool {
    let attributes = row.attributes
    if attributes.contains(reader.is64 ? .no64 : .only64) { return false }
    if attributes.contains(.prefixF3), reader.repeatPrefix != 0xF3 { return false }
    if attributes.contains(.prefixF2), reader.repeatPrefix != 0xF2 { return false }
    if attributes.contains(.noREXB), reader.rex & 1 != 0 { return false }
    if attributes.contains(.noRepeat), reader.repeatPrefix != 0 { return false }
    if attributes.contains(.noPrefix), reader.hasOperandPrefix { return false }
    if attributes.contains(.rexR), reader.rex & 4 == 0 { return false }
    if attributes.contains(.protected), !reader.context.isProtected { return false }
    guard row.hasModRM else { return true }
    if let digit = row.digit, digit != reader.reg { return false }
    if let exact = row.exactModRM, exact != reader.modRM { return false }
    if attributes.contains(.memory), reader.mod == 3 { return false }
    return !(attributes.contains(.register) && reader.mod != 3)
  }

  private func finish(_ index: Int, _ reader: inout X86ByteReader) -> X86DecodeOutcome {
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
      return undefined(reader)
    }
    if isUndefined { return undefined(reader) }
    // POP computes the address of its destination with the stack pointer already incremented.
    if row.operation == .pop, decoded.operands[0].kind == .memory, decoded.operands[0].register == 4 {
      decoded.operands[0].value &+= UInt64(decoded.form.operand.bytes)
    }
    decoded.length = reader.position
    return .decoded(decoded)
  }

  private func unknown(_ opcode: Int, _ reader: inout X86ByteReader) -> X86DecodeOutcome {
    // Before x86-64 what has no row is an invalid opcode, but for the coprocessor's instructions.
    let isCoprocessor = 0xD8...0xDF ~= opcode || opcode == 0x9B
    if reader.model == .modern || isCoprocessor,
      let name = X86Unsupported.name(opcode: opcode, modRM: reader.modRM, is64: reader.is64)
    {
      return .unsupported(name)
    }
    return undefined(reader)
  }
}
