import MachineCore

/// Translation, protection and traps of the x86, as procedures of effects.
///
/// What is modelled, and the conventions, are in Docs/X86System.md.
enum X86System {
  static let translate = 0
  static let deliver = 1
  static let physical = 2
  static let walk = 3
  static let descriptorOf = 4
  static let markAccessed = 5
  static let checkPort = 6
  static let descriptorHigh = 7
  static let enter = 8
  static let escalate = 9
  static let stackRoom = 10
  static let frameStore = 11
  static let innerStack = 12
  static let innerSegment = 13
  static let longStack = 14
  static let stackValue = 15
  static let stackStore = 16
  static let farBranch = 17
  static let callGate = 18
  static let farReturn = 19
  static let returnToVirtual = 20
  static let forgetPage = 21
  static let keepPage = 22
  static let pageFault = 23
  static let walkPAE = 24
  static let walk32 = 25
  static let loadTop = 26
  static let matchData = 27
  static let matchPort = 28
  static let before = 29
  static let after = 30
  static let shutdown = 31

  /// Bits of CR4 that can be set: TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT, UMIP, SMEP. The rest is
  /// not carried out.
  static let supportedCR4: UInt64 = 0x10_0FFC

  /// How many deliveries may follow each other with no instruction retired between them.
  static let deliveryLimit = 16
  /// Vectors of the class fault (Intel SDM vol. 3, table 6-1), one bit each; #DB is asked about separately.
  static let faults: UInt64 = 0b1011_0111_1100_1110_0001
  /// Whether a vector's class is fault.
  static func isFault(_ vector: UInt64) -> Bool { vector < 32 && faults >> vector & 1 != 0 }

  private static let modern = make(.modern)
  private static let i8086 = make(.i8086)
  private static let i80286 = make(.i80286)
  private static let i80386 = make(.i80386)

  /// The system semantics of a processor model.
  static func semantics(of model: X86CPUModel) -> SystemSemantics {
    switch model {
    case .modern: modern
    case .i8086: i8086
    case .i80286: i80286
    case .i80386: i80386
    }
  }

  private static func make(_ model: X86CPUModel) -> SystemSemantics {
    var semantics = SystemSemantics(
      procedures: [
        model == .i8086 ? translate8086Procedure : translateProcedure(model), deliverProcedure,
        physicalProcedure,
        walkProcedure, descriptorProcedure, markAccessedProcedure, checkPortProcedure,
        descriptorHighProcedure, enterProcedure(model), escalateProcedure, stackRoomProcedure,
        frameStoreProcedure, innerStackProcedure, innerSegmentProcedure, longStackProcedure,
        stackValueProcedure,
        stackStoreProcedure, farBranchProcedure, callGateProcedure, farReturnProcedure(model),
        returnToVirtualProcedure, forgetPageProcedure, keepPageProcedure, pageFaultProcedure,
        walkPAEProcedure,
        walk32Procedure, loadTopProcedure, matchDataProcedure, matchPortProcedure, beforeProcedure,
        afterProcedure(model), shutdownProcedure,
      ],
      translate: translate, deliver: deliver,
      interruptible: reg(.rflags).bit(9) & reg(.interruptShadow).isZero, interruptCauseBase: 32,
      mode: X86Semantics.privilege, decodeContext: decodeContext | k(model.code << 4),
      programCounter: X86Register.rip.id, waiting: X86Register.halted.id,
      wakesOnlyInterruptible: true, illegalCause: X86Vector.undefined,
      wordWrap: model == .i8086 ? 0xFFFF : nil,
      checkStopCause: X86Vector.doubleFault)
    semantics.deliveryLimit = deliveryLimit
    semantics.escalate = escalate
    semantics.shutdown = shutdown
    semantics.firstOwnSegment = linearSegment
    semantics.watched = watched(model)
    semantics.before = before
    semantics.after = after
    semantics.afterCause = X86Vector.debug
    return semantics
  }

  /// The 8086: offsets have 16 bits, addresses 20, and nothing is checked.
  private static var translate8086Procedure: Procedure {
    Procedure(
      "translate", [0, 1, 2, 3],
      [
        .when(
          local(1), then: [.when(local(2).isAbove(k(5)), then: [.give(local(0))], otherwise: [])],
          otherwise: [.assign(2, k(1))]),
        .give(
          (local(0).low(.bits16) + ofSegment([.esBase, .csBase, .ssBase, .dsBase, .fsBase, .gsBase]))
            & k(0xF_FFFF)),
      ])
  }

