import MachineCore

extension FastBuilder {
  /// Where a second operand comes from.
  struct Source {
    var slot = FastBuilder.zero
    var immediate: UInt64 = 0
  }

  /// The code of an operation by width: 8, 16, 32, 64 bits.
  private func pick(_ width: Width, _ codes: (FastCode?, FastCode?, FastCode?, FastCode?)) -> FastCode? {
    switch width {
    case .bits8: codes.0
    case .bits16: codes.1
    case .bits32: codes.2
    case .bits64: codes.3
    }
  }

  /// A value of that width, loaded first if it is in storage.
  private mutating func source(_ operand: Operand, _ width: Width, _ next: UInt64) -> Source? {
    switch operand.kind {
    case .register:
      guard operand.width == width, let slot = slot(operand) else { return nil }
      return Source(slot: slot)
    case .immediate:
      return Source(immediate: operand.value & operand.width.mask)
    case .memory:
      guard operand.width == width, let place = place(operand, next: next),
        let code = pick(width, (.load8, .load16, .load32, .load64))
      else { return nil }
      emit(code, a: Self.temporary, memory: place)
      showsFlags()
      return Source(slot: Self.temporary)
    case .none: return nil
    }
  }

  /// One instruction as operations; `false` for what only the exact step does.
  mutating func translate(_ i: X86CachedInstruction) -> Bool {
    let next = (address &+ UInt64(bytes) &+ UInt64(i.length)) & mask
    switch i.operation {
    case .nop:
      emit(.nop)
      return true
    case .mov: return move(i, next)
    case .movzx, .movsx: return extend(i, next)
    case .lea:
      guard let code = pick(i.width, (nil, nil, .lea32, .lea64)), let a = slot(i.a) else { return false }
      // Segments do not matter here.
      var operand = i.b
      operand.segment = 3
      guard let place = place(operand, next: next) else { return false }
      emit(code, a: a, memory: place)
      return true
    case .add, .sub, .and, .or, .xor, .cmp, .test, .adc, .sbb: return arithmetic(i, next)
    case .inc, .dec, .neg, .not: return unary(i, next)
    case .shl, .shr, .sar, .rol, .ror: return shift(i)
    case .imulTruncating: return multiply(i, next)
    case .mul, .imul, .div, .idiv: return accumulate(i, next)
    case .jcc, .set, .cmov: return conditional(i, next)
    case .jmp, .call, .ret, .push, .pop: return flow(i, next)
    case .xchg, .bswap, .convertAccumulator, .convertDouble: return rearrange(i)
    default: return false
    }
  }

  private mutating func move(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    // Segment and control registers have operations of their own.
    let width = i.a.width
    if i.a.kind == .register {
      guard let a = slot(i.a) else { return false }
      if i.b.kind == .memory, width == .bits32 || width == .bits64 {
        guard i.b.width == width, let place = place(i.b, next: next) else { return false }
        emit(width == .bits32 ? .load32 : .load64, a: a, memory: place)
        showsFlags()
        return true
      }
      guard let source = source(i.b, width, next),
        let code = pick(width, (.move8, .move16, .move32, .move64))
      else { return false }
      emit(code, a: a, b: source.slot, immediate: source.immediate)
      return true
    }
    guard let place = place(i.a, next: next), i.b.kind != .memory, let source = source(i.b, width, next),
      let code = pick(width, (.store8, .store16, .store32, .store64))
    else { return false }
    emit(code, b: source.slot, immediate: source.immediate, memory: place)
    showsFlags()
    return true
  }

  private mutating func extend(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    let to = i.a.width
    guard let a = slot(i.a), to == .bits32 || to == .bits64 else { return false }
    let isSigned = i.operation == .movsx
    let from = i.b.width
    let is64 = to == .bits64
    let code: FastCode?
    if i.b.kind == .memory {
      code =
        isSigned
        ? pick(
          from,
          (
            is64 ? .loadSign8to64 : .loadSign8to32, is64 ? .loadSign16to64 : .loadSign16to32,
            is64 ? .loadSign32to64 : .load32, nil
          )) : pick(from, (.load8, .load16, nil, nil))
      guard let code, let place = place(i.b, next: next) else { return false }
      emit(code, a: a, memory: place)
      showsFlags()
      return true
    }
    code =
      isSigned
      ? pick(
        from,
        (
          is64 ? .sign8to64 : .sign8to32, is64 ? .sign16to64 : .sign16to32, is64 ? .sign32to64 : .move32, nil
        )) : pick(from, (.zero8, .zero16, nil, nil))
    guard let code, let b = slot(i.b) else { return false }
    emit(code, a: a, b: b)
    return true
  }

