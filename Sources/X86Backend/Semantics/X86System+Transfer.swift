import MachineCore

/// Far jumps, calls and returns in protected mode (Intel SDM vol. 2: JMP, CALL, RET, IRET).
extension X86System {
  private static let selector: Local = 0
  private static let target: Local = 1
  /// Bytes of a stack slot.
  private static let size: Local = 2
  private static let isCall: Local = 3
  private static let back: Local = 4
  private static let raw: Local = 5
  private static let high: Local = 6
  private static let codeSelector: Local = 7
  private static let inner: Local = 8
  private static let stackPointer: Local = 9
  private static let stackSelector: Local = 10
  private static let stackRaw: Local = 11
  private static let count: Local = 12
  private static let value: Local = 13
  private static let oldPointer: Local = 14
  private static let level: Local = 15

  private static func refuse(_ selector: Expression) -> [Effect] {
    raise(X86Vector.protection, selector & k(0xFFFC))
  }

  /// Mask of the stack pointer as the present stack segment gives it.
  static var presentStackMask: Expression {
    .select(is64, k(.max), stackMask(reg(.ssAttributes)))
  }

  /// The checks of a code segment's kind, presence aside: no code, or a 64- and 32-bit segment at once.
  private static func isNoCode(_ descriptor: X86Descriptor) -> Expression {
    (descriptor.access & k(0x18)).differs(k(0x18)) | (isLong & descriptor.isLong & descriptor.raw.bit(54))
  }

  /// A general protection fault unless the target lies in the code segment.
  private static func checkTarget(_ descriptor: X86Descriptor) -> Effect {
    let bad: Expression = .select(
      isLong & descriptor.isLong, local(target).isNonCanonical,
      local(target).isAbove(descriptor.limit) | (local(target) >> k(32)))
    return .when(bad, then: raise(X86Vector.protection), otherwise: [])
  }

  /// Loads CS with a privilege level, and the program counter.
  private static func enterCode(
    _ selector: Expression, _ raw: Local, _ level: Expression
  ) -> [Effect] {
    let descriptor = X86Descriptor(raw: local(raw))
    return [.call(markAccessed, [selector, local(raw), k(1)], result: nil)]
      + X86SegmentRegisters.all[1].set(
        (selector & k(0xFFFC)) | level, base: descriptor.base, limit: descriptor.limit,
        attributes: descriptor.attributes | k(1))
      + [.write(X86Register.rip.id, local(target))]
  }

  /// (bytes from the stack's top, size) → the value there; the program's own access.
  static var stackValueProcedure: Procedure {
    let address = (reg(.rsp) + local(0)) & presentStackMask
    func load(_ width: Width) -> [Effect] { [.give(.load(.virtual(segment: 2), address, width))] }
    return Procedure(
      "stack-value", [0, 1],
      [
        .when(
          local(1).equals(k(8)), then: load(.bits64),
          otherwise: [.when(local(1).equals(k(4)), then: load(.bits32), otherwise: load(.bits16))])
      ])
  }

  /// (bytes below the stack's top, value, size): the program's own store.
  static var stackStoreProcedure: Procedure {
    let address = (reg(.rsp) - local(0)) & presentStackMask
    func store(_ width: Width) -> [Effect] {
      [.store(.virtual(segment: 2), address, local(1).low(width), width)]
    }
    return Procedure(
      "stack-store", [0, 1, 2],
      [
        .when(
          local(2).equals(k(8)), then: store(.bits64),
          otherwise: [.when(local(2).equals(k(4)), then: store(.bits32), otherwise: store(.bits16))])
      ])
  }

  /// (bytes from the stack's top, size): a stack fault unless they lie in the present stack segment.
  static func presentRoom(_ below: Expression, _ size: Expression) -> Effect {
    .when(
      is64, then: [],
      otherwise: [
        .call(
          stackRoom,
          [(reg(.rsp) - below) & presentStackMask, size, reg(.ssLimit), reg(.ssAttributes), k(0)], result: nil
        )
      ])
  }

