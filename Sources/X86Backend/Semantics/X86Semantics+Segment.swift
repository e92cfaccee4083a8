import MachineCore

/// The registers of one segment.
struct X86SegmentRegisters {
  let selector, base, limit, attributes: X86Register

  /// Segment registers in encoding order.
  static let all: [X86SegmentRegisters] = [
    X86SegmentRegisters(selector: .es, base: .esBase, limit: .esLimit, attributes: .esAttributes),
    X86SegmentRegisters(selector: .cs, base: .csBase, limit: .csLimit, attributes: .csAttributes),
    X86SegmentRegisters(selector: .ss, base: .ssBase, limit: .ssLimit, attributes: .ssAttributes),
    X86SegmentRegisters(selector: .ds, base: .dsBase, limit: .dsLimit, attributes: .dsAttributes),
    X86SegmentRegisters(selector: .fs, base: .fsBase, limit: .fsLimit, attributes: .fsAttributes),
    X86SegmentRegisters(selector: .gs, base: .gsBase, limit: .gsLimit, attributes: .gsAttributes),
  ]

  /// Writes selector and hidden part.
  func set(_ selector: Expression, base: Expression, limit: Expression, attributes: Expression) -> [Effect] {
    [
      .write(self.selector.id, selector), .write(self.base.id, base), .write(self.limit.id, limit),
      .write(self.attributes.id, attributes),
    ]
  }

  /// Loads as real mode does: the base is the selector times 16, the rest stays.
  func setReal(_ selector: Expression) -> [Effect] {
    [.write(self.selector.id, selector), .write(base.id, selector << k(4))]
  }
}

extension X86Semantics {
  /// Locals of segment loads.
  static let selector: Local = 16
  static let raw: Local = 17

  /// Segment registers.
  var segment: [Effect] {
    switch row.operation {
    case .movFromSegment: return [.setOperand(0, .operand(1))]
    case .movToSegment:
      return [.assign(Self.selector, .operand(1))] + loadSegment(Int(row.segment))
    case .pushSegment:
      // Processors of today write only the 16 bits of the selector in a 32-bit push.
      let stored: Width = width == .bits32 ? .bits16 : width
      let value = reg(X86SegmentRegisters.all[Int(row.segment)].selector)
      return [
        .store(.virtual(segment: 2), stackAddress(-width.bytes), value, stored), moveStack(-width.bytes),
      ]
    case .popSegment:
      return [.assign(Self.selector, .load(.virtual(segment: 2), stackAddress(0), .bits16))]
        + loadSegment(Int(row.segment)) + [moveStack(width.bytes)]
    case .loadFar:
      return [.assign(Self.a, .operand(1)), .assign(Self.selector, .operand(2))]
        + loadSegment(Int(row.segment)) + [.setOperand(0, a)]
    case .ldt, .tr: return privileged([.assign(Self.selector, .operand(0))] + loadTable)
    default:
      return [.setOperand(0, reg(row.condition == 1 ? .tr : .ldtr))]
    }
  }

  /// Loads segment register `number` (not CS) with the selector in its local.
  private func loadSegment(_ number: Int) -> [Effect] {
    let registers = X86SegmentRegisters.all[number]
    let selector = local(Self.selector)
    // Only the 8086 can load CS like this, and it has real mode only.
    if number == 1 { return registers.setReal(selector) }
    let load = number == 2 ? loadStack(selector, privilege: Self.privilege) : loadData(registers, selector)
    return [.when(X86System.isProtected, then: load, otherwise: registers.setReal(selector))]
  }

  private func loadData(_ registers: X86SegmentRegisters, _ selector: Expression) -> [Effect] {
    let descriptor = X86Descriptor(raw: local(Self.raw))
    let isConforming = (descriptor.access & k(0xC)).equals(k(0xC))
    let outranked =
      descriptor.privilege.isBelow(Self.privilege) | descriptor.privilege.isBelow(selector & k(3))
    let bad =
      (descriptor.access.bit(4) ^ k(1)) | (descriptor.access & k(0xA)).equals(k(8))
      | ((isConforming ^ k(1)) & outranked)
    let code = selector & k(0xFFFC)
    return [
      .when(
        code,
        then: [
          .call(X86System.descriptor, [selector], result: Self.raw),
          .when(bad, then: raise(X86Vector.protection, code), otherwise: []),
          .when(descriptor.isPresent, then: [], otherwise: raise(X86Vector.notPresent, code)),
        ] + set(registers, selector, descriptor),
        otherwise: registers.set(selector, base: k(0), limit: k(0), attributes: k(0)))
    ]
  }

  /// Marks the descriptor accessed and loads the registers from it.
  private func set(
    _ registers: X86SegmentRegisters, _ selector: Expression, _ descriptor: X86Descriptor
  ) -> [Effect] {
    [.call(X86System.markAccessed, [selector, descriptor.raw, k(1)], result: nil)]
      + registers.set(
        selector, base: descriptor.base, limit: descriptor.limit, attributes: descriptor.attributes | k(1))
  }

