public import Trace

/// A decoded operand: a register or part of one, an immediate, or a place in memory.
@frozen
public struct Operand: Sendable, Hashable {
  /// What an operand is.
  public enum Kind: UInt8, Sendable {
    case none, register, immediate, memory
  }

  /// What it is.
  public var kind: Kind
  /// Width in bits.
  public var width: Width
  /// Register operand: lowest bit of the part (8 for x86's AH); memory operand: log2 of the index scale.
  public var shift: UInt8
  /// Register operand: bits outside the part are kept, not cleared.
  public var merges: Bool
  /// Register number, or the base register of a memory operand (``noRegister`` for none,
  /// ``nextPC`` for pc-relative).
  public var register: RegisterID
  /// Index register of a memory operand; ``noRegister`` for none.
  public var index: RegisterID
  /// Segment of a memory operand.
  public var segment: UInt8
  /// Effective addresses are truncated to this width.
  public var addressWidth: Width
  /// Immediate, or displacement of a memory operand, sign-extended.
  public var value: UInt64

  /// No register.
  public static var noRegister: RegisterID { .max }
  /// Base of a pc-relative memory operand: the address of the next instruction.
  public static var nextPC: RegisterID { .max - 1 }

  /// No operand.
  @inlinable public init() {
    kind = .none
    width = .bits32
    shift = 0
    merges = false
    register = Self.noRegister
    index = Self.noRegister
    segment = 0
    addressWidth = .bits32
    value = 0
  }

  /// A register operand.
  @inlinable public static func register(
    _ register: RegisterID, _ width: Width, shift: UInt8 = 0, merges: Bool = false
  ) -> Operand {
    var operand = Operand()
    operand.kind = .register
    operand.width = width
    operand.register = register
    operand.shift = shift
    operand.merges = merges
    return operand
  }

  /// An immediate operand, already extended.
  @inlinable public static func immediate(_ value: UInt64, _ width: Width) -> Operand {
    var operand = Operand()
    operand.kind = .immediate
    operand.width = width
    operand.value = value
    return operand
  }

  /// A memory operand.
  @inlinable public static func memory(
    _ width: Width, base: RegisterID, index: RegisterID = noRegister, scaleShift: UInt8 = 0,
    displacement: UInt64 = 0, segment: UInt8 = 0, addressWidth: Width = .bits32
  ) -> Operand {
    var operand = Operand()
    operand.kind = .memory
    operand.width = width
    operand.register = base
    operand.index = index
    operand.shift = scaleShift
    operand.value = displacement
    operand.segment = segment
    operand.addressWidth = addressWidth
    return operand
  }
}

/// One instruction, decoded: which definition, how long, with which operands.
@frozen
public struct DecodedInstruction: Sendable {
  /// Index into ``InstructionSet/definitions``.
  public var definition: Int
  /// Bytes.
  public var length: Int
  /// Up to four operands.
  public var operands: InlineArray<4, Operand>

  /// A decoded instruction.
  @inlinable public init(definition: Int, length: Int) {
    self.definition = definition
    self.length = length
    operands = InlineArray(repeating: Operand())
  }
}

/// What decoding some bytes gave.
public enum DecodeResult: Sendable {
  case instruction(DecodedInstruction)
  /// The bytes are the beginning of something longer.
  case needsMore
  /// No instruction: the illegal-instruction trap.
  case illegal
  /// A known instruction that this package does not carry out; the text names it.
  case unsupported(String)
}

/// Meaning of one instruction form, in one variant of the instruction set.
public struct InstructionDefinition: Sendable {
  /// Assembly mnemonic.
  public var mnemonic: String
  /// One line.
  public var meaning: String
  /// What it does; falls through to the next instruction unless it writes the program counter.
  public var effects: [Effect]

  /// A definition.
  public init(mnemonic: String, meaning: String, effects: [Effect]) {
    self.mnemonic = mnemonic
    self.meaning = meaning
    self.effects = effects
  }
}

/// An instruction set as data: registers, decoding, and the meaning of every instruction.
public protocol InstructionSet: Sendable {
  /// `"toy"` or `"x86"`.
  var name: String { get }
  /// Which variant or CPU model.
  var variant: String { get }
  /// All registers; their numbers are indices here.
  var registers: [RegisterDescriptor] { get }
  /// Tables inside the processor.
  var auxiliaries: [AuxiliaryDescriptor] { get }
  /// Names of trap and interrupt causes, by number.
  var causes: [String] { get }
  /// Instructions are fetched in units of this many bytes.
  var fetchUnit: Int { get }
  /// Every instruction form with its effects in this variant.
  var definitions: [InstructionDefinition] { get }
  /// Translation, traps, interrupts.
  var system: SystemSemantics { get }

  /// Decodes the instruction that begins with `bytes`.
  func decode(_ bytes: InstructionBytes, context: UInt64) -> DecodeResult
  /// The instruction as text; `pc` makes branch targets absolute.
  func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64) -> String
}
