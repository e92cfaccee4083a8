import MachineCore

/// Entering the handlers of traps and interrupts through the interrupt table.
///
/// The order of checks is that of Intel SDM vol. 2, INT n; the conventions are in Docs/X86System.md.
extension X86System {
  private static let vector: Local = 0
  private static let value: Local = 1
  /// 1 for an interrupt, which has no error code.
  private static let isInterrupt: Local = 2
  /// 1 when an error code is pushed.
  private static let hasCode: Local = 3
  private static let code: Local = 4
  /// The gate's two halves, and the code segment's descriptor.
  private static let gate: Local = 5
  private static let gateHigh: Local = 6
  private static let codeRaw: Local = 7
  private static let stackPointer: Local = 8
  private static let target: Local = 9
  /// Error code that names the gate.
  private static let gateCode: Local = 10
  private static let inner: Local = 11
  /// Where execution goes on after the handler, and 1 for INT and its like, 2 for INT1.
  private static let back: Local = 12
  private static let software: Local = 13
  private static let external: Local = 14
  private static let stackSelector: Local = 15
  private static let stackRaw: Local = 16
  private static let level: Local = 17
  private static let size: Local = 18
  private static let pushed: Local = 19
  private static let stackBase: Local = 20
  private static let stackLimit: Local = 21
  private static let stackAttributes: Local = 22
  private static let stackCode: Local = 23
  private static let fromVirtual: Local = 24
  private static let slots: Local = 25
  private static let place: Local = 26
  /// Breakpoints met before the frame was stored.
  private static let met: Local = 27

  /// Vectors with an error code: 8, 10 to 14, 17.
  private static let codeVectors: UInt64 = 1 << 8 | 0x1F << 10 | 1 << 17

  /// Entries of the table of a fault's details: error code and address of a page fault, 1 while that is news;
  /// 1 if single-stepping asks the flag as it is after the instruction; 1 if RF was loaded.
  static let pageCode: UInt64 = 0
  static let pageAddress: UInt64 = 1
  static let pageNews: UInt64 = 2
  static let stepsAfter: UInt64 = 3
  static let loadsResume: UInt64 = 4
  /// The table of breakpoints that the instruction met, at entry 0: a table of its own, because translations
  /// change it.
  static let breakpoints = 5

  static func detail(_ entry: UInt64) -> Expression { .auxiliary(0, k(entry)) }
  static func setDetail(_ entry: UInt64, _ value: Expression) -> Effect { .setAuxiliary(0, k(entry), value) }

  /// Tells ``afterProcedure(_:)`` something, if it is going to run; it forgets what it was told.
  ///
  /// - Parameter begins: the instruction makes that it runs.
  static func tell(_ entry: UInt64, _ value: Expression, if begins: Expression = k(0)) -> Effect {
    let isWatched =
      begins | (reg(.rflags) & k(X86Flags([.trap, .resume]).rawValue)) | (reg(.dr7) & k(0xFF))
      | reg(.interruptShadow)
    return .when(isWatched, then: [setDetail(entry, value)], otherwise: [])
  }

  /// (cause, value, 1 for an interrupt or 0): enters the handler.
  static var deliverProcedure: Procedure {
    let isDebug = local(vector).equals(k(X86Vector.debug)) & (local(2) ^ k(1))
    return Procedure(
      "deliver", [0, 1, 2],
      [
        .call(enter, [local(vector), local(value), local(2), .pc, k(0)], result: nil),
        .when(
          isDebug,
          then: [
            .write(X86Register.dr6.id, (reg(.dr6) & k(~15)) | local(value)),
            .write(X86Register.dr7.id, reg(.dr7) & k(~0x2000)),
          ], otherwise: []),
        .when(.auxiliary(breakpoints, k(0)), then: [.clearAuxiliary(breakpoints)], otherwise: []),
      ])
  }

  /// A page fault that arose is told by CR2, even if another exception is delivered in its place.
  private static var loadFaultAddress: Effect {
    .when(
      detail(pageNews),
      then: [.write(X86Register.cr2.id, detail(pageAddress)), setDetail(pageNews, k(0))], otherwise: [])
  }

  /// () What a shutdown leaves of the state before it.
  static var shutdownProcedure: Procedure { Procedure("shutdown", [], [loadFaultAddress]) }

