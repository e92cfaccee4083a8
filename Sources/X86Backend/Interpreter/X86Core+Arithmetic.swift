import MachineCore

extension X86Core {
  // MARK: Multiplication and division

  /// Flags of a product: carry and overflow alike; the others as Intel's processors leave them.
  private func productFlags(_ low: UInt64, _ width: Width, overflow: Bool) -> UInt64 {
    Self.resultBits(low, width) & ~0x40 | (overflow ? 0x801 : 0)
  }

  mutating func multiply(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let source = try read(i.pointee.a)
    let accumulator = part(.rax, width)
    let isSigned = i.pointee.operation == .imul
    var low: UInt64
    var high: UInt64
    if width == .bits64 {
      if isSigned {
        let product = Int64(bitPattern: accumulator).multipliedFullWidth(by: Int64(bitPattern: source))
        (high, low) = (UInt64(bitPattern: product.high), product.low)
      } else {
        (high, low) = accumulator.multipliedFullWidth(by: source)
      }
    } else {
      let product =
        isSigned
        ? UInt64(bitPattern: Self.signed(accumulator, width) &* Self.signed(source, width))
        : accumulator &* source
      low = product & width.mask
      high = product >> UInt64(width.rawValue) & width.mask
    }
    let unsignedHigh = high
    if model == .i8086, i.pointee.repeats != 0 {
      // A REP prefix negates the product; the flags of MUL still tell about the one before.
      high = (low == 0 ? 0 &- high : ~high) & width.mask
      low = (0 &- low) & width.mask
    }
    let extended = isSigned && Self.signed(low, width) < 0 ? width.mask : 0
    setArithmetic(productFlags(low, width, overflow: (isSigned ? high : unsignedHigh) != extended))
    if width == .bits8 {
      setPart(.rax, .bits16, low | high << 8)
    } else {
      setPart(.rax, width, low)
      setPart(.rdx, width, high)
    }
  }

  mutating func multiplyTruncating(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let isThree = i.pointee.operandCount == 3
    let a = Self.signed(try read(isThree ? i.pointee.b : i.pointee.a), width)
    let b = Self.signed(try read(isThree ? i.pointee.c : i.pointee.b), width)
    let (product, lost) = a.multipliedReportingOverflow(by: b)
    let result = UInt64(bitPattern: product) & width.mask
    let overflow = lost || Self.signed(result, width) != product
    writeRegister(i.pointee.a, result)
    setArithmetic(productFlags(result, width, overflow: overflow))
  }

  mutating func divide(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let divisor = try read(i.pointee.a)
    guard divisor != 0 else { return try divideError() }
    let isSigned = i.pointee.operation == .idiv
    var quotient: UInt64
    var remainder: UInt64
    if width == .bits64 {
      (quotient, remainder) = try divideWide(divisor, isSigned: isSigned)
    } else {
      let bits = UInt64(width.rawValue)
      let dividend = width == .bits8 ? reg(.rax) & 0xFFFF : part(.rax, width) | part(.rdx, width) << bits
      if isSigned {
        let double: Width = width == .bits8 ? .bits16 : width == .bits16 ? .bits32 : .bits64
        let a = Self.signed(dividend, double)
        let b = Self.signed(divisor, width)
        let (q, overflow) = a.dividedReportingOverflow(by: b)
        quotient = UInt64(bitPattern: q) & width.mask
        remainder = UInt64(bitPattern: a &- q &* b) & width.mask
        if overflow || Self.signed(quotient, width) != q {
          guard let unnoticed = unnoticedQuotient(a, b, width) else { return try divideError() }
          (quotient, remainder) = unnoticed
        }
      } else {
        quotient = dividend / divisor
        remainder = dividend % divisor
        if quotient > width.mask { return try divideError() }
      }
    }
    if isSigned, model == .i8086 {
      // The 8086 refuses the most negative quotient, and a REP prefix negates the result.
      if quotient == 1 << UInt64(width.rawValue - 1) { return try divideError() }
      if i.pointee.repeats != 0 { quotient = (0 &- quotient) & width.mask }
    }
    if width == .bits8 {
      setPart(.rax, .bits16, quotient | remainder << 8)
    } else {
      setPart(.rax, width, quotient)
      setPart(.rdx, width, remainder)
    }
  }

