import MachineCore

extension FastBuilder {
  /// How far a target is from the start of the block, if that is near enough.
  private func distance(_ target: UInt64) -> Int32? {
    let difference = Int64(bitPattern: target &- address)
    return Int32(exactly: difference)
  }

  private func isCanonical(_ target: UInt64) -> Bool {
    mode == .bits32 || (target &+ 0x8000_0000_0000) >> 48 == 0
  }

  // MARK: Conditions

  mutating func conditional(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    showsFlags()
    if i.operation == .jcc { return jump(i, next) }
    let condition = UInt16(i.condition)
    var shift: UInt8 = 0
    var isSub = false
    if case .sub(let amount, let hasCarry) = producer, condition >> 1 != 0, condition >> 1 != 5,
      hasCarry || (condition >> 1 != 1 && condition >> 1 != 3)
    {
      isSub = true
      shift = amount
    }
    guard let a = slot(i.a) else { return false }
    if i.operation == .set {
      emit(isSub ? .setSub : .set, a: a, shift: shift, extra: condition)
      return true
    }
    guard i.width == .bits32 || i.width == .bits64 else { return false }
    var b = Self.temporary
    if i.b.kind == .memory {
      guard i.b.width == i.width, let place = place(i.b, next: next) else { return false }
      emit(i.width == .bits32 ? .load32 : .load64, a: b, memory: place)
    } else {
      guard let register = slot(i.b) else { return false }
      b = register
    }
    let code: FastCode =
      i.width == .bits32 ? (isSub ? .move32IfSub : .move32If) : (isSub ? .move64IfSub : .move64If)
    emit(code, a: a, b: b, shift: shift, extra: condition)
    // The flags register may have been brought up to date; then nothing is left to compare.
    if !isSub { producer = .unknown }
    return true
  }

  private static let afterSub: [FastCode?] = [
    nil, nil, .jumpB, .jumpAE, .jumpE, .jumpNE, .jumpBE, .jumpA, .jumpS, .jumpNS, nil, nil, .jumpL, .jumpGE,
    .jumpLE, .jumpG,
  ]

  private mutating func jump(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    let target = (next &+ i.a.value) & i.width.mask
    guard i.width == mode, isCanonical(target), let distance = distance(target) else { return false }
    let condition = Int(i.condition & 15)
    var code: FastCode?
    var shift: UInt8 = 0
    switch producer {
    case .sub(let amount, let hasCarry):
      shift = amount
      if hasCarry || !(condition >> 1 == 1 || condition >> 1 == 3) { code = Self.afterSub[condition] }
    case .sum(let amount):
      shift = amount
      switch condition {
      case 4: code = .jumpSumE
      case 5: code = .jumpSumNE
      case 8: code = .jumpSumS
      case 9: code = .jumpSumNS
      default: break
      }
    case .unknown: break
    }
    if let code {
      emit(code, shift: shift, displacement: distance)
    } else {
      emit(.jumpAny, a: UInt8(condition), displacement: distance)
      producer = .unknown
    }
    // What follows a jump back is seldom part of the loop.
    if distance <= Int32(bytes) { closesAfterThis = true }
    return true
  }

  // MARK: Jumps, calls and the stack

  mutating func flow(_ i: X86CachedInstruction, _ next: UInt64) -> Bool {
    guard i.width == mode else { return false }
    let is64 = mode == .bits64
    showsFlags()
    switch i.operation {
    case .push:
      guard let source = operand(i.a, next) else { return false }
      emit(is64 ? .push64 : .push32, b: source.slot, immediate: source.immediate)
    case .pop:
      guard let a = slot(i.a), i.a.width == mode else { return false }
      emit(is64 ? .pop64 : .pop32, a: a)
    case .ret:
      emit(is64 ? .ret64 : .ret32, immediate: i.operandCount > 0 ? i.a.value : 0)
      isClosed = true
    default:
      let isCall = i.operation == .call
      if i.isRelative {
        let target = (next &+ i.a.value) & i.width.mask
        guard isCanonical(target), let distance = distance(target) else { return false }
        emit(isCall ? (is64 ? .call64 : .call32) : .jump, displacement: distance)
      } else {
        guard let source = operand(i.a, next) else { return false }
        let call: FastCode = is64 ? .callRegister64 : .callRegister32
        emit(isCall ? call : .jumpRegister, b: source.slot, immediate: source.immediate)
      }
      isClosed = true
    }
    return true
  }

  /// A register, an immediate, or a value loaded from storage, as wide as addresses are.
  private mutating func operand(_ operand: Operand, _ next: UInt64) -> Source? {
    switch operand.kind {
    case .register:
      guard operand.width == mode, let slot = slot(operand) else { return nil }
      return Source(slot: slot)
    case .immediate: return Source(immediate: operand.value & operand.width.mask)
    case .memory:
      guard operand.width == mode, let place = place(operand, next: next) else { return nil }
      emit(mode == .bits64 ? .load64 : .load32, a: Self.temporary, memory: place)
      return Source(slot: Self.temporary)
    case .none: return nil
    }
  }
}