  /// (exception being delivered, or its vector if it is an interrupt; the fault that arose) → what is
  /// delivered in its place; 256 for a shutdown (Intel SDM vol. 3, table 6-5).
  static var escalateProcedure: Procedure {
    let contributory: UInt64 = 1 << 0 | 0xF << 10
    func isContributory(_ number: Local) -> Expression {
      (k(contributory) >> local(number)) & local(number).isBelow(k(32))
    }
    func isPageFault(_ number: Local) -> Expression { local(number).equals(k(X86Vector.page)) }
    let serious = isContributory(1) | isPageFault(1)
    let doubles =
      (isContributory(0) & isContributory(1)) | (isPageFault(0) & serious)
    return Procedure(
      "escalate", [0, 1],
      [
        .give(
          .select(
            local(0).equals(k(X86Vector.doubleFault)) & serious, k(256),
            .select(doubles, k(X86Vector.doubleFault), local(1))))
      ])
  }

  /// (vector, value, 1 for an interrupt, address to save, 1 for INT and its like or 2 for INT1): enters the
  /// handler.
  static func enterProcedure(_ model: X86CPUModel) -> Procedure {
    Procedure(
      "enter-handler", [0, 1, 2, back, software],
      [
        // The error code of a page fault comes by way of the table, its address as the value.
        .assign(
          code, .select(local(vector).equals(k(X86Vector.page)), detail(pageCode), local(value))),
        .assign(external, local(software).differs(k(1))),
        .when(hasProtection, then: protected, otherwise: real(model)),
        loadFaultAddress,
        .write(X86Register.interruptShadow.id, k(0)), .write(X86Register.halted.id, k(0)),
      ])
  }

  /// The flags as they are saved: RF is set for a fault, so that a breakpoint on the instruction does not trap again.
  private static var savedFlags: Expression {
    let byVector = (k(faults) >> local(vector)) & local(vector).isBelow(k(32))
    let isDetect = local(vector).equals(k(X86Vector.debug)) & local(value).bit(13)
    return .select(
      local(isInterrupt) | local(software), reg(.rflags), reg(.rflags) | ((byVector | isDetect) << k(16)))
  }

  /// Real mode: flags, CS and IP go to the stack; the vector is at four times its number.
  private static func real(_ model: X86CPUModel) -> [Effect] {
    let offset = (local(vector) << k(2))
    var effects: [Effect] = []
    // The 8086 has no limit of the table.
    if model != .i8086 {
      effects.append(
        .when(
          (offset + k(3)).isAbove(reg(.idtrLimit)),
          then: raise(X86Vector.protection, (local(vector) << k(3)) | k(2)), otherwise: []))
    }
    effects.append(.assign(gate, systemLoad(reg(.idtrBase) + offset, .bits32)))
    var frame: [Effect] = []
    for (slot, value) in [
      reg(.rflags) | k(model.storedOnes), reg(.cs), local(back),
    ].enumerated() {
      let address = (reg(.rsp) - k(UInt64(slot + 1) * 2)).low(.bits16)
      frame.append(.store(.virtual(segment: 2), address, value.low(.bits16), .bits16))
    }
    effects += withoutBreakpoints(met, frame)
    let selector = local(gate) >> k(16)
    return effects + [
      .write(X86Register.rsp.id, (reg(.rsp) & k(~0xFFFF)) | (reg(.rsp) - k(6)).low(.bits16)),
      .write(X86Register.rflags.id, reg(.rflags) & k(~0x4_0300)),
      .write(X86Register.cs.id, selector), .write(X86Register.csBase.id, selector << k(4)),
      .write(X86Register.rip.id, local(gate) & k(0xFFFF)),
    ]
  }