  // MARK: - Jumps and calls

  /// (selector, target, bytes of a slot, 1 for a call, return address).
  static var farBranchProcedure: Procedure {
    let privilege = X86Semantics.privilege
    let descriptor = X86Descriptor(raw: local(raw))
    let type = descriptor.access & k(15)
    let isConforming = descriptor.access & k(4)
    let wrongRank: Expression = .select(
      isConforming, descriptor.privilege.isAbove(privilege),
      (local(selector) & k(3)).isAbove(privilege) | descriptor.privilege.differs(privilege))
    let direct: [Effect] =
      [
        .when(isNoCode(descriptor) | wrongRank, then: refuse(local(selector)), otherwise: []),
        .when(
          descriptor.isPresent, then: [], otherwise: raise(X86Vector.notPresent, local(selector) & k(0xFFFC))),
      ] + saveReturn(descriptor) + enterCode(local(selector), raw, privilege)
    let isGate: Expression = .select(isLong, type.equals(k(12)), (type & k(7)).equals(k(4)))
    let isTask: Expression = .select(isLong, k(0), (k(0x222) >> type) & k(1))
    let outranked =
      descriptor.privilege.isBelow(privilege) | descriptor.privilege.isBelow(local(selector) & k(3))
    let absent = raise(X86Vector.notPresent, local(selector) & k(0xFFFC))
    return Procedure(
      "far-branch", [0, 1, 2, 3, 4],
      [
        .when(local(selector) & k(0xFFFC), then: [], otherwise: raise(X86Vector.protection)),
        .call(descriptorOf, [local(selector), k(X86Vector.protection), k(0)], result: raw),
        .when(
          descriptor.access.bit(4), then: direct,
          otherwise: [
            .when((isGate | isTask) ^ k(1), then: refuse(local(selector)), otherwise: []),
            .when(outranked, then: refuse(local(selector)), otherwise: []),
            .when(descriptor.isPresent, then: [], otherwise: absent),
            .when(isTask, then: [.unsupported("hardware task switch")], otherwise: []),
            .call(
              callGate, [local(selector), local(raw), local(isCall), local(back)], result: nil),
          ]),
      ])
  }

  /// Room for the return address, the target's check, and the stores of a call at the same level.
  private static func saveReturn(_ descriptor: X86Descriptor) -> [Effect] {
    [
      .when(
        local(isCall),
        then: [presentRoom(local(size), local(size)), presentRoom(local(size) << k(1), local(size))],
        otherwise: []),
      checkTarget(descriptor),
      .when(
        local(isCall),
        then: [
          .call(stackStore, [local(size), reg(.cs), local(size)], result: nil),
          .call(stackStore, [local(size) << k(1), local(back), local(size)], result: nil),
          .write(
            X86Register.rsp.id,
            pointer(reg(.rsp), reg(.rsp) - (local(size) << k(1)), mask: presentStackMask)),
        ], otherwise: []),
    ]
  }

