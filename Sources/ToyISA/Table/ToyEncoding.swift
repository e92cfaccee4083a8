internal import MachineCore

/// The operand fields of an instruction word.
public enum ToyField: Sendable, Equatable {
  case a, b, c
  case signed16, unsigned16, shift5, upper20, words16, words20

  /// Lowest bit and width.
  var place: (shift: UInt32, bits: UInt32) {
    switch self {
    case .a: (20, 4)
    case .b: (16, 4)
    case .c: (12, 4)
    case .signed16, .unsigned16, .words16: (0, 16)
    case .shift5: (0, 5)
    case .upper20, .words20: (0, 20)
    }
  }

  /// Values the field can hold, as the assembler writes them (targets in bytes from the instruction).
  public var range: ClosedRange<Int64> {
    switch self {
    case .a, .b, .c: 0...15
    case .signed16: -0x8000...0x7FFF
    case .unsigned16: 0...0xFFFF
    case .shift5: 0...31
    case .upper20: 0...0xFFFFF
    case .words16: -0x20000...0x1FFFC
    case .words20: -0x200000...0x1FFFFC
    }
  }

  /// The field's value in a word.
  func extract(_ word: UInt32) -> Int64 {
    let (shift, bits) = place
    let raw = Int64((word >> shift) & ((1 << bits) - 1))
    let signed = raw >= 1 << (bits - 1) ? raw - (1 << bits) : raw
    switch self {
    case .signed16: return signed
    case .words16, .words20: return signed * 4
    default: return raw
    }
  }

  /// The word bits that hold `value`, which must be in ``range``.
  func insert(_ value: Int64) -> UInt32 {
    let (shift, bits) = place
    let scaled = self == .words16 || self == .words20 ? value / 4 : value
    return (UInt32(truncatingIfNeeded: scaled) & ((1 << bits) - 1)) << shift
  }
}

extension ToyFormat {
  /// Fields in the order of the assembly operands.
  public var fields: [ToyField] {
    switch self {
    case .none: []
    case .rd: [.a]
    case .rs: [.b]
    case .rdRsRs: [.a, .b, .c]
    case .rdRsSigned: [.a, .b, .signed16]
    case .rdRsUnsigned: [.a, .b, .unsigned16]
    case .rdRsShift: [.a, .b, .shift5]
    case .rdUpper: [.a, .upper20]
    case .rdMemory, .rsMemory: [.a, .b, .signed16]
    case .memory: [.b, .signed16]
    case .rdRsIndirect: [.a, .c, .b]
    case .branch: [.a, .b, .words16]
    case .rdTarget: [.a, .words20]
    case .immediate: [.unsigned16]
    case .rdPort, .rsPort: [.a, .b, .unsigned16]
    }
  }

  /// Bits below the opcode that belong to a field; the others must be zero.
  public var mask: UInt32 {
    fields.reduce(0) { $0 | ((1 << $1.place.bits) - 1) << $1.place.shift }
  }

  /// The operands as the semantics see them.
  func operands(_ word: UInt32) -> InlineArray<4, Operand> {
    var result = InlineArray<4, Operand>(repeating: Operand())
    func register(_ field: ToyField) -> Operand {
      .register(RegisterID(field.extract(word)), .bits32)
    }
    func immediate(_ field: ToyField) -> Operand {
      .immediate(UInt64(UInt32(truncatingIfNeeded: field.extract(word))), .bits32)
    }
    func memory(_ displacement: Int64) -> Operand {
      .memory(
        .bits32, base: RegisterID(ToyField.b.extract(word)),
        displacement: UInt64(bitPattern: displacement))
    }
    switch self {
    case .none: break
    case .rd: result[0] = register(.a)
    case .rs: result[0] = register(.b)
    case .rdRsRs:
      result[0] = register(.a)
      result[1] = register(.b)
      result[2] = register(.c)
    case .rdRsSigned, .rdRsUnsigned, .rdRsShift, .branch, .rdPort, .rsPort:
      result[0] = register(.a)
      result[1] = register(.b)
      result[2] = immediate(fields[2])
    case .rdUpper:
      result[0] = register(.a)
      result[1] = .immediate(UInt64(word & 0xFFFFF) << 12, .bits32)
    case .rdMemory, .rsMemory:
      result[0] = register(.a)
      result[1] = memory(ToyField.signed16.extract(word))
    case .memory: result[0] = memory(ToyField.signed16.extract(word))
    case .rdRsIndirect:
      result[0] = register(.a)
      result[1] = register(.c)
      result[2] = memory(0)
    case .rdTarget:
      result[0] = register(.a)
      result[1] = immediate(.words20)
    case .immediate: result[0] = immediate(.unsigned16)
    }
    return result
  }
}

/// Encoding and decoding, from the table.
public enum ToyCodec {
  /// Row number by opcode; 255 where there is no instruction.
  public static let rowByOpcode: [UInt8] = {
    var rows = [UInt8](repeating: 255, count: 256)
    for (index, row) in toyTable.enumerated() { rows[Int(row.opcode)] = UInt8(index) }
    return rows
  }()
  static let masks: [UInt32] = toyTable.map(\.format.mask)
  static let fieldsByRow: [[ToyField]] = toyTable.map(\.format.fields)

  /// Row number of the instruction that `word` is, or `nil` if it is illegal.
  public static func row(of word: UInt32) -> Int? {
    let row = rowByOpcode[Int(word >> 24)]
    guard row != 255, word & 0x00FF_FFFF & ~masks[Int(row)] == 0 else { return nil }
    return Int(row)
  }

  /// The word for a row and its field values in assembly order, or `nil` when a value does not fit.
  public static func encode(row: Int, _ values: [Int64]) -> UInt32? {
    let fields = fieldsByRow[row]
    guard fields.count == values.count else { return nil }
    var word = UInt32(toyTable[row].opcode) << 24
    for (field, value) in zip(fields, values) {
      guard field.range.contains(value) else { return nil }
      if field == .words16 || field == .words20, value % 4 != 0 { return nil }
      word |= field.insert(value)
    }
    return word
  }

  /// Row and field values in assembly order, or `nil` for an illegal word.
  public static func fields(of word: UInt32) -> (row: Int, values: [Int64])? {
    guard let row = row(of: word) else { return nil }
    return (row, fieldsByRow[row].map { $0.extract(word) })
  }
}