  /// 128 by 64 bits, by magnitudes.
  private func divideWide(_ divisor: UInt64, isSigned: Bool) throws(X86Fault) -> (UInt64, UInt64) {
    var high = reg(.rdx)
    var low = reg(.rax)
    let isNegative = isSigned && Int64(bitPattern: high) < 0
    let divisorIsNegative = isSigned && Int64(bitPattern: divisor) < 0
    if isNegative {
      low = 0 &- low
      high = ~high &+ (low == 0 ? 1 : 0)
    }
    let magnitude = divisorIsNegative ? 0 &- divisor : divisor
    guard high < magnitude else { throw X86Fault(vector: 0) }
    let (quotient, remainder) = magnitude.dividingFullWidth((high, low))
    let changesSign = isNegative != divisorIsNegative
    if isSigned, quotient > (changesSign ? 1 << 63 : 1 << 63 - 1) { throw X86Fault(vector: 0) }
    return (changesSign ? 0 &- quotient : quotient, isNegative ? 0 &- remainder : remainder)
  }

  // MARK: Decimal

  mutating func decimal(_ i: Instruction) throws(X86Fault) {
    let al = reg(.rax) & 0xFF
    let carry = flags & 1 != 0
    let adjust = flags & 0x10 != 0
    switch i.pointee.operation {
    case .daa, .das:
      let isLow = al & 15 > 9 || adjust
      let isOld = model == .i8086
      // The 8086 compares with 9F when the low digit was marked, and forgets the borrow from six.
      let isHigh = al > (isOld && adjust ? 0x9F : 0x99) || carry
      let amount: UInt64 = (isLow ? 6 : 0) + (isHigh ? 0x60 : 0)
      let isAdd = i.pointee.operation == .daa
      let result = (isAdd ? al &+ amount : al &- amount) & 0xFF
      let borrowed = !isAdd && !isOld && isLow && al < 6
      setPart(.rax, .bits8, result)
      setArithmetic(
        Self.resultBits(result, .bits8) | (isLow ? 0x10 : 0) | (isHigh || borrowed ? 1 : 0))
    case .aaa, .aas:
      let needed = al & 15 > 9 || adjust
      let ax = reg(.rax) & 0xFFFF
      let amount: UInt64 = needed ? 0x106 : 0
      let isAdd = i.pointee.operation == .aaa
      var result = (isAdd ? ax &+ amount : ax &- amount) & 0xFF0F
      if model == .i8086, needed {
        // AL and AH are changed one by one: no carry goes from one to the other.
        let high = isAdd ? ax >> 8 &+ 1 : ax >> 8 &- 1
        result = (high & 0xFF) << 8 | (isAdd ? al &+ 6 : al &- 6) & 0xF
      }
      setPart(.rax, .bits16, result)
      setArithmetic(Self.resultBits(result & 0xFF, .bits8) | (needed ? 0x11 : 0))
    case .aam:
      let base = i.pointee.a.value
      guard base != 0 else { return try divideError() }
      setPart(.rax, .bits16, (al / base) << 8 | al % base)
      setArithmetic(Self.resultBits(al % base, .bits8))
    default:
      let result = (al &+ (reg(.rax) >> 8 & 0xFF) &* i.pointee.a.value) & 0xFF
      setPart(.rax, .bits16, result)
      setArithmetic(Self.resultBits(result, .bits8))
    }
  }

  // MARK: Comparing exchanges

  mutating func compareExchange(_ i: Instruction) throws(X86Fault) {
    let width = i.pointee.width
    let old = try readToChange(i.pointee.a)
    let new = try read(i.pointee.b)
    let (difference, bits) = Self.subtract(part(.rax, width), old, 0, width)
    if difference == 0 {
      try write(i.pointee.a, new)
    } else {
      // A destination in memory is written in any case.
      if i.pointee.a.kind == .memory { try write(i.pointee.a, old) }
      setPart(.rax, width, old)
    }
    setArithmetic(bits)
  }

  mutating func compareExchangeDouble(_ i: Instruction) throws(X86Fault) {
    let half: Width = i.pointee.width == .bits64 ? .bits64 : .bits32
    let bytes = half.bytes
    let segment = i.pointee.a.segment
    let place = address(i.pointee.a)
    if half == .bits64, place & 15 != 0 { throw .protection() }
    let second = (place &+ UInt64(bytes)) & i.pointee.address.mask
    // Both halves must be open to writing before anything is read.
    try probe(segment, place, bytes)
    try probe(segment, second, bytes)
    let low = try load(segment, place, bytes)
    let high = try load(segment, second, bytes)
    let isEqual = low == part(.rax, half) && high == part(.rdx, half)
    try store(segment, place, isEqual ? part(.rbx, half) : low, bytes)
    try store(segment, second, isEqual ? part(.rcx, half) : high, bytes)
    if isEqual {
      flags |= 0x40
    } else {
      flags &= ~0x40
      setPart(.rax, half, low)
      setPart(.rdx, half, high)
    }
  }
}