  /// (gate's selector, gate, 1 for a call, return address): through a call gate.
  ///
  /// Its own locals, in the order of the others' numbers: `raw` is the code segment's descriptor.
  static var callGateProcedure: Procedure {
    let gateSelector = local(16)
    let gate = local(17)
    let privilege = X86Semantics.privilege
    let descriptor = X86Descriptor(raw: local(raw))
    let isConforming = descriptor.access & k(4)
    let code = local(codeSelector)
    let longCode = isLong & ((descriptor.isLong ^ k(1)) | descriptor.raw.bit(54))
    let isWide = gate.bit(43)
    let jumpRank: Expression = .select(isConforming, k(0), descriptor.privilege.differs(privilege))
    return Procedure(
      "call-gate", [16, 17, isCall, back],
      [
        .assign(high, k(0)),
        .when(
          isLong,
          then: [
            .call(descriptorHigh, [gateSelector, k(X86Vector.protection), k(0)], result: high),
            .when((local(high) >> k(40)) & k(0x1F), then: refuse(gateSelector), otherwise: []),
          ], otherwise: []),
        .assign(codeSelector, (gate >> k(16)) & k(0xFFFF)),
        .assign(
          target,
          .select(
            isWide,
            (gate & k(0xFFFF)) | ((gate >> k(32)) & k(0xFFFF_0000)) | (local(high) << k(32)), gate & k(0xFFFF)
          )),
        .assign(size, .select(isLong, k(8), .select(isWide, k(4), k(2)))),
        .when(code & k(0xFFFC), then: [], otherwise: raise(X86Vector.protection)),
        .call(descriptorOf, [code, k(X86Vector.protection), k(0)], result: raw),
        .when(
          isNoCode(descriptor) | longCode | descriptor.privilege.isAbove(privilege), then: refuse(code),
          otherwise: []),
        .when((local(isCall) ^ k(1)) & jumpRank, then: refuse(code), otherwise: []),
        .when(descriptor.isPresent, then: [], otherwise: raise(X86Vector.notPresent, code & k(0xFFFC))),
        .assign(
          inner,
          local(isCall) & .select(isConforming, k(0), descriptor.privilege.isBelow(privilege))),
        .assign(level, .select(local(inner), descriptor.privilege, privilege)),
        .when(
          local(inner), then: [.when(isLong, then: longCall, otherwise: legacyCall)],
          otherwise: saveReturn(descriptor)),
      ] + enterCode(code, raw, local(level)))
  }

  /// A 64-bit call gate to an inner level.
  private static var longCall: [Effect] {
    let descriptor = X86Descriptor(raw: local(raw))
    func push(_ slot: UInt64, _ value: Expression) -> Effect {
      .call(
        frameStore, [local(stackPointer) - k(slot * 8), value, k(8), local(level).equals(k(3))], result: nil)
    }
    return [
      .call(longStack, [local(level), k(0)], result: stackPointer),
      .when(
        (local(stackPointer) - k(1)).isNonCanonical | (local(stackPointer) - k(32)).isNonCanonical,
        then: raise(X86Vector.stack), otherwise: []),
      checkTarget(descriptor),
      push(1, reg(.ss)), push(2, reg(.rsp)), push(3, reg(.cs)), push(4, local(back)),
      .write(X86Register.rsp.id, local(stackPointer) - k(32)),
    ]
      + X86SegmentRegisters.all[2].set(
        local(level), base: k(0), limit: k(0), attributes: local(level) << k(5))
  }

  /// A 16- or 32-bit call gate to an inner level: a new stack, and the parameters on it.
  private static var legacyCall: [Effect] {
    let stack = X86Descriptor(raw: local(stackRaw))
    let mask = stackMask(stack.attributes)
    let gate = local(17)
    func offset(_ slot: Expression) -> Expression {
      (local(stackPointer) - (slot + k(1)) * local(size)) & mask
    }
    func room(_ slot: Expression) -> Effect {
      .call(
        stackRoom,
        [offset(slot), local(size), stack.limit, stack.attributes, local(stackSelector) & k(0xFFFC)],
        result: nil)
    }
    func push(_ slot: Expression, _ value: Expression) -> Effect {
      .call(
        frameStore,
        [(stack.base + offset(slot)).low(.bits32), value, local(size), local(level).equals(k(3))],
        result: nil)
    }
    var effects: [Effect] = [
      .call(innerStack, [local(level), k(0)], result: value),
      .assign(stackSelector, local(value) & k(0xFFFF)), .assign(stackPointer, local(value) >> k(16)),
      .call(innerSegment, [local(stackSelector), local(level), k(0)], result: stackRaw),
      .assign(count, (gate >> k(32)) & k(31)),
      room(k(0)), room(k(1)),
    ]
    for number in 1...31 {
      effects.append(
        .when(local(count).isBelow(k(UInt64(number))), then: [], otherwise: [room(k(UInt64(number + 1)))]))
    }
    effects += [
      room(local(count) + k(2)), room(local(count) + k(3)), checkTarget(X86Descriptor(raw: local(raw))),
      push(k(0), reg(.ss)), push(k(1), reg(.rsp)),
    ]
    // The parameters from the highest down.
    for number in (0..<31).reversed() {
      effects.append(
        .when(
          local(count).isAbove(k(UInt64(number))),
          then: [
            .call(stackValue, [k(UInt64(number)) * local(size), local(size)], result: value),
            push(local(count) + k(1) - k(UInt64(number)), local(value)),
          ], otherwise: []))
    }
    return effects + [
      push(local(count) + k(2), reg(.cs)), push(local(count) + k(3), local(back)),
      .write(
        X86Register.rsp.id,
        pointer(local(stackPointer), local(stackPointer) - ((local(count) + k(4)) * local(size)), mask: mask)),
      .call(markAccessed, [local(stackSelector), local(stackRaw), k(1)], result: nil),
    ]
      + X86SegmentRegisters.all[2].set(
        local(stackSelector), base: stack.base, limit: stack.limit, attributes: stack.attributes | k(1))
  }

