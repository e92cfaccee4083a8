import MachineCore
import Trace

/// A decoded instruction that is named only: its row and the fields that its text is made of.
struct X86NamedInstruction {
  /// Index into ``X86NamedRow/all``.
  var row: Int
  var modRM: UInt8
  var rex: UInt8
  /// The operand size.
  var width: Width
  /// The memory operand, if ModRM names one.
  var place: Operand
  var code: Width
  var addressWidth: Width
  var length = 0
  /// Immediates in their order.
  var immediates: InlineArray<2, UInt64> = InlineArray(repeating: 0)
  var immediateCount = 0

  init(row: Int, _ reader: X86ByteReader, width: Width) {
    self.row = row
    modRM = reader.modRM
    rex = reader.rex
    self.width = width
    place = reader.place
    code = reader.context.code
    addressWidth = reader.addressWidth
  }

  mutating func append(_ value: UInt64) {
    guard immediateCount < 2 else { return }
    immediates[immediateCount] = value
    immediateCount += 1
  }

  /// Bits of a general register of this size.
  func width(_ size: X86NamedOperand.Size) -> Width {
    switch size {
    case .byte: .bits8
    case .word: .bits16
    case .doubleword: .bits32
    case .operand: width
    case .wide: rex & 8 != 0 ? .bits64 : .bits32
    case .mode: code == .bits64 ? .bits64 : .bits32
    case .address: addressWidth
    }
  }
}