  /// Protected mode, inside and outside long mode.
  private static var protected: [Effect] {
    let privilege = X86Semantics.privilege
    let selector = (local(gate) >> k(16)) & k(0xFFFF)
    let selectorCode = (selector & k(0xFFFC)) | local(external)
    let descriptor = X86Descriptor(raw: local(codeRaw))
    let gateRefusal: [Effect] = [.trap(k(X86Vector.protection), local(gateCode))]
    let codeRefusal: [Effect] = [.trap(k(X86Vector.protection), selectorCode)]
    let type = (local(gate) >> k(40)) & k(0x1F)
    let types: Expression = .select(isLong, k(0xC000), k(0xC0E0))
    let offset: Expression = .select(isLong, local(vector) << k(4), local(vector) << k(3))
    let last: Expression = .select(isLong, k(15), k(7))
    let isConforming = descriptor.access.bit(2)
    let longCode = isLong & ((descriptor.isLong ^ k(1)) | descriptor.raw.bit(54))
    let badCode =
      (descriptor.access & k(0x18)).differs(k(0x18)) | descriptor.privilege.isAbove(privilege) | longCode
    let interrupts: Expression = .select(local(gate).bit(40), k(0), k(X86Flags.interrupt.rawValue))
    let clears: UInt64 = X86Flags([.trap, .nested, .resume, .virtual8086]).rawValue

    var effects: [Effect] = [
      .assign(gateCode, (local(vector) << k(3)) | k(2) | local(external)),
      .when((offset + last).isAbove(reg(.idtrLimit)), then: gateRefusal, otherwise: []),
      .assign(
        hasCode,
        .select(
          local(isInterrupt) | local(software), k(0),
          (k(codeVectors) >> local(vector)) & local(vector).isBelow(k(32)))),
      .assign(gate, systemLoad(reg(.idtrBase) + offset, .bits64)),
      .assign(gateHigh, k(0)),
      .when(
        isLong, then: [.assign(gateHigh, systemLoad(reg(.idtrBase) + offset + k(8), .bits64))], otherwise: []),
      .when((types >> type) & type.isBelow(k(16)), then: [], otherwise: gateRefusal),
      .when(
        local(software).equals(k(1)) & ((local(gate) >> k(45)) & k(3)).isBelow(privilege), then: gateRefusal,
        otherwise: []),
      .when(local(gate).bit(47), then: [], otherwise: [.trap(k(X86Vector.notPresent), local(gateCode))]),
      .when(type.equals(k(5)), then: [.unsupported("hardware task switch")], otherwise: []),
      .when(
        selector & k(0xFFFC), then: [], otherwise: [.trap(k(X86Vector.protection), local(external))]),
      .call(descriptorOf, [selector, k(X86Vector.protection), local(external)], result: codeRaw),
      .when(badCode, then: codeRefusal, otherwise: []),
      .when(descriptor.isPresent, then: [], otherwise: [.trap(k(X86Vector.notPresent), selectorCode)]),
      .assign(fromVirtual, reg(.rflags).bit(17)),
      .assign(inner, .select(isConforming, k(0), descriptor.privilege.isBelow(privilege))),
      .when(
        local(fromVirtual) & ((local(inner) ^ k(1)) | descriptor.privilege.differs(k(0))), then: codeRefusal,
        otherwise: []),
      .assign(level, .select(local(inner), descriptor.privilege, privilege)),
      .assign(pushed, savedFlags),
      .assign(stackSelector, local(level)), .assign(stackRaw, k(0)),
      .when(isLong, then: longFrame, otherwise: legacyFrame),
    ]
    effects.append(.call(markAccessed, [selector, local(codeRaw), k(1)], result: nil))
    effects += X86SegmentRegisters.all[1].set(
      (selector & k(0xFFFC)) | local(level), base: descriptor.base, limit: descriptor.limit,
      attributes: descriptor.attributes | k(1))
    let stack = X86Descriptor(raw: local(stackRaw))
    effects.append(
      .when(
        local(inner),
        then: [
          .when(
            isLong,
            then: X86SegmentRegisters.all[2].set(
              local(level), base: k(0), limit: k(0), attributes: local(level) << k(5)),
            otherwise: [.call(markAccessed, [local(stackSelector), stack.raw, k(1)], result: nil)]
              + X86SegmentRegisters.all[2].set(
                local(stackSelector), base: stack.base, limit: stack.limit,
                attributes: stack.attributes | k(1)))
        ], otherwise: []))
    effects.append(
      .when(
        local(fromVirtual),
        then: [0, 3, 4, 5].flatMap {
          X86SegmentRegisters.all[$0].set(k(0), base: k(0), limit: k(0), attributes: k(0))
        }, otherwise: []))
    return effects + [
      .write(X86Register.rflags.id, reg(.rflags) & ~(k(clears) | interrupts)),
      .write(X86Register.rip.id, local(target)),
    ]
  }