  // MARK: - Returns

  /// (bytes of a slot, 1 for IRET, parameter bytes to release): RETF and IRET.
  static func farReturnProcedure(_ model: X86CPUModel) -> Procedure {
    let size = local(16)
    let isInterrupt = local(17)
    let released = local(18)
    let flags: Local = 19
    let outer: Local = 20
    let privilege = X86Semantics.privilege
    let requested = local(selector) & k(3)
    let descriptor = X86Descriptor(raw: local(raw))
    let stack = X86Descriptor(raw: local(stackRaw))
    let wrongRank =
      requested.isBelow(privilege)
      | .select(
        descriptor.access & k(4), descriptor.privilege.isAbove(requested),
        descriptor.privilege.differs(requested))
    let fixed: Expression = .select(isInterrupt, k(3), k(2)) * size
    func pop(_ offset: Expression, into result: Local) -> Effect {
      .call(stackValue, [offset, size], result: result)
    }
    let stackCode = local(stackSelector) & k(0xFFFC)
    let badStack =
      (local(stackSelector) & k(3)).differs(requested) | stack.privilege.differs(requested)
      | (stack.access & k(0x1A)).differs(k(0x12))
    let nullAllowed =
      isLong & descriptor.isLong & requested.differs(k(3))
      & (local(stackSelector) & k(3)).equals(requested)
    let takeStack: [Effect] = [
      pop(fixed + released, into: stackPointer),
      pop(fixed + released + size, into: stackSelector),
      .assign(stackSelector, local(stackSelector) & k(0xFFFF)),
      .when(
        stackCode,
        then: [
          .call(descriptorOf, [local(stackSelector), k(X86Vector.protection), k(0)], result: stackRaw),
          .when(badStack, then: refuse(local(stackSelector)), otherwise: []),
          .when(stack.isPresent, then: [], otherwise: raise(X86Vector.stack, stackCode)),
        ],
        otherwise: [.when(nullAllowed, then: [], otherwise: raise(X86Vector.protection))]),
    ]
    // A word clears the upper bits ("16-bit pop; clear upper bits"); a 16-bit stack segment keeps them.
    let moved = local(stackPointer) + released
    let newPointer: Expression = .select(
      isLong & descriptor.isLong, moved,
      .select(stack.raw.bit(54), moved.low(.bits32), pointer(reg(.rsp), moved, mask: k(0xFFFF))))
    let setStack: [Effect] = [
      .write(X86Register.rsp.id, newPointer),
      .when(
        stackCode,
        then: [.call(markAccessed, [local(stackSelector), local(stackRaw), k(1)], result: nil)]
          + X86SegmentRegisters.all[2].set(
            local(stackSelector), base: stack.base, limit: stack.limit, attributes: stack.attributes | k(1)),
        otherwise: X86SegmentRegisters.all[2].set(
          local(stackSelector), base: k(0), limit: k(0), attributes: requested << k(5))),
    ]
    let sameStack: [Effect] = [
      .write(
        X86Register.rsp.id, pointer(reg(.rsp), reg(.rsp) + fixed + released, mask: presentStackMask))
    ]
    // In 64-bit mode IRET always takes the stack from the frame.
    let takes = local(outer) | (isInterrupt & is64)
    return Procedure(
      "far-return", [16, 17, 18],
      [
        .when(
          isInterrupt & reg(.rflags).bit(14),
          then: [
            .when(
              isLong, then: raise(X86Vector.protection), otherwise: [.unsupported("hardware task switch")])
          ], otherwise: []),
        pop(k(0), into: target), pop(size, into: selector),
        .assign(selector, local(selector) & k(0xFFFF)),
        .assign(flags, k(0)),
        .when(isInterrupt, then: [pop(size << k(1), into: flags)], otherwise: []),
        .when(
          isInterrupt & local(flags).bit(17) & size.equals(k(4)) & privilege.isZero & (isLong ^ k(1)),
          then: [
            .call(returnToVirtual, [local(target), local(selector), local(flags)], result: nil), .give(k(0)),
          ],
          otherwise: []),
        .when(local(selector) & k(0xFFFC), then: [], otherwise: raise(X86Vector.protection)),
        .call(descriptorOf, [local(selector), k(X86Vector.protection), k(0)], result: raw),
        .when(isNoCode(descriptor) | wrongRank, then: refuse(local(selector)), otherwise: []),
        .when(
          descriptor.isPresent, then: [], otherwise: raise(X86Vector.notPresent, local(selector) & k(0xFFFC))),
        .assign(outer, requested.isAbove(privilege)),
        .assign(stackPointer, k(0)), .assign(stackSelector, k(0)), .assign(stackRaw, k(0)),
        .when(takes, then: takeStack, otherwise: []),
        checkTarget(descriptor),
        .when(takes, then: setStack, otherwise: sameStack),
        .when(
          isInterrupt,
          then: [
            .write(X86Register.rflags.id, X86Semantics.flagsOfReturn(local(flags), size: size, model)),
            // A word has no RF to load, and IRET clears none.
            tell(loadsResume, .select(size.equals(k(2)), k(1), local(flags).bit(16))),
          ], otherwise: []),
      ] + enterCode(local(selector), raw, requested) + [
        .when(local(outer), then: X86Semantics.dropInnerSegments(requested), otherwise: []), .give(k(0)),
      ])
  }

