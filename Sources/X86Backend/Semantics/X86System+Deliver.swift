import MachineCore

/// Entering the handlers of traps and interrupts through the interrupt table.
extension X86System {
  private static let vector: Local = 0
  private static let value: Local = 1
  /// 1 when the vector pushes an error code.
  private static let hasCode: Local = 3
  private static let code: Local = 4
  /// The gate's two halves, and the code segment's descriptor.
  private static let gate: Local = 5
  private static let gateHigh: Local = 6
  private static let descriptorRaw: Local = 7
  private static let stackPointer: Local = 8
  private static let target: Local = 9
  private static let place: Local = 10
  private static let inner: Local = 11

  /// Vectors with an error code: 8, 10 to 14, 17.
  private static let codeVectors: UInt64 = 1 << 8 | 0x1F << 10 | 1 << 17

  /// Where execution goes on after the handler, and 1 for INT and its like.
  private static let back: Local = 12
  private static let isSoftware: Local = 13

  /// (cause, value, 1 for an interrupt or 0): enters the handler.
  ///
  /// Without an interrupt table, or when the handler cannot be entered, the processor shuts down: faults
  /// inside delivery are not made into double faults.
  static var deliverProcedure: Procedure {
    Procedure(
      "deliver", [0, 1, 2],
      [.call(enter, [local(vector), local(value), local(2), .pc, k(0)], result: nil)])
  }

  /// (vector, value, 1 for no error code, address to save, 1 for an INT instruction): enters the handler.
  static func enterProcedure(_ model: X86CPUModel) -> Procedure {
    Procedure(
      "enter-handler", [0, 1, 2, back, isSoftware],
      [
        // The error code of a page fault comes by way of the table, its address as the value.
        .assign(code, .select(local(vector).equals(k(X86Vector.page)), .auxiliary(0, k(0)), local(value))),
        .clearAuxiliary(0),
        .when(isProtected, then: protected, otherwise: real(model)),
      ])
  }

  /// Ends the delivery: of a trap by a shutdown, of an INT instruction by its fault.
  private static var shutdown: [Effect] {
    let software = local(isSoftware)
    return [
      .trap(
        .select(software, k(X86Vector.protection), local(vector)),
        .select(software, (local(vector) << k(3)) | k(2), local(value)))
    ]
  }

  private static func load(_ address: Expression, _ width: Width, into result: Local) -> [Effect] {
    [
      .call(physical, [address, k(Access.read.rawValue), k(0)], result: place),
      .assign(result, .load(.physical, local(place), width)),
    ]
  }

  /// Real mode: flags, CS and IP go to the stack; the vector is at four times its number.
  private static func real(_ model: X86CPUModel) -> [Effect] {
    let offset = (local(vector) << k(2))
    var effects: [Effect] = []
    // The 8086 has no limit of the table.
    if model != .i8086 {
      effects.append(.when((offset + k(3)).isAbove(reg(.idtrLimit)), then: shutdown, otherwise: []))
    }
    effects += load(reg(.idtrBase) + offset, .bits32, into: gate)
    for (slot, value) in [
      reg(.rflags) | k(model.storedOnes), reg(.cs), local(back),
    ].enumerated() {
      let address = (reg(.rsp) - k(UInt64(slot + 1) * 2)).low(.bits16)
      effects.append(.store(.virtual(segment: 2), address, value.low(.bits16), .bits16))
    }
    let selector = local(gate) >> k(16)
    return effects + [
      .write(X86Register.rsp.id, (reg(.rsp) & k(~0xFFFF)) | (reg(.rsp) - k(6)).low(.bits16)),
      .write(X86Register.rflags.id, reg(.rflags) & k(~0x4_0300)),
      .write(X86Register.cs.id, selector), .write(X86Register.csBase.id, selector << k(4)),
      .write(X86Register.rip.id, local(gate) & k(0xFFFF)),
    ]
  }