  /// Long mode: an aligned stack, of the task-state segment on a change of level or if the gate says so.
  private static var longFrame: [Effect] {
    let table = (local(gate) >> k(32)) & k(7)
    var effects: [Effect] = [
      .assign(stackPointer, reg(.rsp)),
      .when(
        table,
        then: [.call(longStack, [table + k(4), local(external)], result: stackPointer)],
        otherwise: [
          .when(
            local(inner), then: [.call(longStack, [local(level), local(external)], result: stackPointer)],
            otherwise: [])
        ]),
      .assign(stackPointer, local(stackPointer) & k(~15)),
      .when(
        (local(stackPointer) - k(1)).isNonCanonical | (local(stackPointer) - k(48)).isNonCanonical,
        then: [.trap(k(X86Vector.stack), local(external))], otherwise: []),
      .assign(
        target,
        (local(gate) & k(0xFFFF)) | ((local(gate) >> k(32)) & k(0xFFFF_0000)) | (local(gateHigh) << k(32))),
      .when(
        local(target).isNonCanonical, then: [.trap(k(X86Vector.protection), local(external))], otherwise: []),
    ]
    let isUser = local(level).equals(k(3))
    func push(_ slot: UInt64, _ value: Expression) -> Effect {
      .call(frameStore, [local(stackPointer) - k(slot * 8), value, k(8), isUser], result: nil)
    }
    let values: [Expression] = [reg(.ss), reg(.rsp), local(pushed), reg(.cs), local(back)]
    for (slot, value) in values.enumerated() { effects.append(push(UInt64(slot + 1), value)) }
    return effects + [
      .when(local(hasCode), then: [push(6, local(code))], otherwise: []),
      .write(X86Register.rsp.id, local(stackPointer) - k(40) - (local(hasCode) << k(3))),
    ]
  }

  /// 16- and 32-bit gates.
  private static var legacyFrame: [Effect] {
    let stack = X86Descriptor(raw: local(stackRaw))
    let mask = stackMask(local(stackAttributes))
    let limit = X86Descriptor(raw: local(codeRaw)).limit
    func offset(_ slot: Expression) -> Expression {
      (local(stackPointer) - ((slot + k(1)) * local(size))) & mask
    }
    func room(_ slot: Expression) -> Effect {
      .call(
        stackRoom,
        [offset(slot), local(size), local(stackLimit), local(stackAttributes), local(stackCode)], result: nil)
    }
    func store(_ slot: Expression, _ value: Expression) -> Effect {
      .call(
        frameStore,
        [
          (local(stackBase) + offset(slot)).low(.bits32), value, local(size), local(level).equals(k(3)),
        ], result: nil)
    }
    /// The frame from its highest slot down: each part behind `slots`, which counts what is there.
    func parts(_ action: (Expression, Expression) -> Effect) -> [Effect] {
      func row(_ values: [Expression]) -> [Effect] {
        values.enumerated().map { action(local(slots) + k(UInt64($0)), $1) }
          + [.assign(slots, local(slots) + k(UInt64(values.count)))]
      }
      return [.assign(slots, k(0))] + [
        .when(
          local(fromVirtual), then: row([reg(.gs), reg(.fs), reg(.ds), reg(.es)]), otherwise: []),
        .when(local(inner), then: row([reg(.ss), reg(.rsp)]), otherwise: []),
      ] + row([local(pushed), reg(.cs), local(back)]) + [
        .when(local(hasCode), then: row([local(code)]), otherwise: [])
      ]
    }
    let newPointer = pointer(
      local(stackPointer), local(stackPointer) - (local(slots) * local(size)), mask: mask)
    return [
      .assign(size, .select(local(gate).bit(43), k(4), k(2))),
      .assign(
        target,
        (local(gate) & k(0xFFFF))
          | .select(local(gate).bit(43), (local(gate) >> k(32)) & k(0xFFFF_0000), k(0))),
      .when(
        local(inner),
        then: [
          .call(innerStack, [local(level), local(external)], result: place),
          .assign(stackSelector, local(place) & k(0xFFFF)), .assign(stackPointer, local(place) >> k(16)),
          .call(innerSegment, [local(stackSelector), local(level), local(external)], result: stackRaw),
          .assign(stackBase, stack.base), .assign(stackLimit, stack.limit),
          .assign(stackAttributes, stack.attributes),
          .assign(stackCode, (local(stackSelector) & k(0xFFFC)) | local(external)),
        ],
        otherwise: [
          .assign(stackPointer, reg(.rsp).low(.bits32)), .assign(stackBase, reg(.ssBase)),
          .assign(stackLimit, reg(.ssLimit)), .assign(stackAttributes, reg(.ssAttributes)),
          .assign(stackCode, local(external)),
        ]),
    ] + parts { slot, _ in room(slot) } + [
      .when(
        local(target).isAbove(limit), then: [.trap(k(X86Vector.protection), local(external))], otherwise: [])
    ] + parts { slot, value in store(slot, value) } + [.write(X86Register.rsp.id, newPointer)]
  }
}
