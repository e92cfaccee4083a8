import MachineCore

/// For how many neighbours of an address a translation would have gone the same way.
///
/// The translation runs as it always does. Beside its values it is noted which of them move along with the
/// address: address + d gives value + d. Whenever the course depends on such a value (a comparison, a
/// shift that leaves only its upper bits), the range of d is cut to where the outcome is the same.
struct Generalization {
  /// d ≥ −`below`.
  var below: UInt64
  /// d ≤ `above`.
  var above: UInt64
  /// Slots whose values move along.
  private var moving: [UInt16] = []

  init(_ address: UInt64, slot: UInt16) {
    // No result is used beyond a page of addresses.
    below = address & 0xFFF
    above = 0xFFF &- below
    moving = [slot]
  }

  func moves(_ slot: UInt16) -> Bool { moving.contains(slot) }

  mutating func set(_ slot: UInt16, moves: Bool) {
    let known = moving.firstIndex(of: slot)
    if moves {
      if known == nil { moving.append(slot) }
    } else if let known {
      moving.swapAt(known, moving.count - 1)
      moving.removeLast()
    }
  }

  /// Nothing can be said about neighbours.
  mutating func narrowToPoint() {
    (below, above) = (0, 0)
    moving.removeAll(keepingCapacity: true)
  }

  /// Keeps to where the bits from `bits` up of a moving value stay as they are; 0 ≤ `bits` ≤ 64.
  mutating func narrow(_ value: UInt64, bits: Int) {
    let mask = bits >= 64 ? UInt64.max : (1 << UInt64(bits)) - 1
    below = min(below, value & mask)
    above = min(above, mask - (value & mask))
  }

  /// Keeps to where a moving value below `limit` stays there, or one not below it stays so.
  mutating func split(_ value: UInt64, below limit: UInt64) {
    if value < limit {
      above = min(above, limit - 1 - value)
    } else {
      below = min(below, value - limit)
    }
  }

  /// A moving value, cut to a mask; whether the result moves.
  mutating func cut(_ value: UInt64, _ mask: UInt64) -> Bool {
    let low = (~mask).trailingZeroBitCount
    if low > 0 {
      narrow(value, bits: low)
      return true
    }
    if mask != 0 { narrow(value, bits: mask.trailingZeroBitCount) }
    return false
  }

  /// A moving value combined by `or` or `xor` with one that does not move; whether the result moves.
  mutating func combine(_ value: UInt64, _ other: UInt64) -> Bool {
    narrow(value, bits: other.trailingZeroBitCount)
    return other.trailingZeroBitCount > 0
  }
}

extension Core {
  /// Translates, and remembers the result as widely as it holds; it is in the translation's slot.
  @inline(never) mutating func translate(
    _ address: UInt64, _ access: Access, _ segment: UInt64, _ bytes: UInt64
  ) -> Outcome {
    // SAFETY: all slots are below the file's capacity.
    file[fetchParameters.0] = address
    file[fetchParameters.1] = access.rawValue
    file[fetchParameters.2] = segment
    file[fetchParameters.3] = bytes
    file[Int(translate.back)] = 0
    guard remembersTranslations else { return execute(translate.start) }
    let tag = memo.tag
    var range = Generalization(address, slot: UInt16(truncatingIfNeeded: fetchParameters.0))
    let left = generalize(translate.start, &range)
    // What is left has effects, or ends in a trap: it happens now, and every time.
    if let left { return execute(left) }
    let physical = file[Int(translate.result)] & addressMask
    if !range.moves(translate.result) { range.narrowToPoint() }
    let page = physical & ~0xFFF
    guard tag == memo.tag, tag != 0, addressMask & 0xFFF == 0xFFF, physical & 0xFFF <= 0x1000 &- bytes,
      memorySize >= 16,
      physical <= memorySize &- 8,
      deviceSize == 0 || page &- deviceLow >= deviceSize && deviceLow &- page >= 0x1000
    else { return .completed }
    let above = min(range.above, 0x1000 &- bytes &- (physical & 0xFFF), memorySize &- 8 &- physical)
    let below = min(range.below, physical & 0xFFF)
    memo.remember(
      TranslationMemo.Entry(
        low: address &- below, span: above &+ below,
        kind: tag | segment << 8 | access.rawValue << 4 | bytes, offset: physical &- address))
    return .completed
  }