  /// Long mode: 16-byte gates, an aligned stack from the task-state segment on a change of level.
  private static var protected: [Effect] {
    let offset = local(vector) << k(4)
    let type = (local(gate) >> k(40)) & k(0x1F)
    let isPresent = local(gate).bit(47)
    let selector = (local(gate) >> k(16)) & k(0xFFFC)
    let descriptor = X86Descriptor(raw: local(descriptorRaw))
    let level = X86Semantics.privilege
    let badCode =
      (descriptor.access & k(0x98)).differs(k(0x98)) | descriptor.privilege.isAbove(level)
      | (descriptor.isLong ^ k(1))
    let isInner: Expression = .select(
      descriptor.access.bit(2), k(0), descriptor.privilege.isBelow(level))
    let newLevel: Expression = .select(local(inner), descriptor.privilege, level)
    let stackTable = (local(gate) >> k(32)) & k(7)
    let stackOffset: Expression = .select(
      stackTable, k(0x1C) + (stackTable << k(3)), k(4) + (descriptor.privilege << k(3)))
    let changes: Expression = .select(stackTable, k(1), local(inner))
    let clears: UInt64 = X86Flags([.trap, .nested, .resume, .virtual8086]).rawValue
    let interrupts: Expression = .select(local(gate).bit(40), k(0), k(X86Flags.interrupt.rawValue))

    var effects: [Effect] = [
      .when(
        isLong, then: [],
        otherwise: [
          .when(
            ((local(vector) << k(3)) + k(7)).isAbove(reg(.idtrLimit)), then: shutdown,
            otherwise: [.unsupported("delivery of a trap in 32-bit protected mode")])
        ]),
      .when((offset + k(15)).isAbove(reg(.idtrLimit)), then: shutdown, otherwise: []),
      .assign(
        hasCode,
        .select(local(2), k(0), (k(codeVectors) >> local(vector)) & local(vector).isBelow(k(32)))),
    ]
    effects += load(reg(.idtrBase) + offset, .bits64, into: gate)
    effects += load(reg(.idtrBase) + offset + k(8), .bits64, into: gateHigh)
    effects += [
      .when((type & k(0x1E)).differs(k(0xE)) | (isPresent ^ k(1)), then: shutdown, otherwise: []),
      .when(
        local(isSoftware) & ((local(gate) >> k(45)) & k(3)).isBelow(level), then: shutdown, otherwise: []),
      .call(X86System.descriptor, [selector], result: descriptorRaw),
      .when(badCode, then: shutdown, otherwise: []),
      .assign(inner, isInner),
      .assign(stackPointer, reg(.rsp)),
      .when(
        changes,
        then: [.when((stackOffset + k(7)).isAbove(reg(.trLimit)), then: shutdown, otherwise: [])]
          + load(reg(.trBase) + stackOffset, .bits64, into: stackPointer), otherwise: []),
      .assign(stackPointer, local(stackPointer) & k(~15)),
      .assign(
        target,
        (local(gate) & k(0xFFFF)) | ((local(gate) >> k(32)) & k(0xFFFF_0000)) | (local(gateHigh) << k(32))),
      .when(local(target).isNonCanonical, then: shutdown, otherwise: []),
    ]
    // Stores of the processor itself: with the new privilege level, at linear addresses.
    // What is pushed of a fault has RF set, so that a breakpoint on the instruction does not trap again.
    let isFault: Expression = .select(
      local(2) | local(isSoftware), k(0), (k(faults) >> local(vector)) & local(vector).isBelow(k(32)))
    let pushed = reg(.rflags) | (isFault << k(16))
    let values: [Expression] = [reg(.ss), reg(.rsp), pushed, reg(.cs), local(back)]
    for (slot, value) in values.enumerated() {
      effects += push(slot + 1, value, user: newLevel)
    }
    effects.append(.when(local(hasCode), then: push(6, local(code), user: newLevel), otherwise: []))
    effects.append(.call(X86System.markAccessed, [selector, local(descriptorRaw), k(1)], result: nil))
    effects += X86SegmentRegisters.all[1].set(
      selector | newLevel, base: descriptor.base, limit: descriptor.limit,
      attributes: descriptor.attributes | k(1))
    effects.append(
      .when(
        local(inner),
        then: X86SegmentRegisters.all[2].set(
          newLevel, base: k(0), limit: k(0), attributes: newLevel << k(5)), otherwise: []))
    return effects + [
      .write(
        X86Register.rsp.id, local(stackPointer) - k(40) - (local(hasCode) << k(3))),
      .write(X86Register.rflags.id, reg(.rflags) & ~(k(clears) | interrupts)),
      .write(X86Register.rip.id, local(target)),
      .when(
        local(vector).equals(k(X86Vector.page)),
        then: [.when(local(2), then: [], otherwise: [.write(X86Register.cr2.id, local(value))])],
        otherwise: []),
    ]
  }

  private static func push(_ slot: Int, _ value: Expression, user level: Expression) -> [Effect] {
    [
      .call(
        physical,
        [
          local(stackPointer) - k(UInt64(slot) * 8), k(Access.write.rawValue), level.equals(k(3)),
        ], result: place),
      .store(.physical, local(place), value, .bits64),
    ]
  }
}