  /// 1 when long mode is active.
  static var isLong: Expression { reg(.efer).bit(10) }
  /// 1 in 64-bit mode.
  static var is64: Expression { isLong & reg(.csAttributes).bit(13) }
  /// 1 when protection is on, in virtual-8086 mode too.
  static var hasProtection: Expression { reg(.cr0).bit(0) }
  /// 1 in protected mode, but for virtual-8086 mode.
  static var isProtected: Expression { reg(.cr0) & k(1) & (reg(.rflags).bit(17) ^ k(1)) }
  /// 1 in virtual-8086 mode.
  static var isVirtual: Expression { reg(.rflags).bit(17) }

  private static var decodeContext: Expression {
    let code: Expression = .select(is64, k(2), reg(.csAttributes).bit(14))
    return code | (reg(.ssAttributes).bit(14) << k(2)) | (isProtected << k(3))
  }

  // MARK: - Segmentation

  private static func ofSegment(_ registers: [X86Register]) -> Expression {
    let number = local(2)
    var value: Expression = reg(registers[5])
    for index in [4, 0, 1, 2, 3] {
      value = .select(number.equals(k(UInt64(index))), reg(registers[index]), value)
    }
    return value
  }

  /// (address, access, segment, size) → guest-physical address.
  private static func translateProcedure(_ model: X86CPUModel) -> Procedure {
    let address = local(0)
    let access = local(1)
    let size = local(3)
    let linear: Local = 4
    let limit: Local = 5
    let attributes: Local = 6
    // In real mode the 80286 has interrupt 13 for all segments (80286 Programmer's Reference Manual, each
    // instruction's "real address mode exceptions"), and its instruction pointer wraps.
    let isStack = local(2).equals(k(2))
    let vector: Expression = .select(
      model == .i80286 ? isStack & isProtected : isStack, k(X86Vector.stack), k(X86Vector.protection))
    let wrap: [Effect] =
      model == .i80286 ? [.when(access, then: [], otherwise: [.assign(0, address.low(.bits16))])] : []
    let fault: [Effect] = [.trap(vector, k(0))]
    let user: Expression = X86Semantics.privilege.equals(k(3))
    let base64: Expression = .select(
      local(2).isBelow(k(4)), k(0), .select(local(2).equals(k(4)), reg(.fsBase), reg(.gsBase)))
    let last = address + size - k(1)
    let isWrite = access.equals(k(2))
    let kind = local(attributes) & k(0xA)
    let type: Expression = .select(
      isWrite, kind.differs(k(2)), access.equals(k(1)) & kind.equals(k(8)))
    let isExpandDown = (local(attributes) & k(0xC)).equals(k(4))
    let top: Expression = .select(local(attributes).bit(14), k(0xFFFF_FFFF), k(0xFFFF))
    let outside: Expression = .select(
      isExpandDown, (address.isAbove(local(limit)) ^ k(1)) | last.isAbove(top), last.isAbove(local(limit)))
    return Procedure(
      "translate", [0, 1, 2, 3],
      wrap + [
        .when(
          access,
          then: [
            .when(
              local(2).isAbove(k(5)),
              then: [
                .call(physical, [address, access, local(2).equals(k(UInt64(userLinearSegment)))], result: 7),
                .give(local(7)),
              ], otherwise: [])
          ], otherwise: [.assign(2, k(1))]),
        .when(
          is64,
          then: [
            .assign(linear, address + base64),
            .when(
              local(linear).isNonCanonical | (local(linear) + size - k(1)).isNonCanonical, then: fault,
              otherwise: []),
          ],
          otherwise: [
            .assign(limit, ofSegment([.esLimit, .csLimit, .ssLimit, .dsLimit, .fsLimit, .gsLimit])),
            .assign(
              attributes,
              ofSegment([
                .esAttributes, .csAttributes, .ssAttributes, .dsAttributes, .fsAttributes, .gsAttributes,
              ])),
            .when(
              hasProtection & ((local(attributes).bit(7) ^ k(1)) | type), then: fault, otherwise: []),
            .when(outside, then: fault, otherwise: []),
            .assign(
              linear,
              (address + ofSegment([.esBase, .csBase, .ssBase, .dsBase, .fsBase, .gsBase])).low(.bits32)),
          ]),
        .call(physical, [local(linear), access, user], result: 7),
        .when(
          reg(.dr7) & k(0xFF),
          then: [
            .when(
              access, then: [.call(matchData, [local(linear), access, size], result: nil)], otherwise: [])
          ], otherwise: []),
        .give(local(7)),
      ])
  }