  private func code(_ operation: X86Operation, _ width: Width) -> FastCode? {
    switch operation {
    case .add: pick(width, (.add8, .add16, .add32, .add64))
    case .sub: pick(width, (.sub8, .sub16, .sub32, .sub64))
    case .and: pick(width, (.and8, .and16, .and32, .and64))
    case .or: pick(width, (.or8, .or16, .or32, .or64))
    case .xor: pick(width, (.xor8, .xor16, .xor32, .xor64))
    case .cmp: pick(width, (.compare8, .compare16, .compare32, .compare64))
    case .test: pick(width, (.test8, .test16, .test32, .test64))
    case .adc: pick(width, (nil, nil, .addCarry32, .addCarry64))
    case .sbb: pick(width, (nil, nil, .subBorrow32, .subBorrow64))
    case .inc: pick(width, (.inc8, nil, .inc32, .inc64))
    case .dec: pick(width, (.dec8, nil, .dec32, .dec64))
    case .neg: pick(width, (.negate8, nil, .negate32, .negate64))
    case .not: pick(width, (.not8, nil, .not32, .not64))
    case .shl: pick(width, (nil, nil, .shl32, .shl64))
    case .shr: pick(width, (nil, nil, .shr32, .shr64))
    case .sar: pick(width, (nil, nil, .sar32, .sar64))
    case .rol: pick(width, (nil, nil, .rol32, .rol64))
    case .ror: pick(width, (nil, nil, .ror32, .ror64))
    case .imulTruncating: pick(width, (nil, nil, .multiply32, .multiply64))
    case .mul: pick(width, (nil, nil, .wideMul32, .wideMul64))
    case .imul: pick(width, (nil, nil, .wideSignedMul32, .wideSignedMul64))
    case .div: pick(width, (nil, nil, .div32, .div64))
    case .idiv: pick(width, (nil, nil, .idiv32, .idiv64))
    default: nil
    }
  }

  /// What conditions may rely on after an operation.
  private func outcome(_ operation: X86Operation, _ width: Width) -> Producer {
    let shift = signShift(width)
    switch operation {
    case .sub, .cmp, .and, .or, .xor, .test, .neg: return .sub(shift, hasCarry: true)
    case .dec: return .sub(shift, hasCarry: false)
    case .add, .inc: return .sum(shift)
    default: return .unknown
    }
  }

  private mutating func arithmetic(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    guard let code = code(i.operation, i.width), i.a.width == i.width else { return false }
    let readsFlags = i.operation == .adc || i.operation == .sbb
    if readsFlags { showsFlags() }
    let comparesOnly = i.operation == .cmp || i.operation == .test
    if i.a.kind == .memory {
      guard i.b.kind != .memory, let place = place(i.a, next: next) else { return false }
      let opening =
        comparesOnly
        ? pick(i.width, (.load8, .load16, .load32, .load64))
        : pick(i.width, (.hold8, .hold16, .hold32, .hold64))
      guard let opening, let source = source(i.b, i.width, next) else { return false }
      emit(opening, a: Self.temporary, memory: place)
      emit(code, a: Self.temporary, b: source.slot, immediate: source.immediate)
      if !comparesOnly, let put = pick(i.width, (.put8, .put16, .put32, .put64)) {
        emit(put, a: Self.temporary)
      }
    } else if let fused = fused(i), let a = slot(i.a), let place = place(i.b, next: next) {
      emit(fused, a: a, memory: place)
    } else {
      guard let a = slot(i.a), let source = source(i.b, i.width, next) else { return false }
      emit(code, a: a, b: source.slot, immediate: source.immediate)
    }
    setsAllFlags(outcome(i.operation, i.width))
    return true
  }

