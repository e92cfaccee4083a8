public import MachineCore
public import Trace

/// The x86 instruction set as data, in 16-, 32- and 64-bit modes.
public struct X86InstructionSet: InstructionSet {
  /// The processor whose instructions and differences these are.
  public let model: X86CPUModel

  /// The instruction set as this processor has it.
  public init(model: X86CPUModel = .modern) { self.model = model }

  public var name: String { "x86" }
  public var variant: String { model.rawValue }
  public var registers: [RegisterDescriptor] { X86Register.table(of: model) }
  public var auxiliaries: [AuxiliaryDescriptor] {
    [
      AuxiliaryDescriptor("fault details", role: .control),
      AuxiliaryDescriptor("small pages", role: .relocation),
      AuxiliaryDescriptor("large pages", role: .relocation),
      AuxiliaryDescriptor("small global pages", role: .relocation),
      AuxiliaryDescriptor("large global pages", role: .relocation),
      AuxiliaryDescriptor("breakpoints met", role: .control),
    ]
  }
  public var causes: [String] { Self.causeNames }
  public var fetchUnit: Int { 1 }
  public var definitions: [InstructionDefinition] { X86Definitions.of(model).definitions }
  public var system: SystemSemantics { X86System.semantics(of: model) }

  /// Names of the exception vectors.
  public static let causeNames = [
    "divide error", "debug", "non-maskable interrupt", "breakpoint", "overflow", "bound range",
    "undefined opcode", "device not available", "double fault", "coprocessor overrun", "invalid TSS",
    "segment not present", "stack fault", "general protection", "page fault", "reserved", "x87 error",
    "alignment check", "machine check", "SIMD error",
  ]

  public func decode(_ bytes: InstructionBytes, context: UInt64) -> DecodeResult {
    switch X86Decoder.shared.decode(bytes, context: X86DecodeContext(rawValue: context).on(model)) {
    case .needsMore: return .needsMore
    case .unsupported(let name): return .unsupported(name)
    case .decoded(let decoded):
      var instruction = DecodedInstruction(
        definition: X86Definitions.of(model).index(decoded.row, decoded.form), length: decoded.length)
      instruction.operands = decoded.operands
      return .instruction(instruction)
    }
  }

  public func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64) -> String {
    disassembly(of: bytes, pc: pc, context: X86DecodeContext(rawValue: context), syntax: .intel).text
  }

  /// The instruction as text in a syntax; `pc` makes branch targets absolute.
  public func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64, syntax: X86Syntax) -> String
  {
    disassembly(of: bytes, pc: pc, context: X86DecodeContext(rawValue: context), syntax: syntax).text
  }

  /// The instruction at the start of `bytes`: what it is, its length and its text.
  public func disassembly(
    of bytes: InstructionBytes, pc: UInt64, context: X86DecodeContext, syntax: X86Syntax
  ) -> X86Disassembly {
    switch X86Decoder.shared.read(bytes, context: context.on(model)) {
    case .needsMore: return X86Disassembly(.incomplete, length: bytes.count, text: "(incomplete)")
    case .tooLong: return X86Disassembly(.tooLong, length: model.instructionLimit, text: "(too long)")
    case .undefined(let length): return X86Disassembly(.undefined, length: length, text: "(undefined)")
    case .refused(let encoding):
      return X86Disassembly(.refused, length: encoding.length, text: "(\(encoding.text))")
    case .named(let instruction):
      let text = X86Disassembler.text(instruction, pc: pc).rendered(syntax)
      return X86Disassembly(.named, length: instruction.length, text: text)
    case .decoded(let decoded):
      let text = X86Disassembler.text(decoded, pc: pc, bytes: bytes).rendered(syntax)
      return X86Disassembly(.executed, length: decoded.length, text: text)
    }
  }

  /// Length in bytes of the instruction at the start of `bytes`, or of what shows that there is none;
  /// `nil` when it is incomplete.
  public func length(of bytes: InstructionBytes, context: X86DecodeContext) -> Int? {
    switch X86Decoder.shared.read(bytes, context: context.on(model)) {
    case .decoded(let decoded): decoded.length
    case .named(let instruction): instruction.length
    case .refused(let encoding): encoding.length
    case .undefined(let length): length
    case .tooLong: model.instructionLimit
    case .needsMore: nil
    }
  }
}