  /// (target, CS, flags): the rest of IRET to virtual-8086 mode.
  static var returnToVirtualProcedure: Procedure {
    let order = [0, 3, 4, 5]
    let values: [Local] = [5, 6, 7, 8]
    var effects: [Effect] = [
      .call(stackValue, [k(12), k(4)], result: 3), .call(stackValue, [k(16), k(4)], result: 4),
    ]
    for (slot, result) in values.enumerated() {
      effects.append(.call(stackValue, [k(UInt64(20 + 4 * slot)), k(4)], result: result))
    }
    effects.append(
      .when(local(0).isAbove(k(0xFFFF)), then: raise(X86Vector.protection), otherwise: []))
    func set(_ number: Int, _ selector: Expression) -> [Effect] {
      let selector = selector & k(0xFFFF)
      return X86SegmentRegisters.all[number].set(
        selector, base: selector << k(4), limit: k(0xFFFF), attributes: k(0xF3))
    }
    effects += set(1, local(1)) + set(2, local(4))
    for (number, result) in zip(order, values) { effects += set(number, local(result)) }
    return Procedure(
      "return-to-virtual-8086", [0, 1, 2],
      effects + [
        .write(X86Register.rsp.id, local(3)), .write(X86Register.rip.id, local(0)),
        .write(
          X86Register.rflags.id,
          (reg(.rflags) & k(~0x27_7FD5)) | (local(2) & k(0x27_7FD5)) | k(2)),
        tell(loadsResume, local(2).bit(16)),
      ])
  }
}
