import MachineCore

/// Translation, protection and traps of the x86, as procedures of effects.
///
/// There is no translation look-aside buffer: every access walks the tables, which the architecture
/// allows, and so a change of a table counts at once.
enum X86System {
  static let translate = 0
  static let deliver = 1
  static let physical = 2
  static let walk = 3
  static let descriptor = 4
  static let markAccessed = 5
  static let checkPort = 6
  static let descriptorHigh = 7
  static let enter = 8

  /// Bits of CR4 that can be set: TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT. The rest is not carried out.
  static let supportedCR4: UInt64 = 0x7FC

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
        descriptorHighProcedure, enterProcedure(model),
      ],
      translate: translate, deliver: deliver, interruptible: reg(.rflags).bit(9), interruptCauseBase: 32,
      mode: X86Semantics.privilege, decodeContext: decodeContext | k(model.code << 4),
      programCounter: X86Register.rip.id, waiting: X86Register.halted.id,
      wakesOnlyInterruptible: true, illegalCause: X86Vector.undefined,
      wordWrap: model == .i8086 ? 0xFFFF : nil,
      checkStopCause: X86Vector.doubleFault)
    semantics.deliveryLimit = deliveryLimit
    return semantics
  }

  /// The 8086: offsets have 16 bits, addresses 20, and nothing is checked.
  private static var translate8086Procedure: Procedure {
    Procedure(
      "translate", [0, 1, 2, 3],
      [
        .when(local(1), then: [], otherwise: [.assign(2, k(1))]),
        .give(
          (local(0).low(.bits16) + ofSegment([.esBase, .csBase, .ssBase, .dsBase, .fsBase, .gsBase]))
            & k(0xF_FFFF)),
      ])
  }

  /// 1 when long mode is active.
  static var isLong: Expression { reg(.efer).bit(10) }
  /// 1 in 64-bit mode.
  static var is64: Expression { isLong & reg(.csAttributes).bit(13) }
  /// 1 in protected mode.
  static var isProtected: Expression { reg(.cr0).bit(0) }

  private static var decodeContext: Expression {
    let code: Expression = .select(is64, k(2), reg(.csAttributes).bit(14))
    return code | (reg(.ssAttributes).bit(14) << k(2)) | (isProtected << k(3))
  }

  // MARK: - Segmentation

  /// Number of the pseudo segment whose addresses are linear and whose accesses are the system's.
  static let linearSegment: UInt8 = 6

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
      isWrite, kind.differs(k(2)), .select(access, kind.equals(k(8)), k(0)))
    let isExpandDown = (local(attributes) & k(0xC)).equals(k(4))
    let top: Expression = .select(local(attributes).bit(14), k(0xFFFF_FFFF), k(0xFFFF))
    let outside: Expression = .select(
      isExpandDown, (address.isAbove(local(limit)) ^ k(1)) | last.isAbove(top), last.isAbove(local(limit)))
    return Procedure(
      "translate", [0, 1, 2, 3],
      wrap + [
        .when(access, then: [], otherwise: [.assign(2, k(1))]),
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
              isProtected & ((local(attributes).bit(7) ^ k(1)) | type), then: fault, otherwise: []),
            .when(outside, then: fault, otherwise: []),
            .assign(
              linear,
              (address + ofSegment([.esBase, .csBase, .ssBase, .dsBase, .fsBase, .gsBase])).low(.bits32)),
          ]),
        .call(physical, [local(linear), access, user], result: 7),
        .give(local(7)),
      ])
  }

  // MARK: - Paging

  /// (linear address, access, 1 for user) → guest-physical address.
  private static var physicalProcedure: Procedure {
    let place: Local = 4
    return Procedure(
      "physical", [0, 1, 2],
      [
        .assign(place, local(0)),
        .when(
          reg(.cr0).bit(31),
          then: [
            .when(isLong, then: [], otherwise: [.unsupported("paging outside long mode")]),
            .call(walk, [local(0), local(1), local(2)], result: place),
          ], otherwise: []),
        .give(local(place)),
      ])
  }

  /// (linear address, access, 1 for user) → guest-physical address by the four-level tables.
  private static var walkProcedure: Procedure {
    let linear = local(0)
    let isWrite = local(1).equals(k(2))
    let isFetch = local(1).isZero
    /// Address and contents of the entry of level 4, 3, 2, 1.
    let places: [Local] = [4, 5, 6, 7]
    let entries: [Local] = [8, 9, 10, 11]
    let allowed: Local = 12
    let never: Local = 13
    let address = k(0x000F_FFFF_FFFF_F000)
    let code = (isWrite << k(1)) | (local(2) << k(2)) | ((isFetch & reg(.efer).bit(11)) << k(4))

    func fault(_ reason: UInt64) -> [Effect] {
      [.setAuxiliary(0, k(0), code | k(reason)), .trap(k(X86Vector.page), linear)]
    }
    /// Checks rights and marks the entries used, then gives `frame`.
    func finish(_ depth: Int, pageBits: UInt64) -> [Effect] {
      let entry = local(entries[depth])
      let isSupervisor = local(2).isZero
      let writable: Expression = .select(
        isSupervisor & (reg(.cr0).bit(16) ^ k(1)), k(1), local(allowed).bit(1))
      let denied =
        (local(2) & (local(allowed).bit(2) ^ k(1))) | (isWrite & (writable ^ k(1)))
        | (isFetch & local(never).bit(63))
      var effects: [Effect] = [.when(denied, then: fault(1), otherwise: [])]
      for level in 0..<depth {
        let upper = local(entries[level])
        effects.append(
          .when(
            upper.bit(5), then: [],
            otherwise: [.store(.physical, local(places[level]), upper | k(0x20), .bits64)]))
      }
      let marks: Expression = .select(isWrite, k(0x60), k(0x20))
      effects.append(
        .when(
          (entry & marks).equals(marks), then: [],
          otherwise: [.store(.physical, local(places[depth]), entry | marks, .bits64)]))
      let offset = k((1 << pageBits) - 1)
      effects.append(.give((entry & address & ~offset) | (linear & offset)))
      return effects
    }
    func level(_ depth: Int) -> [Effect] {
      let shift = UInt64(39 - 9 * depth)
      let table = depth == 0 ? reg(.cr3) : local(entries[depth - 1])
      let entry = local(entries[depth])
      var effects: [Effect] = [
        .assign(places[depth], (table & address) + (((linear >> k(shift)) & k(511)) << k(3))),
        .assign(entries[depth], .load(.physical, local(places[depth]), .bits64)),
        .when(entry.bit(0), then: [], otherwise: fault(0)),
        .assign(allowed, depth == 0 ? entry : local(allowed) & entry),
        .assign(never, depth == 0 ? entry : local(never) | entry),
      ]
      var reserved = entry.bit(63) & (reg(.efer).bit(11) ^ k(1))
      if depth == 0 { reserved = reserved | entry.bit(7) }
      if depth == 1 { reserved = reserved | (entry.bit(7) & ((entry & k(0x3FFF_E000)).isZero ^ k(1))) }
      if depth == 2 { reserved = reserved | (entry.bit(7) & ((entry & k(0x1F_E000)).isZero ^ k(1))) }
      effects.append(.when(reserved, then: fault(9), otherwise: []))
      if depth == 3 { return effects + finish(3, pageBits: 12) }
      if depth == 0 { return effects + level(1) }
      return effects + [
        .when(entry.bit(7), then: finish(depth, pageBits: depth == 1 ? 30 : 21), otherwise: level(depth + 1))
      ]
    }
    return Procedure("walk", [0, 1, 2], level(0))
  }

  // MARK: - Control

  /// Loads CR0: checks, and entering or leaving long mode with paging.
  static func loadCR0(_ value: Expression) -> [Effect] {
    let new: Local = 20
    let cr0 = local(new)
    let fault = raise(X86Vector.protection)
    let bad =
      (cr0.bit(31) & (cr0.bit(0) ^ k(1))) | (cr0.bit(29) & (cr0.bit(30) ^ k(1)))
      | (value >> k(32)).differs(k(0))
    let set: [Effect] = [.write(X86Register.cr0.id, cr0)]
    let enter: [Effect] = [
      .when(
        (reg(.cr4).bit(5) ^ k(1)) | reg(.csAttributes).bit(13), then: fault,
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
            (cr0 ^ reg(.cr0)).bit(31),
            then: [
              .when(
                cr0.bit(31), then: [.when(reg(.efer).bit(8), then: enter, otherwise: set)], otherwise: leave)
            ], otherwise: set)
        ]),
    ]
  }
}
