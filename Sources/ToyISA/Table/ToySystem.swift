internal import MachineCore

/// Bits of a page-table entry; the frame is bits 31–12. A directory entry uses `valid` only.
public enum PageEntry {
  public static let valid: UInt64 = 1
  public static let read: UInt64 = 2
  public static let write: UInt64 = 4
  public static let execute: UInt64 = 8
  public static let user: UInt64 = 16
  public static let accessed: UInt64 = 32
  public static let dirty: UInt64 = 64
  public static let frame: UInt64 = 0xFFFF_F000
}

private func and(_ a: Expression, _ b: UInt64) -> Expression { .binary(.and, a, .constant(b), .bits64) }
private func add(_ a: Expression, _ b: Expression) -> Expression { .binary(.add, a, b, .bits64) }
private func right(_ a: Expression, _ count: UInt64) -> Expression {
  .binary(.shiftRightUnsigned, a, .constant(count), .bits64)
}
private func left(_ a: Expression, _ count: UInt64) -> Expression {
  .binary(.shiftLeft, a, .constant(count), .bits64)
}
private func above(_ a: Expression, _ limit: Expression) -> Expression {
  .binary(.lessUnsigned, limit, a, .bits64)
}

// Locals of the translation procedures.
private let address: Local = 0
private let access: Local = 1
private let segment: Local = 2
private let size: Local = 3
private let entry: Local = 4
private let directory: Local = 5
private let place: Local = 6
private let physical: Local = 7
private let needed: Local = 8

/// Page-fault cause for the access: fetch, read, write are consecutive.
private let pageFault: Effect = .trap(
  add(.constant(UInt64(ToyCause.pageFetch.rawValue)), .local(access)), .local(address))

private let boundsFault: Effect = toyTrap(.bounds, .local(address))

/// The permission bit that the access needs: execute, read or write.
private let permission: Expression = .select(
  .binary(.equal, .local(access), .constant(Access.fetch.rawValue), .bits64),
  .constant(PageEntry.execute),
  .select(
    .binary(.equal, .local(access), .constant(Access.read.rawValue), .bits64), .constant(PageEntry.read),
    .constant(PageEntry.write)))

/// Faults unless the entry in `entry` allows the access in the present mode.
private let checkEntry: [Effect] = [
  .assign(
    needed,
    .binary(
      .or, permission,
      .select(.register(ToyRegister.mode), .constant(PageEntry.user), .constant(0)), .bits64)),
  .when(
    .binary(.notEqual, .binary(.and, .local(entry), .local(needed), .bits64), .local(needed), .bits64),
    then: [pageFault], otherwise: []),
]

/// Not zero when a frame or table at `base` does not lie wholly in storage.
private func outside(_ base: Expression, _ bytes: UInt64) -> Expression {
  above(add(base, .constant(bytes)), .storageSize)
}

/// Walks the two tables, checks, sets accessed and dirty bits in storage, and fills the TLB.
private let walk: [Effect] =
  [
    .assign(
      place,
      add(
        and(.register(ToyRegister.base), PageEntry.frame), left(right(.local(address), 22), 2))),
    .when(outside(.local(place), 4), then: [pageFault], otherwise: []),
    .assign(directory, .load(.physical, .local(place), .bits32)),
    .when(and(.local(directory), PageEntry.valid), then: [], otherwise: [pageFault]),
    .assign(
      place,
      add(
        and(.local(directory), PageEntry.frame),
        left(and(right(.local(address), 12), 0x3FF), 2))),
    .when(outside(.local(place), 4), then: [pageFault], otherwise: []),
    .assign(entry, .load(.physical, .local(place), .bits32)),
    .when(and(.local(entry), PageEntry.valid), then: [], otherwise: [pageFault]),
    .when(outside(and(.local(entry), PageEntry.frame), 0x1000), then: [pageFault], otherwise: []),
  ] + checkEntry + [
    .assign(
      entry,
      .binary(
        .or, .local(entry),
        .select(
          .binary(.equal, .local(access), .constant(Access.write.rawValue), .bits64),
          .constant(PageEntry.accessed | PageEntry.dirty), .constant(PageEntry.accessed)), .bits64)),
    .store(.physical, .local(place), .local(entry), .bits32),
    .setAuxiliary(0, right(.local(address), 12), .local(entry)),
  ]

