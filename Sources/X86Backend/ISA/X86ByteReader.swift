import MachineCore
import Trace

/// Reads the fields of one instruction: prefixes, opcode, ModRM, SIB, displacement, immediates.
struct X86ByteReader {
  let bytes: InstructionBytes
  let context: X86DecodeContext
  let is64: Bool
  let model: X86CPUModel
  var position = 0
  /// A byte beyond those given was wanted.
  var overran = false
  var rex: UInt8 = 0
  var hasOperandPrefix = false
  var hasAddressPrefix = false
  var hasLock = false
  /// The last of F2 and F3; 0 for none.
  var repeatPrefix: UInt8 = 0
  /// Segment override as a register number; 0xFF for none.
  var segmentOverride: UInt8 = 0xFF
  var opcodeByte: UInt8 = 0
  var opcodeMap = 0
  var modRM: UInt8 = 0
  var place = Operand()
  var farSelector = Operand()

  init(bytes: InstructionBytes, context: X86DecodeContext) {
    self.bytes = bytes
    self.context = context
    is64 = context.code == .bits64
    model = context.model
  }

  var mod: UInt8 { modRM >> 6 }
  var reg: UInt8 { modRM >> 3 & 7 }

  mutating func byte() -> UInt8 {
    let here = position
    position += 1
    guard here < bytes.count else {
      overran = true
      return 0
    }
    return bytes[here]
  }

