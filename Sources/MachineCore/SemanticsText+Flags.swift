extension SemanticsText {
  /// A write of the flags register as one line for each flag, where it has the usual form: some bits kept
  /// by a mask, the others put together by shifts; else `nil`.
  func flagLines(_ value: Expression) -> [String]? {
    guard let flags, !names.flags.isEmpty else { return nil }
    var kept: UInt64 = 0
    var values: [Int: Expression] = [:]
    for (shift, term) in Self.terms(value.folded, 0) {
      if shift == 0, case .binary(.and, .register(flags), .constant(let mask), .bits64) = term {
        kept = mask
      } else if Self.isBit(term), names.flags[shift] != nil, values[shift] == nil {
        values[shift] = term
      } else {
        return nil
      }
    }
    guard kept != 0, !values.isEmpty, values.keys.allSatisfy({ kept >> UInt64($0) & 1 == 0 }) else {
      return nil
    }
    return names.flags.keys.sorted(by: >).filter { kept >> UInt64($0) & 1 == 0 }.map { bit in
      "\(names.flags[bit] ?? "") ← \(text(values[bit] ?? .constant(0)))"
    }
  }

  /// Flags that become undefined, by name, and when.
  func undefinedLines(_ bits: Expression) -> [String]? {
    var lines: [String] = []
    for (shift, term) in Self.terms(bits.folded, 0) {
      guard shift == 0 else { return nil }
      switch term {
      case .constant(let mask):
        guard let text = flagNames(mask) else { return nil }
        lines.insert("undefined: " + text, at: 0)
      case .select(let condition, .constant(let mask), .constant(0)):
        guard let text = flagNames(mask) else { return nil }
        lines.append("undefined if \(self.text(condition)): " + text)
      case .select(let condition, .constant(0), .constant(let mask)):
        guard let text = flagNames(mask) else { return nil }
        lines.append("undefined unless \(self.text(condition)): " + text)
      default: return nil
      }
    }
    return lines
  }

  private func flagNames(_ mask: UInt64) -> String? {
    let bits = (0..<64).reversed().filter { mask >> UInt64($0) & 1 != 0 }
    let list = bits.compactMap { names.flags[$0] }
    return list.count == bits.count && !list.isEmpty ? list.joined(separator: " ") : nil
  }

  /// What an OR puts together, each with the shift that it gets; a constant bit by bit.
  private static func terms(_ expression: Expression, _ shift: Int) -> [(Int, Expression)] {
    switch expression {
    case .binary(.or, let first, let second, .bits64): return terms(first, shift) + terms(second, shift)
    case .binary(.shiftLeft, let value, .constant(let count), .bits64) where count < 64:
      return terms(value, shift + Int(count))
    default: return [(shift, expression)]
    }
  }

  /// The value can only be 0 or 1. Locals count as such: a wider one would show as a flag that is not shifted.
  private static func isBit(_ expression: Expression) -> Bool {
    switch expression {
    case .constant(let value): value <= 1
    case .local: true
    case .unary(.isZero, _, _), .unary(.parity8, _, _), .binary(.and, _, .constant(1), _): true
    case .binary(.equal, _, _, _), .binary(.notEqual, _, _, _), .binary(.lessUnsigned, _, _, _),
      .binary(.lessSigned, _, _, _), .binary(.lessOrEqualUnsigned, _, _, _),
      .binary(.lessOrEqualSigned, _, _, _), .wide(.overflowsSigned, _, _, _, _),
      .wide(.overflowsUnsigned, _, _, _, _):
      true
    case .binary(.xor, let first, let second, _), .binary(.and, let first, let second, _),
      .binary(.or, let first, let second, _), .select(_, let first, let second):
      isBit(first) && isBit(second)
    default: false
    }
  }
}
