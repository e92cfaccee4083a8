#if os(Linux) && arch(x86_64)
  internal import MachineCore
  internal import Trace

  /// What the bytes of a single-instruction case say about it, for judging what the hardware did.
  struct NativeCase {
    let operation: X86Operation
    let row: X86Row
    let length: Int
    let hasLock: Bool
    let hasRepeat: Bool
    /// Address-size prefix, REX and opcode bytes as they stand.
    let hasAddressPrefix: Bool
    let rex: UInt8
    /// Opcode without its map; the map's bytes come before it.
    let opcode: UInt8
    let map: Int
    let hasOperandPrefix: Bool
    let width: Width
    let operands: [Operand]
    let state: ProcessorState

    /// `nil` for bytes that are no instruction.
    init?(_ tried: X86FuzzCase, _ machine: X86FuzzMachine) {
      guard
        case .decoded(let decoded) = X86Decoder.shared.decode(
          InstructionBytes(tried.bytes), context: X86DecodeContext(machine.mode).on(machine.model))
      else { return nil }
      row = X86Row.all[decoded.row]
      operation = row.operation
      length = decoded.length
      width = decoded.form.operand
      operands = (0..<decoded.operandCount).map { decoded.operands[$0] }
      state = tried.state
      var lock = false
      var repeats = false
      var address = false
      var operand = false
      var last: UInt8 = 0
      var place = 0
      prefixes: while place < tried.bytes.count {
        let byte = tried.bytes[place]
        switch byte {
        case 0xF0: lock = true
        case 0xF2, 0xF3: repeats = true
        case 0x67: address = true
        case 0x66: operand = true
        case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65: break
        case 0x40...0x4F: last = byte
        default: break prefixes
        }
        if byte & 0xF0 != 0x40 { last = 0 }
        place += 1
      }
      (hasLock, hasRepeat, hasAddressPrefix, rex) = (lock, repeats, address, last)
      hasOperandPrefix = operand
      map = place + 1 < tried.bytes.count && tried.bytes[place] == 0x0F ? 1 : 0
      opcode = place + map < tried.bytes.count ? tried.bytes[place + map] : 0
    }

    /// Linear address of an operand in memory.
    func address(_ operand: Operand) -> UInt64? {
      guard operand.kind == .memory else { return nil }
      func value(_ register: RegisterID) -> UInt64 {
        switch register {
        case Operand.noRegister: 0
        case Operand.nextPC: state[.rip] &+ UInt64(length)
        default: state.registers[Int(register)]
        }
      }
      let offset =
        (value(operand.register) &+ value(operand.index) << UInt64(operand.shift) &+ operand.value)
        & operand.addressWidth.mask
      return offset &+ (operand.segment == 4 ? state[.fsBase] : operand.segment == 5 ? state[.gsBase] : 0)
    }

    /// Whether it is a locked access to more than one cache line.
    var isSplitLock: Bool {
      guard hasLock || operation == .xchg, var first = operands.first.flatMap(address),
        let operand = operands.first
      else { return false }
      if row.attributes.contains(.bitString), operands.count > 1, operands[1].kind == .register {
        let bits = UInt64(width.rawValue)
        let number = state.registers[Int(operands[1].register)]
        let signed = Int64(bitPattern: number << (64 - bits)) >> Int64(64 - bits)
        first = first &+ UInt64(bitPattern: signed >> Int64(bits.trailingZeroBitCount) &* Int64(width.bytes))
        first &= operand.addressWidth.mask
      }
      let size =
        operation == .cmpxchg8b ? (width == .bits64 ? 16 : 8) : UInt64(max(operand.width.bytes, 1))
      return first & 63 &+ size > 64
    }
  }
#endif
