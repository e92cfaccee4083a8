import MachineCore

/// Paging, and the table of translations that the processor keeps (Intel SDM vol. 3, 4.10).
///
/// An entry has the frame in bits 12–63, present, writable, user and execute-disable in bits 0–3, dirty in bit 5,
/// and the page's size as a shift in bits 6–11. Entries of 4 KiB pages are found by the page's number, those of
/// larger ones by theirs; 1 GiB pages have bit 62 set in it.
extension X86System {
  static let smallPages = 1
  static let largePages = 2
  static let smallGlobalPages = 3
  static let largeGlobalPages = 4
  private static let giga: UInt64 = 1 << 62
  /// Kind of the access that CLFLUSH makes, beside those of ``Access``: a read that execute-only code allows too.
  static let flush: UInt64 = 3

  private static var isGlobalOn: Expression { reg(.cr4).bit(7) }
  private static var isPAE: Expression { reg(.cr4).bit(5) }
  /// Physical-address bits that no entry may have, of those that it could.
  private static let beyond: UInt64 = 0x000F_FF00_0000_0000

  private static func largeKey(_ linear: Expression) -> Expression {
    linear >> .select(isPAE, k(21), k(22))
  }
  private static func gigaKey(_ linear: Expression) -> Expression { (linear >> k(30)) | k(giga) }

  /// Forgets everything, or all but global pages.
  static let forgetAll: [Effect] = [
    .clearAuxiliary(smallPages), .clearAuxiliary(largePages), .clearAuxiliary(smallGlobalPages),
    .clearAuxiliary(largeGlobalPages),
  ]
  static let forgetLocal: [Effect] = [.clearAuxiliary(smallPages), .clearAuxiliary(largePages)]

  /// (linear address, access, 1 for user) → guest-physical address.
  static var physicalProcedure: Procedure {
    let linear = local(0)
    let entry: Local = 3
    let e = local(entry)
    let place: Local = 4
    let isWrite = local(1).equals(k(2))
    let isFetch = local(1).isZero
    func orElse(_ value: Expression, _ more: [Effect] = []) -> Effect {
      .when(e, then: [], otherwise: [.assign(entry, value)] + more)
    }
    let unwritable = (e.bit(1) & e.bit(5)) ^ k(1)
    // Below level 3, and with CR0.WP clear, a page need only be dirty.
    let unwritableForSystem: Expression = .select(reg(.cr0).bit(16), unwritable, e.bit(5) ^ k(1))
    let denied: Expression = .select(
      local(2),
      (e.bit(2) ^ k(1)) | (isWrite & unwritable) | (isFetch & e.bit(3)),
      .select(isWrite, unwritableForSystem, isFetch & (e.bit(3) | (e.bit(2) & reg(.cr4).bit(20)))))
    let walks: [Effect] = [
      .when(
        isLong, then: [.call(walk, [linear, local(1), local(2)], result: place)],
        otherwise: [
          .when(
            isPAE, then: [.call(walkPAE, [linear, local(1), local(2)], result: place)],
            otherwise: [.call(walk32, [linear, local(1), local(2)], result: place)])
        ])
    ]
    let offset = linear & ((k(1) << ((e >> k(6)) & k(63))) - k(1))
    return Procedure(
      "physical", [0, 1, 2],
      [
        .when(reg(.cr0).bit(31), then: [], otherwise: [.give(linear)]),
        .assign(entry, .auxiliary(smallPages, linear >> k(12))),
        orElse(.auxiliary(largePages, largeKey(linear))),
        .when(
          e, then: [],
          otherwise: [
            .when(
              isGlobalOn,
              then: [
                .assign(entry, .auxiliary(smallGlobalPages, linear >> k(12))),
                orElse(.auxiliary(largeGlobalPages, largeKey(linear))),
              ], otherwise: []),
            orElse(
              .auxiliary(largePages, gigaKey(linear)), [orElse(.auxiliary(largeGlobalPages, gigaKey(linear)))]
            ),
          ]),
        .when(
          .select(e, denied, k(1)), then: walks,
          otherwise: [.assign(place, (e & k(~0xFFF)) | offset)]),
        .give(local(place)),
      ])
  }

  /// (linear address): forgets the translations of its page, whatever its size.
  static var forgetPageProcedure: Procedure {
    let tables = [
      (smallPages, local(0) >> k(12)), (smallGlobalPages, local(0) >> k(12)),
      (largePages, largeKey(local(0))), (largeGlobalPages, largeKey(local(0))),
      (largePages, gigaKey(local(0))), (largeGlobalPages, gigaKey(local(0))),
    ]
    return Procedure("forget-page", [0], tables.map { .setAuxiliary($0, $1, k(0)) })
  }