  /// Loads SS for a privilege level.
  private func loadStack(_ selector: Expression, privilege: Expression) -> [Effect] {
    let descriptor = X86Descriptor(raw: local(Self.raw))
    let code = selector & k(0xFFFC)
    let bad =
      (selector & k(3)).differs(privilege) | descriptor.privilege.differs(privilege)
      | (descriptor.access & k(0x1A)).differs(k(0x12))
    // 64-bit mode has a use for a null stack segment below privilege level 3.
    let nullAllowed =
      form.is64 ? privilege.differs(k(3)) & (selector & k(3)).equals(privilege) : k(0)
    return [
      .when(
        code,
        then: [
          .call(X86System.descriptor, [selector], result: Self.raw),
          .when(bad, then: raise(X86Vector.protection, code), otherwise: []),
          .when(descriptor.isPresent, then: [], otherwise: raise(X86Vector.stack, code)),
        ] + set(X86SegmentRegisters.all[2], selector, descriptor),
        otherwise: [
          .when(
            nullAllowed,
            then: X86SegmentRegisters.all[2].set(
              selector, base: k(0), limit: k(0), attributes: privilege << k(5)),
            otherwise: raise(X86Vector.protection))
        ])
    ]
  }

  private var loadTable: [Effect] {
    let isTask = row.operation == .tr
    let selector = local(Self.selector)
    let code = selector & k(0xFFFC)
    let descriptor = X86Descriptor(raw: local(Self.raw))
    let high: Local = 18
    let registers =
      isTask
      ? X86SegmentRegisters(selector: .tr, base: .trBase, limit: .trLimit, attributes: .trAttributes)
      : X86SegmentRegisters(selector: .ldtr, base: .ldtrBase, limit: .ldtrLimit, attributes: .ldtrAttributes)
    let wrongType = (descriptor.access & k(0x1F)).differs(k(isTask ? 9 : 2))
    let busy: UInt64 = isTask ? 2 : 0
    let load: [Effect] = [
      .when(selector.bit(2), then: raise(X86Vector.protection, code), otherwise: []),
      .call(X86System.descriptor, [selector], result: Self.raw),
      .when(wrongType, then: raise(X86Vector.protection, code), otherwise: []),
      .when(descriptor.isPresent, then: [], otherwise: raise(X86Vector.notPresent, code)),
      .assign(high, k(0)),
      .when(
        X86System.isLong, then: [.call(X86System.descriptorHigh, [selector], result: high)], otherwise: []),
      .call(X86System.markAccessed, [selector, descriptor.raw, k(busy)], result: nil),
    ]
    return [
      .when(
        code,
        then: load
          + registers.set(
            selector, base: descriptor.base | (local(high) << k(32)), limit: descriptor.limit,
            attributes: descriptor.attributes | k(busy)),
        otherwise: isTask
          ? raise(X86Vector.protection)
          : registers.set(selector, base: k(0), limit: k(0), attributes: k(0)))
    ]
  }

  // MARK: - Far branches

  private static let target: Local = 18
  private static let flags: Local = 19
  private static let stackPointer: Local = 21
  private static let stackSelector: Local = 22
  private static let outer: Local = 23

  /// Far jumps, calls and returns.
  var farFlow: [Effect] {
    switch row.operation {
    case .jmpFar, .callFar:
      let isCall = row.operation == .callFar
      let saved: [Effect] = isCall ? push([reg(.cs), Expression.nextPC.low(width)]) : []
      let real = realCode + saved
      return [
        .assign(Self.target, .operand(0)), .assign(Self.selector, .operand(1)),
        .when(X86System.isProtected, then: protectedCode(isReturn: false) + saved, otherwise: real),
      ]
    case .retFar: return farReturn(hasFlags: false)
    default: return farReturn(hasFlags: true)
    }
  }

  private var realCode: [Effect] {
    [
      .when(
        local(Self.target).isAbove(reg(.csLimit)), then: raise(X86Vector.protection), otherwise: [])
    ] + X86SegmentRegisters.all[1].setReal(local(Self.selector))
      + [.write(X86Register.rip.id, local(Self.target))]
  }

