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
  public var auxiliaries: [AuxiliaryDescriptor] { [AuxiliaryDescriptor("page-fault code", role: .control)] }
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
    switch X86Decoder.shared.decode(bytes, context: X86DecodeContext(rawValue: context).on(model)) {
    case .needsMore: return "(incomplete)"
    case .unsupported(let name): return "(\(name))"
    case .decoded(let decoded): return X86Disassembler.text(decoded, pc: pc, bytes: bytes)
    }
  }

  /// Length in bytes of the instruction at the start of `bytes`; `nil` when it is incomplete or not known.
  public func length(of bytes: InstructionBytes, context: X86DecodeContext) -> Int? {
    guard case .decoded(let decoded) = X86Decoder.shared.decode(bytes, context: context.on(model)) else {
      return nil
    }
    return decoded.length
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