  /// (linear address, frame, flags of the entry, 1 for a global page) → guest-physical address.
  static var keepPageProcedure: Procedure {
    let shift = (local(2) >> k(6)) & k(63)
    let entry = local(1) | local(2)
    let key: Expression = .select(shift.equals(k(30)), gigaKey(local(0)), local(0) >> shift)
    func keep(_ small: Int, _ large: Int) -> [Effect] {
      [
        .when(
          shift.equals(k(12)), then: [.setAuxiliary(small, key, entry)],
          otherwise: [.setAuxiliary(large, key, entry)])
      ]
    }
    return Procedure(
      "keep-page", [0, 1, 2, 3],
      [
        .call(forgetPage, [local(0)], result: nil),
        .when(
          local(3) & isGlobalOn, then: keep(smallGlobalPages, largeGlobalPages),
          otherwise: keep(smallPages, largePages)),
        .give(local(1) | (local(0) & ((k(1) << shift) - k(1)))),
      ])
  }

  /// (linear address, error code): forgets the page and faults.
  static var pageFaultProcedure: Procedure {
    Procedure(
      "page-fault", [0, 1],
      [
        .call(forgetPage, [local(0)], result: nil),
        setDetail(pageCode, local(1)), setDetail(pageAddress, local(0)), setDetail(pageNews, k(1)),
        .trap(k(X86Vector.page), local(0)),
      ])
  }

  // MARK: - Walks

  /// One level of the tables.
  private struct Level {
    /// Lowest bit of the index in the linear address.
    var shift: UInt64
    /// 1 when bit 7 makes the entry a page; `nil` for levels without pages.
    var large: Expression?
    /// Bits that must be zero in every entry, and also in that of a large page.
    var reserved: Expression
    var reservedLarge: UInt64 = 0
  }

  /// (linear address, access, 1 for user) → guest-physical address: a walk through tables.
  private static func walkProcedure(
    _ name: String, width: Width, root: [Effect], levels: [Level], hasNever: Bool
  ) -> Procedure {
    let linear = local(0)
    let isWrite = local(1).equals(k(2))
    let isFetch = local(1).isZero
    let places: [Local] = [4, 5, 6, 7]
    let entries: [Local] = [8, 9, 10, 11]
    let allowed: Local = 12
    let never: Local = 13
    let table: Local = 14
    let frames: UInt64 = width == .bits32 ? 0xFFFF_F000 : 0x000F_FFFF_FFFF_F000
    let indexBits: UInt64 = width == .bits32 ? 10 : 9
    let executes = (hasNever ? reg(.efer).bit(11) : k(0)) | reg(.cr4).bit(20)
    let code = (isWrite << k(1)) | (local(2) << k(2)) | ((isFetch & executes) << k(4))

    func fault(_ reason: UInt64) -> [Effect] {
      [.call(pageFault, [linear, code | k(reason)], result: nil), .give(k(0))]
    }
    func finish(_ depth: Int, shift: UInt64) -> [Effect] {
      let entry = local(entries[depth])
      let isWritable = local(allowed).bit(1)
      let isUserPage = local(allowed).bit(2)
      let writeDenied = isWrite & (isWritable ^ k(1))
      let neverFetch = hasNever ? isFetch & local(never).bit(63) & reg(.efer).bit(11) : k(0)
      let denied: Expression =
        .select(
          local(2), (isUserPage ^ k(1)) | writeDenied,
          (writeDenied & reg(.cr0).bit(16)) | (isFetch & isUserPage & reg(.cr4).bit(20))) | neverFetch
      var effects: [Effect] = [.when(denied, then: fault(1), otherwise: [])]
      for level in 0..<depth {
        let upper = local(entries[level])
        effects.append(
          .when(
            upper.bit(5), then: [],
            otherwise: [.store(.physical, local(places[level]), upper | k(0x20), width)]))
      }
      let marks: Expression = .select(isWrite, k(0x60), k(0x20))
      effects.append(
        .when(
          (entry & marks).equals(marks), then: [],
          otherwise: [.store(.physical, local(places[depth]), entry | marks, width)]))
      let neverBit = hasNever ? (local(never).bit(63) & reg(.efer).bit(11)) << k(3) : k(0)
      let dirty: Expression = .select(isWrite, k(0x20), entry.bit(6) << k(5))
      let flags = k(1 | shift << 6) | (local(allowed) & k(6)) | neverBit | dirty
      effects.append(
        .call(
          keepPage, [linear, entry & k(frames & ~((1 << shift) - 1)), flags, entry.bit(8)], result: table))
      effects.append(.give(local(table)))
      return effects
    }
    func level(_ depth: Int) -> [Effect] {
      let this = levels[depth]
      let entry = local(entries[depth])
      let index = (linear >> k(this.shift)) & k((1 << indexBits) - 1)
      var effects: [Effect] = [
        .assign(places[depth], local(table) + (index << k(width == .bits32 ? 2 : 3))),
        .assign(entries[depth], .load(.physical, local(places[depth]), width)),
        .when(entry.bit(0), then: [], otherwise: fault(0)),
        .assign(allowed, depth == 0 ? entry : local(allowed) & entry),
        .assign(never, depth == 0 ? entry : local(never) | entry),
      ]
      var reserved = (entry & this.reserved).differs(k(0))
      if let large = this.large {
        reserved = reserved | (entry.bit(7) & large & (entry & k(this.reservedLarge)).differs(k(0)))
      }
      effects.append(.when(reserved, then: fault(9), otherwise: []))
      if depth + 1 == levels.count { return effects + finish(depth, shift: 12) }
      let deeper: [Effect] = [.assign(table, entry & k(frames))] + level(depth + 1)
      guard let large = this.large else { return effects + deeper }
      return effects + [
        .when(entry.bit(7) & large, then: finish(depth, shift: this.shift), otherwise: deeper)
      ]
    }
    return Procedure(name, [0, 1, 2], root + level(0))
  }

