import MachineCore

extension X86Semantics {
  private static let count: Local = 3
  private static let carryOut: Local = 4
  private var count: Expression { .local(Self.count) }
  private var carryOut: Expression { .local(Self.carryOut) }
  private var sign: Int { Int(bits) - 1 }

  /// Shifts, double shifts and rotates; a count of zero changes nothing at all but clears the upper
  /// half of a 32-bit register.
  var shift: [Effect] {
    let isDouble = row.operation == .shld || row.operation == .shrd
    // The 8086 takes all eight bits of the count.
    let mask: UInt64 = model == .i8086 ? 0xFF : width == .bits64 ? 63 : 31
    let counted = (Expression.operand(isDouble ? 2 : 1)) & k(mask)
    var effects: [Effect] = [.assign(Self.a, .operand(0)), .assign(Self.count, counted)]
    if isDouble { effects.append(.assign(Self.b, .operand(1))) }
    let changed: [Effect]
    switch row.operation {
    case .shl, .shr, .sar: changed = singleShift
    case .shld, .shrd: changed = doubleShift
    case .rol, .ror: changed = rotate
    case .setmo:
      changed = [
        .assign(Self.result, k(width.mask)),
        setFlags([(.carry, k(0)), (.overflow, k(0)), (.adjust, k(0))] + resultFlags(result)),
        .setOperand(0, result),
      ]
    default: changed = rotateThroughCarry
    }
    effects.append(.when(count, then: changed, otherwise: [.setOperand(0, a)]))
    return effects
  }

  private func undefine(_ always: X86Flags, beyondOne: X86Flags, atSize: X86Flags = []) -> Effect {
    var mask = k(always.rawValue) | .select(count.isAbove(k(1)), k(beyondOne.rawValue), k(0))
    if !atSize.isEmpty { mask = mask | .select(count.isBelow(k(bits)), k(0), k(atSize.rawValue)) }
    return .undefine(X86Register.rflags.id, mask)
  }

  private var singleShift: [Effect] {
    let value: Expression
    let lastOut: Expression
    let overflow: Expression
    switch row.operation {
    case .shl:
      value = (a << count).low(width)
      lastOut = (a >> (k(bits) - count)) & k(1)
      overflow = result.bit(sign) ^ carryOut
    case .shr:
      value = a >> count
      lastOut = (a >> (count - k(1))) & k(1)
      overflow = (result ^ (result << k(1))).bit(sign)
    default:
      let extended = a.signExtended(width)
      value = Expression.binary(.shiftRightSigned, extended, count, .bits64).low(width)
      lastOut = Expression.binary(.shiftRightSigned, extended, count - k(1), .bits64) & k(1)
      overflow = k(0)
    }
    return [
      .assign(Self.result, value), .assign(Self.carryOut, lastOut),
      setFlags([(.carry, carryOut), (.overflow, overflow), (.adjust, k(0))] + resultFlags(result)),
      undefine(.adjust, beyondOne: .overflow, atSize: row.operation == .sar ? [] : .carry),
      .setOperand(0, result),
    ]
  }

  private var doubleShift: [Effect] {
    let original: Local = 5
    let value: Expression
    let lastOut: Expression
    let size = k(bits)
    if row.operation == .shld {
      value = ((a << count) | (b >> (size - count))).low(width)
      lastOut = (a >> (size - count)) & k(1)
    } else {
      value = ((a >> count) | (b << (size - count))).low(width)
      lastOut = (a >> (count - k(1))) & k(1)
    }
    let changed: [Effect] = [
      .assign(Self.result, value), .assign(Self.carryOut, lastOut),
      setFlags(
        [(.carry, carryOut), (.overflow, (local(original) ^ result).bit(sign)), (.adjust, k(0))]
          + resultFlags(result)),
      .setOperand(0, result),
    ]
    let defined: Effect = undefine(.adjust, beyondOne: .overflow)
    let keep: Effect = .assign(original, a)
    guard width == .bits16 else { return [keep, defined] + changed }
    // Beyond 16 the manual leaves everything undefined; processors go on with destination and source exchanged,
    // but the 80386 fills with the source once more, and so rotates it.
    let other: Local = 6
    let filler = model == .i80386 ? b : local(other)
    return [
      keep,
      .when(
        count.isAbove(size),
        then: [
          .undefine(X86Register.rflags.id, k(X86Flags.arithmetic.rawValue)), .assign(other, a),
          .assign(Self.a, b), .assign(Self.b, filler), .assign(Self.count, count - size),
        ],
        otherwise: [defined]),
    ] + changed
  }

  private var rotate: [Effect] {
    let isLeft = row.operation == .rol
    let carry = isLeft ? result.bit(0) : result.bit(sign)
    let overflow = isLeft ? result.bit(sign) ^ result.bit(0) : (result ^ (result << k(1))).bit(sign)
    return [
      .assign(Self.result, .binary(isLeft ? .rotateLeft : .rotateRight, a, count, width)),
      setFlags([(.carry, carry), (.overflow, overflow)]),
      undefine([], beyondOne: .overflow), .setOperand(0, result),
    ]
  }