  /// Checks the code segment of a far branch and enters it.
  private func protectedCode(isReturn: Bool) -> [Effect] {
    let selector = local(Self.selector)
    let code = selector & k(0xFFFC)
    let descriptor = X86Descriptor(raw: local(Self.raw))
    let requested = selector & k(3)
    let isConforming = (descriptor.access & k(4))
    let wrongRank: Expression
    if isReturn {
      wrongRank =
        requested.isBelow(Self.privilege)
        | .select(
          isConforming, descriptor.privilege.isAbove(requested), descriptor.privilege.differs(requested))
    } else {
      wrongRank = .select(
        isConforming, descriptor.privilege.isAbove(Self.privilege),
        requested.isAbove(Self.privilege) | descriptor.privilege.differs(Self.privilege))
    }
    let bothSizes = X86System.isLong & descriptor.isLong & descriptor.raw.bit(54)
    let isData = (descriptor.access & k(0x18)).differs(k(0x18))
    let enters64 = X86System.isLong & descriptor.isLong
    let badTarget: Expression = .select(
      enters64, local(Self.target).isNonCanonical, local(Self.target).isAbove(descriptor.limit))
    let level = isReturn ? requested : Self.privilege
    return [
      .when(code, then: [], otherwise: raise(X86Vector.protection)),
      .call(X86System.descriptor, [selector], result: Self.raw),
      .when(
        descriptor.access.bit(4), then: [],
        otherwise: isReturn
          ? raise(X86Vector.protection, code) : [.unsupported("a far branch through a gate or task")]),
      .when(isData | wrongRank | bothSizes, then: raise(X86Vector.protection, code), otherwise: []),
      .when(descriptor.isPresent, then: [], otherwise: raise(X86Vector.notPresent, code)),
      .when(badTarget, then: raise(X86Vector.protection), otherwise: []),
    ] + set(X86SegmentRegisters.all[1], code | level, descriptor)
      + [.write(X86Register.rip.id, local(Self.target))]
  }

  /// RETF and IRET.
  private func farReturn(hasFlags: Bool) -> [Effect] {
    let slots = hasFlags ? 3 : 2
    let released: Expression = row.operands.isEmpty ? k(0) : .operand(0)
    var effects: [Effect] = [
      .assign(Self.target, stackSlot(0)), .assign(Self.selector, stackSlot(1) & k(0xFFFF)),
    ]
    if hasFlags { effects.append(.assign(Self.flags, stackSlot(2))) }
    let restoreFlags = hasFlags ? loadFlags(local(Self.flags), resume: true) : []
    let popped = write(
      .rsp, form.stack, reg(.rsp) + k(UInt64(slots * width.bytes)) + released)
    let real = realCode + restoreFlags + [popped]

    // IRET in 64-bit mode always restores the stack too; else only a return to an outer level does.
    let alwaysStack = hasFlags && form.is64
    let outer = local(Self.outer)
    let newLevel = local(Self.selector) & k(3)
    let parameters: Expression = row.operands.isEmpty ? k(0) : .operand(0)
    let stackBase = (reg(.rsp) + parameters + k(UInt64(slots * width.bytes))).low(form.stack)
    let second = (reg(.rsp) + parameters + k(UInt64((slots + 1) * width.bytes))).low(form.stack)
    let takeStack: [Effect] = [
      .assign(Self.stackPointer, .load(.virtual(segment: 2), stackBase, width)),
      .assign(Self.stackSelector, .load(.virtual(segment: 2), second, width) & k(0xFFFF)),
    ]
    let noStack: [Effect] = [.assign(Self.stackPointer, k(0)), .assign(Self.stackSelector, k(0))]
    let whole: Width = form.is64 ? .bits64 : .bits32
    let newStack: [Effect] =
      // "16-bit pop; clear upper bits" (SDM vol. 2, IRET).
      [write(.rsp, width == .bits16 ? whole : width, local(Self.stackPointer) + released)]
      + loadStack(local(Self.stackSelector), privilege: newLevel)
    var checks: [Effect] = []
    if hasFlags {
      let nested = reg(.rflags).bit(14)
      checks.append(
        .when(
          nested, then: form.is64 ? raise(X86Vector.protection) : [.unsupported("return from a nested task")],
          otherwise: []))
      if width != .bits16, !form.is64 {
        checks.append(
          .when(
            local(Self.flags).bit(17) & Self.privilege.isZero, then: [.unsupported("virtual 8086 mode")],
            otherwise: []))
      }
    }
    let protected: [Effect] =
      checks + [.assign(Self.outer, newLevel.isAbove(Self.privilege))]
      + (alwaysStack ? takeStack : [.when(outer, then: takeStack, otherwise: noStack)])
      + protectedCode(isReturn: true) + restoreFlags
      + (alwaysStack ? newStack : [.when(outer, then: newStack, otherwise: [popped])])
      + [.when(outer, then: dropInnerSegments(newLevel), otherwise: [])]
    return effects + [.when(X86System.isProtected, then: protected, otherwise: real)]
  }

  /// A return to an outer level clears the data segments that it may not use.
  private func dropInnerSegments(_ level: Expression) -> [Effect] {
    [0, 3, 4, 5].map { number in
      let registers = X86SegmentRegisters.all[number]
      let attributes = reg(registers.attributes)
      let isConforming = (attributes & k(0xC)).equals(k(0xC))
      let rank = (attributes >> k(5)) & k(3)
      return .when(
        attributes.bit(7) & (isConforming ^ k(1)) & rank.isBelow(level),
        then: [.write(registers.selector.id, k(0)), .write(registers.attributes.id, k(0))], otherwise: [])
    }
  }
}