  /// Execute-disable is reserved unless EFER.NXE is set.
  private static func reserved(_ bits: UInt64) -> Expression {
    .select(reg(.efer).bit(11), k(bits), k(bits | 1 << 63))
  }

  /// Four levels, of long mode.
  static var walkProcedure: Procedure {
    walkProcedure(
      "walk", width: .bits64, root: [.assign(14, reg(.cr3) & k(0x000F_FFFF_FFFF_F000))],
      levels: [
        Level(shift: 39, reserved: reserved(beyond | 0x80)),
        Level(shift: 30, large: k(1), reserved: reserved(beyond), reservedLarge: 0x3FFF_E000),
        Level(shift: 21, large: k(1), reserved: reserved(beyond), reservedLarge: 0x1F_E000),
        Level(shift: 12, reserved: reserved(beyond)),
      ], hasNever: true)
  }

  /// PAE: the top level is in registers.
  static var walkPAEProcedure: Procedure {
    let number = (local(0) >> k(30)) & k(3)
    let top: Expression = .select(
      number.bit(1), .select(number.bit(0), reg(.pdpte3), reg(.pdpte2)),
      .select(number.bit(0), reg(.pdpte1), reg(.pdpte0)))
    let executes = reg(.efer).bit(11) | reg(.cr4).bit(20)
    let code =
      (local(1).equals(k(2)) << k(1)) | (local(2) << k(2)) | ((local(1).isZero & executes) << k(4))
    let bits: UInt64 = beyond | 0x7FF0_0000_0000_0000
    return walkProcedure(
      "walk-pae", width: .bits64,
      root: [
        .assign(14, top),
        .when(
          local(14).bit(0), then: [],
          otherwise: [.call(pageFault, [local(0), code], result: nil), .give(k(0))]),
        .assign(14, local(14) & k(0x000F_FFFF_FFFF_F000)),
      ],
      levels: [
        Level(shift: 21, large: k(1), reserved: reserved(bits), reservedLarge: 0x1F_E000),
        Level(shift: 12, reserved: reserved(bits)),
      ], hasNever: true)
  }

  /// Two levels of 32-bit entries.
  static var walk32Procedure: Procedure {
    walkProcedure(
      "walk-32", width: .bits32, root: [.assign(14, reg(.cr3) & k(0xFFFF_F000))],
      levels: [
        Level(shift: 22, large: reg(.cr4).bit(4), reserved: k(0), reservedLarge: 0x3F_E000),
        Level(shift: 12, reserved: k(0)),
      ], hasNever: false)
  }

  /// (value of CR3): loads the page-directory-pointer-table entries of PAE paging.
  static var loadTopProcedure: Procedure {
    let entries: [Local] = [1, 2, 3, 4]
    let registers: [X86Register] = [.pdpte0, .pdpte1, .pdpte2, .pdpte3]
    let table = local(0) & k(0xFFFF_FFE0)
    var effects: [Effect] = entries.enumerated().map {
      .assign($1, .load(.physical, table + k(UInt64($0) * 8), .bits64))
    }
    for entry in entries {
      effects.append(
        .when(
          local(entry).bit(0) & (local(entry) & k(0xFFFF_FF00_0000_01E6)).differs(k(0)),
          then: raise(X86Vector.protection), otherwise: []))
    }
    return Procedure("load-pdptes", [0], effects + zip(registers, entries).map { .write($0.id, local($1)) })
  }
}