  /// Runs from `start` as ``execute(_:)`` does, as long as there are no effects.
  ///
  /// - Returns: where to go on, or `nil` if the program has completed.
  private mutating func generalize(_ start: Int, _ range: inout Generalization) -> Int? {
    var position = start
    while true {
      // SAFETY: as in `execute`: lowered code only jumps inside itself.
      let operation = code[position]
      let (a, b) = (file[Int(operation.a)], file[Int(operation.b)])
      let target = Int(operation.target)
      position += 1
      switch operation.code {
      case .end: return nil
      case .jump: position = Int(truncatingIfNeeded: operation.immediate)
      case .jumpIfZero, .jumpIfNotZero:
        if range.moves(operation.a) { range.distinguish(a, 0) }
        if (a == 0) == (operation.code == .jumpIfZero) {
          position = Int(truncatingIfNeeded: operation.immediate)
        }
      case .call:
        file[target] = UInt64(position)
        position = Int(truncatingIfNeeded: operation.immediate)
      case .giveBack: position = Int(truncatingIfNeeded: a)
      case .move:
        range.set(operation.target, moves: range.moves(operation.a))
        file[target] = a
      case .loadPhysical:
        if range.moves(operation.a) { range.narrowToPoint() }
        watch.mark(a & addressMask, UInt64(operation.width), WatchMap.translation)
        range.set(operation.target, moves: false)
        file[target] = slowLoad(a & addressMask, Int(operation.width))
      case .auxiliary:
        if range.moves(operation.a) { range.narrowToPoint() }
        range.set(operation.target, moves: false)
        file[target] = auxiliaries[Int(truncatingIfNeeded: operation.immediate)][a]
      default:
        guard let result = operation.compute(a, b) else { return position - 1 }
        let moves = range.follow(operation, a, b)
        range.set(operation.target, moves: moves)
        file[target] = result
      }
    }
  }
}

extension Generalization {
  /// Keeps to where a moving value stays equal to, above or below another.
  mutating func distinguish(_ value: UInt64, _ other: UInt64) {
    if value == other {
      narrowToPoint()
    } else if value < other {
      split(value, below: other)
    } else {
      below = min(below, value - other - 1)
    }
  }

  /// Follows an operation that ``MicroOperation/compute(_:_:)`` knows; whether its result moves.
  fileprivate mutating func follow(_ operation: MicroOperation, _ a: UInt64, _ b: UInt64) -> Bool {
    let first = moves(operation.a)
    let second = operation.usesSecond && moves(operation.b)
    guard first || second else { return false }
    let mask = operation.immediate
    switch operation.code {
    case .add where first != second: return cut(a &+ b, mask)
    case .subtract where first && !second: return cut(a &- b, mask)
    case .subtract where first && second: return false
    case .and where first != second: return first ? cut(a, b & mask) : cut(b, a & mask)
    case .or where first != second, .xor where first != second:
      guard first ? combine(a, b) : combine(b, a) else { return false }
      return cut(operation.code == .or ? a | b : a ^ b, mask)
    case .bits where first && !second:
      guard operation.width > 0 else {
        guard cut(a, mask) else { return false }
        return combine(a & mask, b)
      }
      let used = (mask &<< UInt64(operation.width)) | (mask &>> (64 &- UInt64(operation.width)))
      guard used != 0, used & 1 != 0 else {
        if used != 0 { narrow(a, bits: used.trailingZeroBitCount) }
        return false
      }
    case .bits where second && !first:
      return combine(b, operation.compute(a, 0) ?? .max)
    case .shiftRightUnsigned where first && !second && b & mask != 0,
      .shiftRightSigned where first && !second && b & mask != 0:
      narrow(a, bits: Int(min(b & mask, 64)))
      return false
    case .signExtend where operation.b > 0:
      narrow(a, bits: Int(operation.b) - 1)
      return cut(operation.compute(a, 0) ?? 0, mask)
    case .isZero:
      if isLow(mask) {
        narrow(a, bits: 64 - mask.leadingZeroBitCount)
        distinguish(a & mask, 0)
        return false
      }
    case .equal where first != second, .notEqual where first != second:
      if isLow(mask) {
        narrow(first ? a : b, bits: 64 - mask.leadingZeroBitCount)
        distinguish((first ? a : b) & mask, (first ? b : a) & mask)
        return false
      }
    case .lessUnsigned where first != second, .lessOrEqualUnsigned where first != second:
      if isLow(mask) {
        narrow(first ? a : b, bits: 64 - mask.leadingZeroBitCount)
        // The moving value is below this limit, or it is not.
        let (limit, overflow) = ((first ? b : a) & mask).addingReportingOverflow(
          first == (operation.code == .lessOrEqualUnsigned) ? 1 : 0)
        if !overflow { split((first ? a : b) & mask, below: limit) }
        return false
      }
    default: break
    }
    narrowToPoint()
    return false
  }

  /// All ones from bit 0 up.
  private func isLow(_ mask: UInt64) -> Bool { mask & (mask &+ 1) == 0 }
}
