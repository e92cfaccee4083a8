import MachineCore

/// Instructions that ask about selectors and their descriptors.
extension X86Semantics {
  /// ARPL, LAR, LSL, VERR, VERW.
  var segmentTest: [Effect] {
    if row.operation == .arpl {
      let lower = (a & k(3)).isBelow(b & k(3))
      return takeOperands + [
        .assign(Self.result, lower), setFlags([(.zero, result)]),
        .when(result, then: [.setOperand(0, (a & k(~3)) | (b & k(3)))], otherwise: []),
      ]
    }
    let selector = local(Self.selector)
    let source = row.operation == .verr || row.operation == .verw ? 0 : 1
    let descriptor = X86Descriptor(raw: local(Self.raw))
    let valid: Local = 18
    // A selector outside its table is an answer here, not a fault.
    let limit: Expression = .select(selector.bit(2), reg(.ldtrLimit), reg(.gdtrLimit))
    let missing = selector.bit(2) & (reg(.ldtrAttributes).bit(7) ^ k(1))
    let outside = missing | ((selector & k(0xFFF8)) + k(7)).isAbove(limit)
    let found: Expression = .select(selector & k(0xFFFC), outside ^ k(1), k(0))
    let access = descriptor.access
    let isSegment = access.bit(4)
    let isConforming = (access & k(0x1C)).equals(k(0x1C))
    let outranked =
      descriptor.privilege.isBelow(Self.privilege) | descriptor.privilege.isBelow(selector & k(3))
    let reachable = isConforming | (outranked ^ k(1))
    let good: Expression
    switch row.operation {
    case .verr: good = isSegment & reachable & ((access & k(0xA)).differs(k(8)))
    case .verw: good = isSegment & reachable & ((access & k(0xA)).equals(k(2)))
    case .lar:
      good = reachable & .select(isSegment, k(1), (systemTypes(0x1A3E, 0x1A04) >> (access & k(15))) & k(1))
    default:
      good = reachable & .select(isSegment, k(1), (systemTypes(0x0A0E, 0x0A04) >> (access & k(15))) & k(1))
    }
    let answer: [Effect]
    switch row.operation {
    case .lar: answer = [.setOperand(0, ((local(Self.raw) >> k(32)) & k(0xF0_FF00)).low(width))]
    case .lsl: answer = [.setOperand(0, descriptor.limit.low(width))]
    default: answer = []
    }
    return [
      .assign(Self.selector, .operand(source) & k(0xFFFF)), .assign(valid, found), .assign(Self.raw, k(0)),
      .when(
        local(valid),
        then: [
          .call(X86System.descriptorOf, [selector, k(X86Vector.protection), k(0)], result: Self.raw),
          .assign(valid, good),
        ],
        otherwise: []),
      setFlags([(.zero, local(valid))]), .when(local(valid), then: answer, otherwise: []),
    ]
  }

  /// System descriptor types that LAR or LSL accept, one bit each: outside and inside long mode.
  private func systemTypes(_ legacy: UInt64, _ long: UInt64) -> Expression {
    .select(X86System.isLong, k(long), k(legacy))
  }
}