/// Virtual to physical; `Docs/ToyISA.md` says it in words.
private let translate = Procedure(
  "translate", [address, access, segment, size],
  [
    // A fetch must be aligned; loads and stores have been checked by their instructions.
    .when(
      .binary(.equal, .local(access), .constant(Access.fetch.rawValue), .bits64),
      then: [
        .when(and(.local(address), 3), then: [toyTrap(.alignment, .local(address))], otherwise: [])
      ], otherwise: []),
    .when(
      above(add(.local(address), .local(size)), .register(ToyRegister.bound)), then: [boundsFault],
      otherwise: []),
    .when(
      .register(ToyRegister.paging),
      then: [
        .assign(entry, .auxiliary(0, right(.local(address), 12))),
        // A write through an entry without its dirty bit walks again, to set it.
        .when(
          .binary(
            .and, .unary(.isZero, and(.local(entry), PageEntry.dirty), .bits64),
            .binary(.equal, .local(access), .constant(Access.write.rawValue), .bits64), .bits64),
          then: [
            .when(.local(entry), then: checkEntry, otherwise: []),
            .assign(entry, .constant(0)),
          ], otherwise: []),
        .when(.local(entry), then: checkEntry, otherwise: walk),
        .give(add(and(.local(entry), PageEntry.frame), and(.local(address), 0xFFF))),
      ],
      otherwise: [
        .assign(physical, add(.register(ToyRegister.base), .local(address))),
        .when(
          above(add(.local(physical), .local(size)), .storageSize), then: [boundsFault], otherwise: []),
        .give(.local(physical)),
      ]),
  ])

private let cause: Local = 0
private let value: Local = 1
private let isInterrupt: Local = 2
private let area: Local = 3

private func at(_ offset: UInt64) -> Expression { add(.local(area), .constant(offset)) }

/// The PSW swap of the paper: old state to the trap area, new state from it.
private let deliver = Procedure(
  "deliver", [cause, value, isInterrupt],
  [
    .assign(area, .binary(.multiply, .cpu, .constant(TrapArea.stride), .bits64)),
    .store(.physical, at(TrapArea.oldPSW), toyFlagsWord, .bits32),
    .store(.physical, at(TrapArea.oldPSW + 4), .pc, .bits32),
    .store(.physical, at(TrapArea.oldPSW + 8), .register(ToyRegister.base), .bits32),
    .store(.physical, at(TrapArea.oldPSW + 12), .register(ToyRegister.bound), .bits32),
    .store(.physical, at(TrapArea.cause), .local(cause), .bits32),
    .store(.physical, at(TrapArea.value), .local(value), .bits32),
  ]
    + toyLoadPSW(
      flags: .load(.physical, at(TrapArea.newPSW), .bits32),
      pc: .load(.physical, at(TrapArea.newPSW + 4), .bits32),
      base: .load(.physical, at(TrapArea.newPSW + 8), .bits32),
      bound: .load(.physical, at(TrapArea.newPSW + 12), .bits32)))

/// Translation, traps and interrupts of the toy processor, as data.
let toySystem = SystemSemantics(
  procedures: [translate, deliver], translate: 0, deliver: 1,
  interruptible: .register(ToyRegister.interruptEnable),
  interruptCauseBase: UInt64(ToyCause.timer.rawValue), mode: .register(ToyRegister.mode),
  decodeContext: .constant(0), programCounter: ToyRegister.pc, waiting: ToyRegister.waiting,
  illegalCause: UInt64(ToyCause.illegal.rawValue))
