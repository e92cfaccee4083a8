/// One of the processor's four debug registers, with its part of DR7 (Intel SDM vol. 3, 18.2.4 and 18.2.5).
package struct DebugSlot: Sendable, Equatable {
  /// What the register stops at, as the R/W bits of DR7 have it.
  ///
  /// There is no code for loads alone: 10 stands for port accesses.
  package enum Use: UInt64, Sendable {
    /// Before an instruction.
    case execute = 0b00
    /// After a store.
    case write = 0b01
    /// After a load or a store.
    case access = 0b11
  }

  /// How many there are.
  package static let count = 4

  /// Linear address, a multiple of the length.
  package var address: UInt64
  /// Bytes: 1, 2, 4 or 8; 1 for instructions.
  package var length: Int
  /// What stops.
  package var use: Use

  /// A stop before the instruction at a linear address.
  package init(execution address: UInt64) {
    self.address = address
    length = 1
    use = .execute
  }

  private init(_ address: UInt64, _ length: Int, _ use: Use) {
    self.address = address
    self.length = length
    self.use = use
  }

  /// Registers that stop at stores to any of these bytes, and perhaps to bytes beside them.
  ///
  /// Who looks whether the bytes changed needs no exact cover: so up to eight bytes take two registers at most.
  package static func stores(_ address: UInt64, length: Int) -> [DebugSlot] {
    var slots: [DebugSlot] = []
    var place = address
    var left = length
    while left > 0 {
      let block = place & ~7
      let part = min(left, 8 - Int(place - block))
      var size: UInt64 = 1
      while place & (size - 1) + UInt64(part) > size { size *= 2 }
      slots.append(DebugSlot(place & ~(size - 1), Int(size), .write))
      place &+= UInt64(part)
      left -= part
    }
    return slots
  }

  /// Registers that stop at loads from and stores to exactly these bytes.
  package static func accesses(_ address: UInt64, length: Int) -> [DebugSlot] {
    var slots: [DebugSlot] = []
    var place = address
    var left = length
    while left > 0 {
      var size = 8
      while size > left || place & UInt64(size - 1) != 0 { size /= 2 }
      slots.append(DebugSlot(place, size, .access))
      place &+= UInt64(size)
      left -= size
    }
    return slots
  }

  /// DR7 for registers in this order: the global enable bits, both exact-match bits and the bit that reads as one.
  package static func control(_ slots: [DebugSlot]) -> UInt64 {
    var control: UInt64 = 0x700
    for (number, slot) in slots.prefix(count).enumerated() {
      let length: UInt64 =
        switch slot.length {
        case 2: 0b01
        case 4: 0b11
        case 8: 0b10
        default: 0b00
        }
      control |= 2 << UInt64(number * 2)
      control |= (slot.use.rawValue | length << 2) << UInt64(16 + number * 4)
    }
    return control
  }
}