  // MARK: - Control

  /// 1 if PAE paging outside long mode goes with these values of CR0 and CR4.
  private static func usesTop(_ cr0: Expression, _ cr4: Expression, _ efer: Expression) -> Expression {
    cr0.bit(31) & cr4.bit(5) & (efer.bit(8) ^ k(1))
  }

  /// Loads CR0: checks, and entering or leaving long mode with paging.
  static func loadCR0(_ value: Expression) -> [Effect] {
    let new: Local = 20
    let cr0 = local(new)
    let fault = raise(X86Vector.protection)
    let bad =
      (cr0.bit(31) & (cr0.bit(0) ^ k(1))) | (cr0.bit(29) & (cr0.bit(30) ^ k(1)))
      | (value >> k(32)).differs(k(0))
    let changed = cr0 ^ reg(.cr0)
    let set: [Effect] = [
      .when(
        usesTop(cr0, reg(.cr4), reg(.efer)) & (changed & k(0xE000_0000)).differs(k(0)),
        then: [.call(loadTop, [reg(.cr3)], result: nil)], otherwise: []),
      .write(X86Register.cr0.id, cr0),
      // Paging and write protection: what is kept of translations goes.
      .when(changed & k(0x8001_0000), then: forgetAll, otherwise: []),
    ]
    let enter: [Effect] = [
      .when(
        (reg(.cr4).bit(5) ^ k(1)) | reg(.csAttributes).bit(13) | (reg(.trAttributes).bit(3) ^ k(1)),
        then: fault,
        otherwise: set + [.write(X86Register.efer.id, reg(.efer) | k(0x400))])
    ]
    let leave: [Effect] = [
      .when(
        is64, then: fault, otherwise: set + [.write(X86Register.efer.id, reg(.efer) & k(~0x400))])
    ]
    return [
      .assign(new, (value & k(0xE005_002F)) | k(0x10)),
      .when(
        bad, then: fault,
        otherwise: [
          .when(
            changed.bit(31),
            then: [
              .when(
                cr0.bit(31), then: [.when(reg(.efer).bit(8), then: enter, otherwise: set)], otherwise: leave)
            ], otherwise: set)
        ]),
    ]
  }

  /// Loads CR3: all but global pages are forgotten.
  static func loadCR3(_ value: Expression) -> [Effect] {
    [
      .when(
        value >> k(UInt64(X86ModelSpecific.physicalBits)), then: raise(X86Vector.protection), otherwise: []),
      .when(
        usesTop(reg(.cr0), reg(.cr4), reg(.efer)), then: [.call(loadTop, [value], result: nil)], otherwise: []
      ),
      .write(X86Register.cr3.id, value),
    ] + forgetLocal
  }

  /// Loads CR4.
  static func loadCR4(_ value: Expression) -> [Effect] {
    // PAE cannot go while long mode is active.
    let losesPAE = (value.bit(5) ^ k(1)) & isLong
    let changed = value ^ reg(.cr4)
    return [
      .when(losesPAE, then: raise(X86Vector.protection), otherwise: []),
      .when(value & k(~supportedCR4), then: [.unsupported("this bit of CR4")], otherwise: []),
      .when(
        usesTop(reg(.cr0), value, reg(.efer)) & (changed & k(0x10_00B0)).differs(k(0)),
        then: [.call(loadTop, [reg(.cr3)], result: nil)], otherwise: []),
      .write(X86Register.cr4.id, value),
      // PSE, PAE, PGE, SMEP.
      .when(changed & k(0x10_00B0), then: forgetAll, otherwise: []),
    ]
  }
}