  mutating func signed(_ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(byte()) << UInt64(index * 8) }
    let unused = UInt64(64 - count * 8)
    return UInt64(bitPattern: Int64(bitPattern: value << unused) >> Int64(unused))
  }

  mutating func unsigned(_ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(byte()) << UInt64(index * 8) }
    return value
  }

  /// Reads up to and with the opcode; the result is an index of the opcode maps.
  mutating func readPrefixesAndOpcode() -> Int {
    while true {
      let value = byte()
      if overran { return 0 }
      if is64, value & 0xF0 == 0x40 {
        rex = value
        continue
      }
      switch value {
      // The 80386 brought FS, GS and the size prefixes; to the 8086, F1 is another LOCK.
      case 0x64...0x67 where model == .i8086 || model == .i80286:
        opcodeByte = value
        return Int(value)
      case 0xF1 where model == .i8086: hasLock = true
      case 0x0F where model == .i8086:
        opcodeByte = value
        return Int(value)
      case 0x66: hasOperandPrefix = true
      case 0x67: hasAddressPrefix = true
      case 0x26, 0x2E, 0x36, 0x3E:
        // In 64-bit mode these four are ignored.
        if !is64 { segmentOverride = value >> 3 & 3 }
      case 0x64, 0x65: segmentOverride = value & 7
      case 0xF0: hasLock = true
      case 0xF2, 0xF3: repeatPrefix = value
      case 0x0F:
        opcodeByte = byte()
        opcodeMap = 1
        if opcodeByte == 0x38 || opcodeByte == 0x3A {
          opcodeMap = opcodeByte == 0x38 ? 2 : 3
          opcodeByte = byte()
        }
        return opcodeMap << 8 | Int(opcodeByte)
      default:
        opcodeByte = value
        return Int(value)
      }
      // A REX prefix counts only directly before the opcode.
      rex = 0
    }
  }

  mutating func readModRM() { modRM = byte() }

  var addressWidth: Width {
    switch context.code {
    case .bits64: hasAddressPrefix ? .bits32 : .bits64
    case .bits32: hasAddressPrefix ? .bits16 : .bits32
    default: hasAddressPrefix ? .bits32 : .bits16
    }
  }

  /// The operand width of a row with these attributes.
  func operandWidth(_ attributes: X86Attributes) -> Width {
    if attributes.contains(.byte) { return .bits8 }
    if attributes.contains(.modeSize) { return is64 ? .bits64 : .bits32 }
    guard is64 else {
      return (context.code == .bits32) != hasOperandPrefix ? .bits32 : .bits16
    }
    if attributes.contains(.force64) { return .bits64 }
    if rex & 8 != 0 { return attributes.contains(.max32) ? .bits32 : .bits64 }
    if hasOperandPrefix { return .bits16 }
    return attributes.contains(.default64) ? .bits64 : .bits32
  }

  /// Reads SIB and displacement and makes the memory operand that ModRM names, if it names one.
  mutating func readAddress() {
    guard mod != 3 else { return }
    place = .memory(.bits8, base: Operand.noRegister, addressWidth: addressWidth)
    if addressWidth == .bits16 {
      readAddress16()
    } else {
      readAddress32()
    }
  }

  private mutating func readAddress16() {
    let pairs: [(RegisterID, RegisterID, UInt8)] = [
      (3, 6, 3), (3, 7, 3), (5, 6, 2), (5, 7, 2), (6, Operand.noRegister, 3), (7, Operand.noRegister, 3),
      (5, Operand.noRegister, 2), (3, Operand.noRegister, 3),
    ]
    let rm = Int(modRM & 7)
    var segment = pairs[rm].2
    if mod == 0, rm == 6 {
      place.value = signed(2)
      segment = 3
    } else {
      place.register = pairs[rm].0
      place.index = pairs[rm].1
      if mod == 1 { place.value = signed(1) }
      if mod == 2 { place.value = signed(2) }
    }
    place.segment = segmentOverride == 0xFF ? segment : segmentOverride
  }

  private mutating func readAddress32() {
    let rm = modRM & 7
    var base = RegisterID(rm | (rex & 1) << 3)
    var isAbsolute = false
    var scale: UInt8 = 0
    if rm == 4 {
      let sib = byte()
      base = RegisterID(sib & 7 | (rex & 1) << 3)
      let index = RegisterID(sib >> 3 & 7 | (rex & 2) << 2)
      if index != 4 {
        place.index = index
        place.shift = sib >> 6
      }
      isAbsolute = mod == 0 && sib & 7 == 5
      // The 80386 scales the base where there is no index (manuals leave a scale without index undefined).
      if model == .i80386, index == 4, !isAbsolute { scale = sib >> 6 }
    } else if mod == 0, rm == 5 {
      isAbsolute = true
      if is64 { place.register = Operand.nextPC }
    }
    if isAbsolute {
      place.value = signed(4)
    } else {
      place.register = base
      if mod == 1 { place.value = signed(1) }
      if mod == 2 { place.value = signed(4) }
    }
    let segment: UInt8 = place.register == 4 || place.register == 5 ? 2 : 3
    place.segment = segmentOverride == 0xFF ? segment : segmentOverride
    if scale != 0 {
      place.index = place.register
      place.register = Operand.noRegister
      place.shift = scale
    }
  }

  private func general(_ number: UInt8, _ width: Width) -> Operand {
    if width == .bits8, rex == 0, number & 0xC == 4 {
      return .register(RegisterID(number & 3), .bits8, shift: 8, merges: true)
    }
    return .register(RegisterID(number), width, merges: width == .bits8 || width == .bits16)
  }

  private func registerOrMemory(_ width: Width, memoryWidth: Width? = nil) -> Operand {
    guard mod == 3 else {
      var operand = place
      operand.width = memoryWidth ?? width
      return operand
    }
    return general(modRM & 7 | (rex & 1) << 3, width)
  }

  private func string(_ register: RegisterID, _ width: Width, segment: UInt8) -> Operand {
    .memory(width, base: register, segment: segment, addressWidth: addressWidth)
  }

  /// The operand of a code; sets `isUndefined` when the encoding names none.
  mutating func operand(_ code: X86OperandCode, _ form: X86Form, _ isUndefined: inout Bool) -> Operand {
    let width = form.operand
    let wide: Width = width == .bits64 ? .bits64 : .bits32
    switch code {
    case .eb: return registerOrMemory(.bits8)
    case .ew: return registerOrMemory(.bits16)
    case .ed: return registerOrMemory(.bits32)
    case .ev: return registerOrMemory(width)
    case .es: return registerOrMemory(width, memoryWidth: .bits16)
    case .gb: return general(reg | (rex & 4) << 1, .bits8)
    case .gw: return general(reg | (rex & 4) << 1, .bits16)
    case .gv: return general(reg | (rex & 4) << 1, width)
    case .gy: return general(reg | (rex & 4) << 1, wide)
    case .ry: return general(modRM & 7 | (rex & 1) << 3, width)
    case .ib: return .immediate(unsigned(1), .bits8)
    case .ibs: return .immediate(signed(1) & width.mask, width)
    case .iw: return .immediate(unsigned(2), .bits16)
    case .iz: return .immediate(signed(width == .bits16 ? 2 : 4) & width.mask, width)
    case .iv: return .immediate(unsigned(width.bytes), width)
    case .jb: return .immediate(signed(1), width)
    case .jz: return .immediate(signed(width == .bits16 ? 2 : 4), width)
    case .m, .mb: return registerOrMemory(.bits8)
    case .my: return registerOrMemory(wide)
    case .mp:
      farSelector = place
      farSelector.width = .bits16
      farSelector.value &+= UInt64(width.bytes)
      return registerOrMemory(width)
    case .ap:
      let offset = unsigned(width == .bits16 ? 2 : 4)
      farSelector = .immediate(unsigned(2), .bits16)
      return .immediate(offset, width)
    case .ob, .ov:
      let offset = addressWidth == .bits64 ? unsigned(8) : unsigned(addressWidth.bytes)
      return .memory(
        code == .ob ? .bits8 : width, base: Operand.noRegister, displacement: offset,
        segment: segmentOverride == 0xFF ? 3 : segmentOverride, addressWidth: addressWidth)
    case .sw:
      let count: UInt8 = model == .i8086 || model == .i80286 ? 4 : 6
      if reg >= count, model != .i8086 { isUndefined = true }
      return .register(X86Register.es.id + RegisterID(reg % count), .bits16)
    case .cy:
      let number = reg | (rex & 4) << 1
      let registers: [UInt8: X86Register] = [0: .cr0, 2: .cr2, 3: .cr3, 4: .cr4, 8: .cr8]
      guard let register = registers[number] else {
        isUndefined = true
        return Operand()
      }
      return .register(register.id, width)
    case .dy:
      // Four and five are other names of six and seven; whether they may be used is asked at execution.
      let registers: [X86Register] = [.dr0, .dr1, .dr2, .dr3, .dr6, .dr7, .dr6, .dr7]
      if rex & 4 != 0 { isUndefined = true }
      return .register(registers[Int(reg & 7)].id, width)
    case .zb: return general(opcodeByte & 7 | (rex & 1) << 3, .bits8)
    case .zv: return general(opcodeByte & 7 | (rex & 1) << 3, width)
    case .xb, .xv: return string(6, width, segment: segmentOverride == 0xFF ? 3 : segmentOverride)
    case .yb, .yv: return string(7, width, segment: 0)
    case .zx: return string(3, .bits8, segment: segmentOverride == 0xFF ? 3 : segmentOverride)
    case .al: return general(0, .bits8)
    case .rAX: return general(0, width)
    case .cl: return general(1, .bits8)
    case .dx: return .register(2, .bits16, merges: true)
    case .esSegment, .csSegment, .ssSegment, .dsSegment, .fsSegment, .gsSegment:
      // The 80286 has neither FS nor GS.
      if model == .i80286, code == .fsSegment || code == .gsSegment { isUndefined = true }
      let numbers: [X86OperandCode: RegisterID] = [
        .esSegment: 0, .csSegment: 1, .ssSegment: 2, .dsSegment: 3, .fsSegment: 4, .gsSegment: 5,
      ]
      return .register(X86Register.es.id + (numbers[code] ?? 0), .bits16)
    case .one: return .immediate(1, .bits8)
    }
  }
}
