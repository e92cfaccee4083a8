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
      return [.assign(Self.selector, .operand(1))] + loadSegment(Int(row.segment)) + stackShadow
    case .pushSegment:
      // Processors of today write only the 16 bits of the selector in a 32-bit push.
      let stored: Width = width == .bits32 ? .bits16 : width
      let value = reg(X86SegmentRegisters.all[Int(row.segment)].selector)
      return [
        .store(.virtual(segment: 2), stackAddress(-width.bytes), value, stored), moveStack(-width.bytes),
      ]
    case .popSegment:
      return [.assign(Self.selector, .load(.virtual(segment: 2), stackAddress(0), .bits16))]
        + loadSegment(Int(row.segment)) + [moveStack(width.bytes)] + stackShadow
    case .loadFar:
      return [.assign(Self.a, .operand(1)), .assign(Self.selector, .operand(2))]
        + loadSegment(Int(row.segment)) + [.setOperand(0, a)]
    case .ldt, .tr: return privileged([.assign(Self.selector, .operand(0))] + loadTable)
    default:
      return [userModePrevention, .setOperand(0, reg(row.condition == 1 ? .tr : .ldtr))]
    }
  }

  /// A load of SS holds interrupts and debug traps off until the next instruction is done.
  private var stackShadow: [Effect] {
    row.segment == 2 ? [.write(X86Register.interruptShadow.id, k(1))] : []
  }

  /// General protection for SGDT and its like outside level 0 with CR4.UMIP.
  var userModePrevention: Effect {
    .when(
      .select(Self.privilege, reg(.cr4).bit(11), k(0)), then: raise(X86Vector.protection), otherwise: [])
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
          .call(X86System.descriptorOf, [selector, k(X86Vector.protection), k(0)], result: Self.raw),
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
          .call(X86System.descriptorOf, [selector, k(X86Vector.protection), k(0)], result: Self.raw),
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
    let base = descriptor.base | (local(high) << k(32))
    let registers =
      isTask
      ? X86SegmentRegisters(selector: .tr, base: .trBase, limit: .trLimit, attributes: .trAttributes)
      : X86SegmentRegisters(selector: .ldtr, base: .ldtrBase, limit: .ldtrLimit, attributes: .ldtrAttributes)
    // Outside long mode a 16-bit task-state segment will do too.
    let kind = descriptor.access & k(0x1F)
    let wrongType =
      isTask ? .select(X86System.isLong, kind, kind | k(8)).differs(k(9)) : kind.differs(k(2))
    let busy: UInt64 = isTask ? 2 : 0
    let load: [Effect] = [
      .when(selector.bit(2), then: raise(X86Vector.protection, code), otherwise: []),
      .call(X86System.descriptorOf, [selector, k(X86Vector.protection), k(0)], result: Self.raw),
      .when(wrongType, then: raise(X86Vector.protection, code), otherwise: []),
      .when(descriptor.isPresent, then: [], otherwise: raise(X86Vector.notPresent, code)),
      .assign(high, k(0)),
      .when(
        X86System.isLong,
        then: [
          .call(X86System.descriptorHigh, [selector, k(X86Vector.protection), k(0)], result: high),
          // The upper half has a type of zero, and the base is canonical (Intel SDM vol. 2, LLDT and LTR).
          .when(
            ((local(high) >> k(40)) & k(0x1F)) | base.isNonCanonical,
            then: raise(X86Vector.protection, code), otherwise: []),
        ],
        otherwise: []),
      .call(X86System.markAccessed, [selector, descriptor.raw, k(busy)], result: nil),
    ]
    return [
      .when(
        code,
        then: load
          + registers.set(
            selector, base: base, limit: descriptor.limit,
            attributes: descriptor.attributes | k(busy)),
        otherwise: isTask
          ? raise(X86Vector.protection)
          : registers.set(selector, base: k(0), limit: k(0), attributes: k(0)))
    ]
  }

  // MARK: - Far branches

  private static let target: Local = 18
  private static let flags: Local = 19

  /// Far jumps, calls and returns: of real and virtual-8086 mode here, of protected mode in procedures.
  var farFlow: [Effect] {
    let size = k(UInt64(width.bytes))
    let released: Expression = row.operands.isEmpty ? k(0) : .operand(0)
    switch row.operation {
    case .jmpFar, .callFar:
      let isCall = row.operation == .callFar
      let saved: [Effect] = isCall ? push([reg(.cs), Expression.nextPC.low(width)]) : []
      return [
        .assign(Self.target, .operand(0)), .assign(Self.selector, .operand(1)),
        .when(
          X86System.isProtected,
          then: [
            .call(
              X86System.farBranch,
              [
                // A call gate has its own size, and so the whole address.
                local(Self.selector), local(Self.target), size, k(isCall ? 1 : 0), .nextPC,
              ],
              result: nil)
          ], otherwise: (isCall ? realRoom : []) + realCode + saved),
      ]
    case .retFar:
      return [
        .when(
          X86System.isProtected, then: [.call(X86System.farReturn, [size, k(0), released], result: nil)],
          otherwise: realReturn(hasFlags: false, released))
      ]
    default:
      // IOPL below 3 makes IRET fault in virtual-8086 mode.
      let level = (reg(.rflags) >> k(12)) & k(3)
      return [
        .when(
          X86System.isProtected, then: [.call(X86System.farReturn, [size, k(1), k(0)], result: nil)],
          otherwise: [
            .when(
              X86System.isVirtual & level.differs(k(3)), then: raise(X86Vector.protection), otherwise: [])
          ] + realReturn(hasFlags: true, k(0)))
      ]
    }
  }

  /// Room for a far return address comes before the target (Intel SDM vol. 2, CALL, real-address mode).
  ///
  /// The 8086 has no limits, and the 80286 the same exception for both.
  private var realRoom: [Effect] {
    guard model == .modern || model == .i80386 else { return [] }
    let size = k(UInt64(width.bytes))
    return [
      X86System.presentRoom(size, size), X86System.presentRoom(k(UInt64(2 * width.bytes)), size),
    ]
  }

  private var realCode: [Effect] {
    [
      .when(
        local(Self.target).isAbove(reg(.csLimit)), then: raise(X86Vector.protection), otherwise: [])
    ] + X86SegmentRegisters.all[1].setReal(local(Self.selector))
      + [.write(X86Register.rip.id, local(Self.target))]
  }

  private func realReturn(hasFlags: Bool, _ released: Expression) -> [Effect] {
    let slots = hasFlags ? 3 : 2
    var effects: [Effect] = [
      .assign(Self.target, stackSlot(0)), .assign(Self.selector, stackSlot(1) & k(0xFFFF)),
    ]
    if hasFlags { effects.append(.assign(Self.flags, stackSlot(2))) }
    effects += realCode
    if hasFlags { effects += loadFlags(local(Self.flags), resume: true) }
    return effects + [write(.rsp, form.stack, reg(.rsp) + k(UInt64(slots * width.bytes)) + released)]
  }

  /// A return to an outer level clears the data segments that it may not use.
  static func dropInnerSegments(_ level: Expression) -> [Effect] {
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