  private var rotateThroughCarry: [Effect] {
    // Nine bits rotate for a byte, seventeen for a word: the count counts modulo that.
    let steps: Local = 5
    let size = k(bits)
    let reduced: Expression =
      width == .bits8 || width == .bits16
      ? .binary(.remainderUnsigned, count, k(bits + 1), .bits64) : count
    let carry = reg(.rflags).bit(0)
    let n = local(steps)
    let value: Expression
    let lastOut: Expression
    let overflow: Expression
    if row.operation == .rcl {
      value = ((a << n) | (carry << (n - k(1))) | (a >> (size + k(1) - n))).low(width)
      lastOut = (a >> (size - n)) & k(1)
      overflow = result.bit(sign) ^ carryOut
    } else {
      value = ((a >> n) | (carry << (size - n)) | (a << (size + k(1) - n))).low(width)
      lastOut = (a >> (n - k(1))) & k(1)
      overflow = (result ^ (result << k(1))).bit(sign)
    }
    return [
      .assign(steps, reduced),
      .assign(Self.result, .select(n, value, a)), .assign(Self.carryOut, .select(n, lastOut, carry)),
      setFlags([(.carry, carryOut), (.overflow, overflow)]),
      undefine([], beyondOne: .overflow), .setOperand(0, result),
    ]
  }

  /// Bit tests, scans and counts.
  var bitwise: [Effect] {
    switch row.operation {
    case .bt, .bts, .btr, .btc: return bitTest
    case .bsf, .bsr:
      // With a zero source the destination stays, on every processor that was looked at.
      let index: Expression =
        row.operation == .bsf
        ? .unary(.trailingZeros, b, width) : k(bits - 1) - .unary(.leadingZeros, b, width)
      return [
        .assign(Self.b, .operand(1)), .assign(Self.result, b.isZero), setFlags([(.zero, result)]),
        .when(b, then: [.setOperand(0, index)], otherwise: []),
      ]
    case .popcnt:
      let flags: [(X86Flags, Expression)] =
        [(.zero, b.isZero)]
        + [X86Flags.carry, .overflow, .sign, .adjust, .parity].map { ($0, k(0)) }
      return [
        .assign(Self.b, .operand(1)), .setOperand(0, .unary(.populationCount, b, width)), setFlags(flags),
      ]
    case .crc32: return checksum
    default:
      let operation: UnaryOperator = row.operation == .tzcnt ? .trailingZeros : .leadingZeros
      return [
        .assign(Self.b, .operand(1)), .assign(Self.result, .unary(operation, b, width)),
        setFlags([(.carry, b.isZero), (.zero, result.isZero)]), .setOperand(0, result),
      ]
    }
  }

  /// CRC-32C, bit by bit, with the polynomial and all numbers reflected.
  private var checksum: [Effect] {
    let sum = local(Self.result)
    var effects: [Effect] = [
      .assign(Self.result, Expression.operand(0).low(.bits32)), .assign(Self.b, .operand(1)),
    ]
    for part in 0..<(width == .bits64 ? 2 : 1) {
      effects.append(.assign(Self.result, sum ^ (b >> k(UInt64(part) * 32)).low(.bits32)))
      for _ in 0..<min(bits, 32) {
        effects.append(
          .assign(Self.result, (sum >> k(1)) ^ ((k(0) - (sum & k(1))) & k(0x82F6_3B78))))
      }
    }
    return effects + [.setOperand(0, sum)]
  }

  private var bitTest: [Effect] {
    let place: Local = 3
    let number: Local = 4
    let isString = row.attributes.contains(.bitString)
    var effects: [Effect] = [.assign(number, .operand(1))]
    if isString {
      // The offset is signed and moves the place by whole operands.
      let shift = bits.trailingZeroBitCount
      let units = Expression.binary(
        .shiftRightSigned, local(number).signExtended(width), k(UInt64(shift)), .bits64)
      let moved = Expression.address(0) + (units << k(UInt64(shift - 3)))
      effects.append(.assign(place, moved.low(form.address)))
      if row.operation != .bt { effects.append(.checkStore(.operand(0), local(place), width)) }
      effects.append(.assign(Self.a, .load(.operand(0), local(place), width)))
    } else {
      effects.append(.assign(Self.a, .operand(0)))
    }
    let index = local(number) & k(bits - 1)
    effects.append(setFlags([(.carry, (a >> index) & k(1))]))
    let mask = k(1) << index
    let value: Expression
    switch row.operation {
    case .bts: value = a | mask
    case .btr: value = a & ~mask
    case .btc: value = a ^ mask
    default: return effects
    }
    effects.append(isString ? .store(.operand(0), local(place), value, width) : .setOperand(0, value))
    return effects
  }
}
