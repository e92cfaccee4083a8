import MachineCore

/// How the slots of a core's register file are used.
///
/// A slot holds 64 bits. First come the instruction set's registers, then a few fixed slots, then
/// constants and the locals and temporaries of procedures. Nothing is ever called recursively, so
/// every procedure has its own slots for good.
struct SlotLayout {
  /// Slots in a file: as many as 16-bit numbers can name.
  static let capacity = 65536

  /// Registers of the instruction set, at slots 0, 1, 2, …
  let registers: Int
  /// Always zero.
  let zero: UInt16
  /// Address of the next instruction in sequence.
  let nextPC: UInt16
  /// First four bytes of the instruction.
  let word: UInt16
  /// First slot for everything else.
  let firstFree: Int

  init(registers: Int) {
    self.registers = registers
    zero = UInt16(registers)
    nextPC = UInt16(registers + 1)
    word = UInt16(registers + 2)
    firstFree = registers + 3
  }
}

/// Slots of one effect list: its locals and its temporaries.
struct Frame {
  /// Slots of locals, by number.
  var locals: [Local: UInt16] = [:]
  /// First slot of the temporaries.
  var next: Int
  /// Behind the last slot.
  let end: Int
}

/// Where a procedure starts and where it takes and leaves its values.
struct LoweredProcedure {
  var start: Int
  var parameters: [UInt16]
  /// Slot that holds the way back.
  var back: UInt16
  var result: UInt16
}

/// Kinds and widths of the four operands that a definition is lowered for.
struct OperandShape: Hashable {
  private(set) var bits: UInt16 = 0

  init(_ operands: borrowing InlineArray<4, Operand>) {
    for index in 0..<4 {
      let operand = operands[index]
      let width: UInt16 =
        switch operand.width {
        case .bits8: 0
        case .bits16: 1
        case .bits32: 2
        case .bits64: 3
        }
      bits |= (UInt16(operand.kind.rawValue) << 2 | width) << UInt16(index * 4)
    }
  }

  private init(bits: UInt16) { self.bits = bits }
  /// No operands at all; for procedures.
  static let none = OperandShape(bits: 0)

  func kind(_ index: Int) -> Operand.Kind {
    guard (0..<4).contains(index) else { return .none }
    return Operand.Kind(rawValue: UInt8(bits >> UInt16(index * 4 + 2) & 3)) ?? .none
  }

  func width(_ index: Int) -> Width {
    guard (0..<4).contains(index) else { return .bits8 }
    switch bits >> UInt16(index * 4) & 3 {
    case 0: return .bits8
    case 1: return .bits16
    case 2: return .bits32
    default: return .bits64
    }
  }
}