/// An instruction as the disassembler shows it.
public struct X86Disassembly: Sendable, Hashable {
  /// What some bytes are.
  public enum Kind: String, Sendable {
    /// An instruction that the engines carry out.
    case executed
    /// An instruction that is decoded by name, but not carried out.
    case named
    /// An instruction in VEX, EVEX or XOP encoding: not carried out.
    case refused
    /// No instruction: #UD.
    case undefined
    /// More than fifteen bytes: #GP.
    case tooLong
    /// The bytes end before the instruction does.
    case incomplete
  }

  /// What the bytes are.
  public var kind: Kind
  /// Bytes, 0…15; of what is no instruction, those that were looked at.
  public var length: Int
  /// The instruction, or in parentheses why there is none.
  public var text: String

  init(_ kind: Kind, length: Int, text: String) {
    self.kind = kind
    self.length = length
    self.text = text
  }
}

/// One definition for every row and form.
struct X86Definitions: Sendable {
  private static let modern = X86Definitions(.modern)
  private static let i8086 = X86Definitions(.i8086)
  private static let i80286 = X86Definitions(.i80286)
  private static let i80386 = X86Definitions(.i80386)

  /// The list of a model. Rows that the model lacks are in it, so that numbers are the same for all.
  static func of(_ model: X86CPUModel) -> X86Definitions {
    switch model {
    case .modern: modern
    case .i8086: i8086
    case .i80286: i80286
    case .i80386: i80386
    }
  }

  let definitions: [InstructionDefinition]
  /// Number of the first definition of each row.
  private let first: [Int]

  private init(_ model: X86CPUModel) {
    var definitions: [InstructionDefinition] = []
    var first: [Int] = []
    for row in X86Row.all {
      first.append(definitions.count)
      for index in 0..<row.formCount {
        let form = row.form(at: index)
        definitions.append(
          InstructionDefinition(
            mnemonic: X86Disassembler.mnemonic(row, form), meaning: X86OperationNote[row.operation].meaning,
            effects: X86Semantics(row: row, form: form, model: model).effects))
      }
    }
    self.definitions = definitions
    self.first = first
  }

  /// Number of the definition of a row in a form.
  func index(_ row: Int, _ form: X86Form) -> Int { first[row] + X86Row.all[row].formIndex(form) }
}

extension X86InstructionSet {
  /// Every row of the table as `opcode mnemonic`, for tests: first those that are carried out, then those
  /// that are named only. Rows that only older processors have, and the one for too long instructions, are empty.
  package static let rowNames: [String] =
    X86Row.all.map { row in
      row.models & 1 == 0 || row.operation == .tooLong
        ? "" : String(row.opcode, radix: 16) + " " + row.mnemonic
    }
    + X86NamedRow.all.map { String($0.opcode, radix: 16) + " " + $0.mnemonic }

  /// Index into ``rowNames`` of the row by which `bytes` are decoded; `nil` if there is none.
  package func row(of bytes: InstructionBytes, context: X86DecodeContext) -> Int? {
    switch X86Decoder.shared.read(bytes, context: context.on(model)) {
    case .decoded(let decoded): decoded.row
    case .named(let instruction): X86Row.all.count + instruction.row
    case .tooLong: X86Row.tooLongIndex
    case .refused, .undefined, .needsMore: nil
    }
  }

  /// One opcode of the table, for tests and generators of cases.
  package struct Opcode: Sendable {
    /// Opcode bytes, with the escape bytes before.
    package var bytes: [UInt8]
    /// ModRM.reg that selects the instruction, if one does.
    package var digit: UInt8?
    package var mnemonic: String
  }

  /// Every opcode of the table.
  package static let opcodes: [Opcode] = X86Row.all.filter {
    $0.operation != .tooLong && $0.models & 1 != 0
  }.flatMap { row in
    (0..<(row.plusRegister ? 8 : 1)).map { register in
      let escape: [[UInt8]] = [[], [0x0F], [0x0F, 0x38], [0x0F, 0x3A]]
      var bytes = escape[row.opcode >> 8] + [UInt8(row.opcode & 0xFF) + UInt8(register)]
      if let exact = row.exactModRM { bytes.append(exact) }
      if row.attributes.contains(.prefixF3) { bytes.insert(0xF3, at: 0) }
      if row.attributes.contains(.prefixF2) { bytes.insert(0xF2, at: 0) }
      return Opcode(bytes: bytes, digit: row.digit, mnemonic: row.mnemonic)
    }
  }
}