  /// The operation that loads its second operand itself.
  private func fused(_ i: X86CachedInstruction) -> FastCode? {
    guard i.b.kind == .memory, i.b.width == i.width else { return nil }
    switch i.operation {
    case .add: return pick(i.width, (nil, nil, .add32Load, .add64Load))
    case .xor: return pick(i.width, (nil, nil, .xor32Load, nil))
    case .cmp: return pick(i.width, (nil, nil, .compare32Load, .compare64Load))
    default: return nil
    }
  }

  private mutating func unary(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    guard let code = code(i.operation, i.width), i.a.width == i.width else { return false }
    let isStep = i.operation == .inc || i.operation == .dec
    if i.a.kind == .memory {
      guard let place = place(i.a, next: next),
        let hold = pick(i.width, (.hold8, .hold16, .hold32, .hold64)),
        let put = pick(i.width, (.put8, .put16, .put32, .put64))
      else { return false }
      emit(hold, a: Self.temporary, memory: place)
      emit(code, a: Self.temporary)
      emit(put, a: Self.temporary)
      showsFlags()
      if i.operation != .not { producer = outcome(i.operation, i.width) }
      return true
    }
    guard let a = slot(i.a) else { return false }
    emit(code, a: a)
    if isStep {
      setsSomeFlags(outcome(i.operation, i.width))
    } else if i.operation == .neg {
      setsAllFlags(outcome(i.operation, i.width))
    }
    return true
  }

  private mutating func shift(_ i: X86CachedInstruction) -> Bool {
    guard let code = code(i.operation, i.width), i.a.width == i.width, let a = slot(i.a) else { return false }
    let isRotate = i.operation == .rol || i.operation == .ror
    let countMask: UInt64 = i.width == .bits64 ? 63 : 31
    switch i.b.kind {
    case .register:
      guard let b = slot(i.b) else { return false }
      emit(code, a: a, b: b)
      if isRotate { setsSomeFlags(.unknown) } else { showsFlags() }
      producer = .unknown
    case .immediate:
      let count = i.b.value & countMask
      emit(code, a: a, immediate: count)
      if isRotate {
        setsSomeFlags(.unknown)
      } else if count != 0 {
        setsAllFlags(.unknown)
      }
      if count != 0 { producer = .unknown }
    default: return false
    }
    return true
  }

  private mutating func multiply(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    guard let code = code(i.operation, i.width), i.a.width == i.width, let a = slot(i.a) else { return false }
    let isThree = i.operandCount == 3
    guard let source = source(isThree ? i.c : i.b, i.width, next) else { return false }
    var first = a
    if isThree {
      if i.b.kind == .memory {
        guard let loaded = self.source(i.b, i.width, next) else { return false }
        first = loaded.slot
      } else {
        guard let b = slot(i.b), i.b.width == i.width else { return false }
        first = b
      }
    }
    emit(code, a: a, b: source.slot, immediate: source.immediate)
    operations[operations.count - 1].base = first
    setsAllFlags(.unknown)
    return true
  }

  private mutating func accumulate(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    guard let code = code(i.operation, i.width), let source = source(i.a, i.width, next) else { return false }
    emit(code, b: source.slot, immediate: source.immediate)
    if i.operation == .mul || i.operation == .imul { setsAllFlags(.unknown) } else { showsFlags() }
    return true
  }

  private mutating func rearrange(_ i: X86CachedInstruction) -> Bool {
    switch i.operation {
    case .convertAccumulator:
      guard let code = pick(i.width, (nil, nil, .sign16to32, .sign32to64)) else { return false }
      emit(code, a: 0, b: 0)
    case .convertDouble:
      guard let code = pick(i.width, (nil, nil, .double32, .double64)) else { return false }
      emit(code)
    case .bswap:
      guard let a = slot(i.a), let code = pick(i.width, (nil, nil, .swap32, .swap64)) else { return false }
      emit(code, a: a)
    default:
      guard let a = slot(i.a), let b = slot(i.b), i.a.width == i.width, i.b.width == i.width,
        let code = pick(i.width, (nil, nil, .exchange32, .exchange64))
      else { return false }
      emit(code, a: a, b: b)
    }
    return true
  }
}
