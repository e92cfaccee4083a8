import MachineCore

/// Stacks that the processor itself fills: limits, and the way to an inner level's stack.
extension X86System {
  /// Number of the pseudo segment whose addresses are linear, and of the one for the user's pages.
  ///
  /// Accesses through them belong to the processor, not to the program.
  static let linearSegment: UInt8 = 6
  static let userLinearSegment: UInt8 = 7

  /// A load of the processor itself.
  static func systemLoad(_ address: Expression, _ width: Width) -> Expression {
    .load(.virtual(segment: linearSegment), linear(address), width)
  }

  /// A linear address: outside long mode it wraps at 4 GiB.
  static func linear(_ address: Expression) -> Expression {
    .select(isLong, address, address.low(.bits32))
  }

  /// (offset, size, limit, attributes, error code): a stack fault unless the bytes lie in the segment.
  static var stackRoomProcedure: Procedure {
    let offset = local(0)
    let last = offset + local(1) - k(1)
    let limit = local(2)
    let attributes = local(3)
    let isExpandDown = (attributes & k(0xC)).equals(k(4))
    let top: Expression = .select(attributes.bit(14), k(0xFFFF_FFFF), k(0xFFFF))
    let outside: Expression = .select(
      isExpandDown, (offset.isAbove(limit) ^ k(1)) | last.isAbove(top), last.isAbove(limit))
    return Procedure(
      "stack-room", [0, 1, 2, 3, 4],
      [.when(outside, then: [.trap(k(X86Vector.stack), local(4))], otherwise: [])])
  }

  /// (linear address, value, size, 1 for the user's pages): a store of the processor itself.
  static var frameStoreProcedure: Procedure {
    func stores(_ segment: UInt8) -> [Effect] {
      func store(_ width: Width) -> Effect {
        .store(.virtual(segment: segment), local(0), local(1).low(width), width)
      }
      return [
        .when(
          local(2).equals(k(8)), then: [store(.bits64)],
          otherwise: [.when(local(2).equals(k(4)), then: [store(.bits32)], otherwise: [store(.bits16)])])
      ]
    }
    return Procedure(
      "frame-store", [0, 1, 2, 3],
      [.when(local(3), then: stores(userLinearSegment), otherwise: stores(linearSegment))])
  }

  /// (privilege level, EXT) → the stack of an inner level outside long mode: SS, and ESP in bits 16–47.
  ///
  /// The width of the entries is that of the task-state segment.
  static var innerStackProcedure: Procedure {
    let level = local(0)
    let offset: Local = 2
    let isWide = reg(.trAttributes).bit(3)
    let refusal: [Effect] = [
      .trap(k(X86Vector.taskState), (reg(.tr) & k(0xFFFC)) | local(1))
    ]
    func entry(_ last: UInt64, _ pointer: Width) -> [Effect] {
      [
        .when((local(offset) + k(last)).isAbove(reg(.trLimit)), then: refusal, otherwise: []),
        .assign(3, systemLoad(reg(.trBase) + local(offset), pointer)),
        .assign(4, systemLoad(reg(.trBase) + local(offset) + k(UInt64(pointer.bytes)), .bits16)),
      ]
    }
    return Procedure(
      "inner-stack", [0, 1],
      [
        .assign(offset, .select(isWide, (level << k(3)) + k(4), (level << k(2)) + k(2))),
        .when(isWide, then: entry(5, .bits32), otherwise: entry(3, .bits16)),
        .give(local(4) | (local(3) << k(16))),
      ])
  }

  /// (selector, privilege level, EXT) → the descriptor of an inner level's stack segment, checked.
  static var innerSegmentProcedure: Procedure {
    let selector = local(0)
    let level = local(1)
    let code = (selector & k(0xFFFC)) | local(2)
    let descriptor = X86Descriptor(raw: local(3))
    let refusal: [Effect] = [.trap(k(X86Vector.taskState), code)]
    let bad =
      (selector & k(3)).differs(level) | descriptor.privilege.differs(level)
      | (descriptor.access & k(0x1A)).differs(k(0x12))
    return Procedure(
      "inner-segment", [0, 1, 2],
      [
        .when(selector & k(0xFFFC), then: [], otherwise: [.trap(k(X86Vector.taskState), local(2))]),
        .call(descriptorOf, [selector, k(X86Vector.taskState), local(2)], result: 3),
        .when(bad, then: refusal, otherwise: []),
        .when(descriptor.isPresent, then: [], otherwise: [.trap(k(X86Vector.stack), code)]),
        .give(local(3)),
      ])
  }

  /// (privilege level or interrupt stack, EXT) → the stack pointer in long mode.
  ///
  /// - Note: numbers below 4 are levels, from 4 on interrupt stacks, which begin with 1.
  static var longStackProcedure: Procedure {
    let offset: Expression = .select(
      local(0).isBelow(k(4)), k(4) + (local(0) << k(3)), k(0x24) + ((local(0) - k(5)) << k(3)))
    return Procedure(
      "long-stack", [0, 1],
      [
        .assign(2, offset),
        .when(
          (local(2) + k(7)).isAbove(reg(.trLimit)),
          then: [.trap(k(X86Vector.taskState), (reg(.tr) & k(0xFFFC)) | local(1))], otherwise: []),
        .give(systemLoad(reg(.trBase) + local(2), .bits64)),
      ])
  }

  /// The width that a stack segment gives to the stack pointer, as a mask.
  static func stackMask(_ attributes: Expression) -> Expression {
    .select(attributes.bit(14), k(0xFFFF_FFFF), k(0xFFFF))
  }

  /// A stack pointer with another value in the bits of a mask.
  static func pointer(_ old: Expression, _ value: Expression, mask: Expression) -> Expression {
    (old & ~mask) | (value & mask)
  }
}
