import MachineCore

extension X86System {
  /// Linear address of a selector's descriptor, plus `offset`; of the tables in the registers.
  private static func place(_ selector: Expression, _ offset: UInt64) -> Expression {
    let base: Expression = .select(selector.bit(2), reg(.ldtrBase), reg(.gdtrBase))
    return base + (selector & k(0xFFF8)) + k(offset)
  }

  private static func inTable(_ last: UInt64) -> [Effect] {
    let selector = local(0)
    let limit: Expression = .select(selector.bit(2), reg(.ldtrLimit), reg(.gdtrLimit))
    let missing = selector.bit(2) & (reg(.ldtrAttributes).bit(7) ^ k(1))
    return [
      .when(
        missing | ((selector & k(0xFFF8)) + k(last)).isAbove(limit),
        then: [.trap(local(1), (selector & k(0xFFFC)) | local(2))], otherwise: [])
    ]
  }

  /// (selector, vector, EXT) → the eight bytes of its descriptor; the exception outside the table.
  static var descriptorProcedure: Procedure {
    Procedure(
      "descriptor", [0, 1, 2], inTable(7) + [.give(systemLoad(place(local(0), 0), .bits64))])
  }

  /// (selector, vector, EXT) → the second eight bytes of a 16-byte descriptor.
  static var descriptorHighProcedure: Procedure {
    Procedure(
      "descriptor-high", [0, 1, 2], inTable(15) + [.give(systemLoad(place(local(0), 8), .bits64))])
  }

  /// (selector, descriptor, bits): sets bits in the type byte of the descriptor in its table.
  static var markAccessedProcedure: Procedure {
    let type = (local(1) >> k(40)) & k(0xFF)
    return Procedure(
      "mark-descriptor", [0, 1, 2],
      [
        .when(
          (type & local(2)).equals(local(2)), then: [],
          otherwise: [
            .store(
              .virtual(segment: linearSegment), linear(place(local(0), 5)), type | local(2), .bits8)
          ])
      ])
  }

  /// (port, size): general protection when the privilege level may not access the port.
  static var checkPortProcedure: Procedure {
    let fault = raise(X86Vector.protection)
    let level = (reg(.rflags) >> k(12)) & k(3)
    let denied = hasProtection & (reg(.rflags).bit(17) | level.isBelow(X86Semantics.privilege))
    let index: Local = 4
    let map: Local = 5
    let mask = (k(1) << local(1)) - k(1)
    // Only a 32-bit task-state segment has a bitmap.
    let lacksMap = (reg(.trAttributes).bit(3) ^ k(1)) | reg(.trLimit).isBelow(k(0x67))
    return Procedure(
      "check-port", [0, 1],
      [
        .when(
          denied,
          then: [
            .when(lacksMap, then: fault, otherwise: []),
            .assign(index, systemLoad(reg(.trBase) + k(0x66), .bits16) + (local(0) >> k(3))),
            .when((local(index) + k(1)).isAbove(reg(.trLimit)), then: fault, otherwise: []),
            .assign(map, systemLoad(reg(.trBase) + local(index), .bits16)),
            .when((local(map) >> (local(0) & k(7))) & mask, then: fault, otherwise: []),
          ],
          otherwise: [])
      ])
  }
}

/// Fields of a descriptor's eight bytes.
struct X86Descriptor {
  let raw: Expression

  var base: Expression { ((raw >> k(16)) & k(0xFF_FFFF)) | ((raw >> k(32)) & k(0xFF00_0000)) }
  var limit: Expression {
    let limit = (raw & k(0xFFFF)) | ((raw >> k(32)) & k(0xF_0000))
    return .select(raw.bit(55), (limit << k(12)) | k(0xFFF), limit)
  }
  /// Packed as the attribute registers are.
  var attributes: Expression { (raw >> k(40)) & k(0xF0FF) }
  /// Type, S, DPL, P.
  var access: Expression { (raw >> k(40)) & k(0xFF) }
  var privilege: Expression { (raw >> k(45)) & k(3) }
  var isPresent: Expression { raw.bit(47) }
  var isLong: Expression { raw.bit(53) }
}
