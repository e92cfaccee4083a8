import Testing
import Trace

/// An engine that never ends.
private final class EndlessSource: TraceSource {
  let header = Samples.header
  var batches = 0

  func read(into batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int {
    batches += 1
    guard batches < 10_000 else { throw TraceError(.misuse, "read on behind the divergence") }
    batch[0] = TraceRecord(.retire, clock: UInt64(batches))
    return 1
  }
}

@Suite struct ComparatorTests {
  static func compare(
    _ left: [TraceRecord], _ right: [TraceRecord], _ policy: ComparisonPolicy = ComparisonPolicy(),
    _ leftHeader: TraceHeader = Samples.header, _ rightHeader: TraceHeader = Samples.header
  ) throws(TraceError) -> ComparisonResult {
    try TraceComparator.compare(
      TraceLogSource(TraceLog(header: leftHeader, records: left)),
      TraceLogSource(TraceLog(header: rightHeader, records: right)), policy: policy)
  }

  static func divergence(_ result: ComparisonResult) throws -> Divergence {
    guard case .divergent(let divergence) = result.verdict else {
      throw TraceError(.misuse, "not divergent: \(result.verdict.name)")
    }
    return divergence
  }

  static func exceptions(_ result: ComparisonResult) throws -> [ComparisonException] {
    guard case .equalExcept(let exceptions) = result.verdict else {
      throw TraceError(.misuse, "not `equal except`: \(result.verdict.name)")
    }
    return exceptions
  }

  @Test func equalTraces() throws {
    let result = try Self.compare(Samples.small, Samples.small)
    #expect(result.verdict == .equal)
    #expect(result.events == 7)
    #expect(result.verdict.exitStatus == 0)
    #expect(result.notes == ["left out: VMM events, 1 in the first trace, 1 in the second"])
  }

  struct Change: Sendable, CustomTestStringConvertible {
    var record: Int
    var field: TraceField
    var name: String
    var apply: @Sendable (inout TraceRecord) -> Void
    var testDescription: String { name }
  }

  static let changes = [
    Change(record: 2, field: .kind, name: "kind of event") { $0.kind = EventKind.trap.rawValue },
    Change(record: 2, field: .pc, name: "pc") { $0.pc += 4 },
    Change(record: 2, field: .instruction, name: "instruction bytes") { $0.bytes.low += 1 },
    Change(record: 2, field: .clock, name: "clock") { $0.clock += 1 },
    Change(record: 2, field: .address, name: "next pc") { $0.address += 4 },
    Change(record: 5, field: .mode, name: "privilege mode") { $0.mode = 0 },
    Change(record: 5, field: .cpu, name: "virtual CPU") { $0.cpu = 1 },
    Change(record: 5, field: .code, name: "trap cause") { $0.code = 3 },
    Change(record: 5, field: .value, name: "trap value") { $0.value = 3 },
    Change(record: 5, field: .aux, name: "trap handler pc") { $0.aux = 3 },
    Change(record: 7, field: .direction, name: "direction of the device access") { $0.flags = 0 },
    Change(record: 7, field: .flags, name: "flags") { $0.flags |= 0x40 },
    Change(record: 7, field: .code, name: "device port") { $0.code = 3 },
    Change(record: 7, field: .value, name: "device datum") { $0.value = 3 },
    Change(record: 7, field: .aux, name: "device size") { $0.aux = 3 },
    Change(record: 9, field: .code, name: "halt stop kind") { $0.code = 4 },
    Change(record: 9, field: .value, name: "halt status") { $0.value = 4 },
    Change(record: 10, field: .value, name: "final memory digest") { $0.value = 4 },
    Change(record: 10, field: .aux, name: "final console digest") { $0.aux = 4 },
    Change(record: 3, field: .memoryKind(0), name: "memory effect 0") {
      $0.kind = EventKind.memoryRead.rawValue
    },
    Change(record: 3, field: .memoryAddress(0), name: "address of memory effect 0") { $0.address += 1 },
    Change(record: 3, field: .memorySize(0), name: "size of memory effect 0") { $0.aux = 8 },
    Change(record: 3, field: .memoryValue(0), name: "data of memory effect 0") { $0.value = 8 },
    Change(record: 1, field: .register(3), name: "register r3") { $0.value = 6 },
    Change(record: 6, field: .register(16), name: "register psw") { $0.value = 6 },
    Change(record: 6, field: .register(2), name: "register r2") { $0.code = 2 },
    Change(record: 11, field: .register(3), name: "register r3") { $0.value = 6 },
  ]

  @Test(arguments: changes) func everyFieldIsCompared(change: Change) throws {
    var changed = Samples.small
    change.apply(&changed[change.record])
    let result = try Self.compare(Samples.small, changed)
    #expect(result.verdict.exitStatus == 1)
    let found = try Self.divergence(result)
    #expect(found.difference.field == change.field)
    #expect(found.fieldName == change.name)
    #expect(found.left?.position == found.right?.position)
    // The two sides are told apart.
    let mirrored = try Self.divergence(Self.compare(changed, Samples.small))
    #expect(mirrored.difference.left == found.difference.right)
    #expect(mirrored.difference.right == found.difference.left)
    #expect(mirrored.left == found.right)
  }

  @Test func hostAndVMMRecordsAreNotCompared() throws {
    var changed = Samples.small
    changed[12].value = 9
    changed.remove(at: 4)
    #expect(try Self.compare(Samples.small, changed).verdict == .equal)
    var policy = ComparisonPolicy()
    policy.guestEventsOnly = false
    #expect(try Self.divergence(Self.compare(Samples.small, changed, policy)).difference.field == .kind)
  }

  @Test func lostAndExtraEvents() throws {
    for index in [0, 2, 5, 7, 8, 9, 10] {
      var changed = Samples.small
      changed.remove(at: index)
      #expect(try Self.compare(Samples.small, changed).verdict.exitStatus == 1, "without record \(index)")
      #expect(try Self.compare(changed, Samples.small).verdict.exitStatus == 1, "without record \(index)")
    }
    let found = try Self.divergence(Self.compare(Array(Samples.small[..<4]), Samples.small))
    #expect(found.difference.field == .end)
    #expect(found.left == nil)
    #expect(found.right?.head == Samples.small[5])
  }

  @Test func contextAndLastWriters() throws {
    let records = Samples.loop(100)
    var changed = records
    // The last write to r1 changes; the loop writes r1 every 15 instructions.
    let at = try #require(changed.lastIndex { $0.kind == EventKind.registerWrite.rawValue && $0.code == 1 })
    changed[at].value ^= 1
    var policy = ComparisonPolicy()
    policy.contextEvents = 3
    let found = try Self.divergence(Self.compare(records, changed, policy))
    #expect(found.index == 90)
    #expect(found.leftBefore.map(\.index) == [87, 88, 89])
    #expect(found.rightBefore.map(\.index) == [87, 88, 89])
    #expect(found.leftAfter.map(\.index) == [91, 92, 93])
    #expect(found.leftWriter == LastWriterProbe.of(event: 75, records))
    #expect(found.rightWriter == found.leftWriter)
  }

  enum LastWriterProbe {
    /// What is to be known of an event of `Samples.loop`.
    static func of(event: Int, _ records: [TraceRecord]) -> LastWriter? {
      let heads = records.filter { $0.kind == EventKind.retire.rawValue }
      return LastWriter(event: UInt64(event), pc: heads[event].pc, clock: heads[event].clock)
    }
  }

  @Test func lastWriterOfMemory() throws {
    let store = [
      TraceRecord(.retire, clock: 1, pc: 0x10), TraceRecord(.memoryWrite, address: 0x1006, value: 1, aux: 4),
    ]
    let load = [
      TraceRecord(.retire, clock: 2, pc: 0x14), TraceRecord(.memoryRead, address: 0x1008, value: 1, aux: 1),
    ]
    var other = load
    other[1].value = 2
    let found = try Self.divergence(Self.compare(store + load, store + other))
    #expect(found.fieldName == "data of memory effect 0")
    #expect(found.leftWriter == LastWriter(event: 0, pc: 0x10, clock: 1))
  }

  @Test func trapsThatOneTraceCannotHave() throws {
    var header = Samples.header
    header.hasTraps = false
    let trap = TraceRecord(.trap, code: 3, clock: 1, pc: 8, value: 1, aux: 64)
    let access = TraceRecord(.device, code: 2, clock: 1, pc: 64, value: 7, aux: 1)
    let result = try Self.compare([trap, access], [access], ComparisonPolicy(), Samples.header, header)
    #expect(result.verdict.name == "equal")
    #expect(result.notes.contains { $0.hasPrefix("traps not compared") })
    #expect(try Self.compare([trap, access], [access]).verdict.name == "divergent")
  }

  @Test func levels() throws {
    var header = Samples.header
    header.level = .events
    let events = Samples.small.filter { record in
      record.kind != EventKind.retire.rawValue
        && record != Samples.small[1] && record.kind != EventKind.memoryWrite.rawValue
    }
    // Effects of the final event belong to it.
    let right = events + []
    let result = try Self.compare(
      Samples.small, Array(right.prefix { $0.kind != EventKind.final.rawValue }) + Samples.small[10...],
      ComparisonPolicy(), Samples.header, header)
    #expect(result.verdict.name == "equal")
    #expect(result.notes.first == "levels differ (instructions, events); compared at level events")
    header.level = .final
    #expect(
      try Self.compare(Samples.small, Array(Samples.small[10...]), ComparisonPolicy(), Samples.header, header)
        .verdict
        == .equal)
  }

  @Test func notComparable() throws {
    let edits: [@Sendable (inout TraceHeader) -> Void] = [
      { $0.isa = "x86" }, { $0.variant = "popf" }, { $0.programDigest = 1 }, { $0.configurationDigest = 1 },
      { $0.version = 2 }, { $0.registers[2] = "sp" }, { $0.causes[1] = "x" },
    ]
    for edit in edits {
      var header = Samples.header
      edit(&header)
      let result = try Self.compare(Samples.small, Samples.small, ComparisonPolicy(), Samples.header, header)
      #expect(result.verdict.exitStatus == 2)
      #expect(result.verdict.name == "not comparable")
    }
  }

  @Test func traceWithoutClockOrMemoryEffects() throws {
    var header = Samples.header
    header.hasClock = false
    header.hasMemoryEffects = false
    let right = Samples.small.filter { $0.kind != EventKind.memoryWrite.rawValue }.map { record in
      var record = record
      record.clock = 0
      return record
    }
    let result = try Self.compare(Samples.small, right, ComparisonPolicy(), Samples.header, header)
    #expect(result.verdict.name == "equal")
    #expect(result.notes.contains { $0.contains("clock not compared: the second trace has no") })
    #expect(result.notes.contains("left out: memory effects, 1 in the first trace, 0 in the second"))
    // Everything else still counts.
    var wrong = right
    wrong[0].address = 0x40
    #expect(
      try Self.compare(Samples.small, wrong, ComparisonPolicy(), Samples.header, header).verdict.exitStatus
        == 1)
  }

  @Test func ignoredFieldsBecomeExceptions() throws {
    var changed = Samples.small
    changed[2].clock = 9
    changed[5].mode = 0
    var policy = ComparisonPolicy()
    policy.ignoreClock = true
    policy.ignoreModes = true
    let result = try Self.compare(Samples.small, changed, policy)
    #expect(
      try Self.exceptions(result) == [
        ComparisonException(reason: "clock ignored", count: 1, firstEvent: 1),
        ComparisonException(reason: "privilege mode ignored", count: 1, firstEvent: 2),
      ])
    #expect(result.verdict.exitStatus == 0)
  }

  @Test func registerMasks() throws {
    var changed = Samples.small
    changed[6].value ^= 0b100
    var policy = ComparisonPolicy()
    policy.registerMasks = [RegisterMask(register: 16, bits: 0b110, reason: "undefined after a shift")]
    #expect(
      try Self.exceptions(Self.compare(Samples.small, changed, policy))[0].reason == "undefined after a shift"
    )
    changed[6].value ^= 1
    #expect(try Self.compare(Samples.small, changed, policy).verdict.exitStatus == 1)
    policy.registerMasks[0].bits = .max
    let result = try Self.compare(Samples.small, changed, policy)
    #expect(result.verdict.name == "equal")
    #expect(result.notes.contains { $0.contains("psw: undefined after a shift") })
  }

  /// Flags change in one trace only, because the other had these values before.
  @Test func maskedBitsOfARegisterThatDidNotChange() throws {
    func step(_ clock: UInt64, _ flags: UInt64?) -> [TraceRecord] {
      [TraceRecord(.retire, clock: clock)]
        + (flags.map { [TraceRecord(.registerWrite, code: 16, value: $0)] } ?? [])
    }
    var policy = ComparisonPolicy()
    policy.registerMasks = [RegisterMask(register: 16, bits: 4, reason: "undefined")]
    let left = step(1, 1) + step(2, 5)
    #expect(try Self.exceptions(Self.compare(left, step(1, 1) + step(2, nil), policy)).map(\.count) == [1])
    #expect(
      try Self.compare(step(1, 1) + step(2, 3), step(1, 1) + step(2, nil), policy).verdict.exitStatus == 1)
  }

  @Test func undefinedBitsUntilRedefined() throws {
    func step(_ pc: UInt64, _ flags: UInt64) -> [TraceRecord] {
      [TraceRecord(.retire, pc: pc), TraceRecord(.registerWrite, code: 16, value: flags)]
    }
    var policy = ComparisonPolicy()
    // At pc 1 bit 0 becomes undefined, at pc 3 it is defined again.
    policy.undefinedBits = { head in
      [UndefinedBits(register: 16, undefined: head.pc == 1 ? 1 : 0, defined: head.pc == 3 ? 1 : 0)]
    }
    let left = step(1, 0) + step(2, 2) + step(3, 4)
    let accepted = try Self.compare(left, step(1, 1) + step(2, 3) + step(3, 4), policy)
    #expect(try Self.exceptions(accepted).map(\.count) == [2])
    #expect(try Self.divergence(Self.compare(left, step(1, 1) + step(2, 3) + step(3, 5), policy)).index == 2)
    #expect(try Self.divergence(Self.compare(left, step(1, 2) + step(2, 3) + step(3, 4), policy)).index == 0)
  }

  /// An instruction that defines every bit shows an effect only where the value was another before.
  @Test func redefinedBitsAreComparedByValue() throws {
    func step(_ pc: UInt64, _ flags: UInt64?) -> [TraceRecord] {
      [TraceRecord(.retire, pc: pc)]
        + (flags.map { [TraceRecord(.registerWrite, code: 16, value: $0)] } ?? [])
    }
    var policy = ComparisonPolicy()
    // At pc 1 bit 0 becomes undefined, at pc 2 every bit is defined.
    policy.undefinedBits = { head in
      [UndefinedBits(register: 16, undefined: head.pc == 1 ? 1 : 0, defined: head.pc == 2 ? .max : 0)]
    }
    let start = step(0, 4)
    let left = start + step(1, 5) + step(2, 4) + step(3, 8)
    let right = start + step(1, nil) + step(2, nil) + step(3, 8)
    #expect(try Self.exceptions(Self.compare(left, right, policy)).map(\.count) == [1])
    #expect(try Self.exceptions(Self.compare(right, left, policy)).map(\.count) == [1])
    // A value that the other side does not have is a difference, in any bit.
    for wrong: UInt64 in [1, 6, 0] {
      let bad = start + step(1, 5) + step(2, wrong) + step(3, 8)
      #expect(try Self.divergence(Self.compare(bad, right, policy)).index == 2)
      #expect(try Self.divergence(Self.compare(right, bad, policy)).index == 2)
    }
    // Without undefined bits before, effects of one side only are a difference at once.
    #expect(try Self.divergence(Self.compare(step(2, 4), step(2, nil), policy)).index == 0)
    #expect(
      try Self.divergence(Self.compare(start + step(2, 4), start + step(2, nil), policy)).index == 1)
  }

  @Test func timePorts() throws {
    func run(_ time: UInt64, _ later: UInt64) -> [TraceRecord] {
      [
        TraceRecord(.device, code: 0x20, value: time, aux: 4), TraceRecord(.retire, clock: 1),
        TraceRecord(.registerWrite, code: 1, value: time), TraceRecord(.retire, clock: 2),
        TraceRecord(.registerWrite, code: 2, value: later),
      ]
    }
    var policy = ComparisonPolicy()
    policy.timePorts = [0x20]
    #expect(try Self.exceptions(Self.compare(run(1, 7), run(2, 7), policy)).map(\.count) == [2])
    #expect(try Self.compare(run(1, 7), run(2, 8), policy).verdict.exitStatus == 1)
    #expect(try Self.compare(run(1, 7), run(1, 7), policy).verdict == .equal)
    #expect(try Self.compare(run(1, 7), run(2, 7)).verdict.exitStatus == 1)
  }

  @Test func knownDeviations() throws {
    var changed = Samples.small
    changed[5].value = 99
    var policy = ComparisonPolicy()
    policy.deviations = [KnownDeviation(reason: "host bug", kind: .trap, code: 2, field: .value)]
    #expect(try Self.exceptions(Self.compare(Samples.small, changed, policy))[0].reason == "host bug")
    changed[5].aux = 99
    #expect(try Self.divergence(Self.compare(Samples.small, changed, policy)).fieldName == "trap handler pc")
  }

  @Test func prefixes() throws {
    var policy = ComparisonPolicy()
    policy.acceptsPrefix = true
    let short = Array(Samples.small[..<4])
    #expect(try Self.exceptions(Self.compare(short, Samples.small, policy)).count == 1)
    let limited = short + [TraceRecord(.final, code: 2, clock: 2)]
    #expect(try Self.exceptions(Self.compare(Samples.small, limited, policy))[0].reason.contains("second"))
    #expect(try Self.compare(Samples.small, limited).verdict.exitStatus == 1)
    // A trace that claims to have powered off is no prefix.
    let off = short + [TraceRecord(.final, code: 0, clock: 2)]
    #expect(try Self.compare(Samples.small, off, policy).verdict.exitStatus == 1)
  }

  @Test func aDamagedTraceIsTrouble() throws {
    let bytes = try Samples.write(Samples.small, as: .binary)
    let reader = try TraceReader(TraceBytesInput(Array(bytes.dropLast(64))))
    #expect(throws: TraceError.self) {
      _ = try TraceComparator.compare(
        reader, TraceLogSource(TraceLog(header: Samples.header, records: Samples.small)))
    }
  }

  @Test(arguments: TraceEncoding.allCases) func damageBehindADivergenceIsTrouble(encoding: TraceEncoding)
    throws
  {
    func source(_ bytes: [UInt8]) throws(TraceError) -> TraceReader {
      try TraceReader(TraceBytesInput(bytes, name: "left"))
    }
    // Far more than the events after a divergence that are shown.
    let records = Samples.loop(5000)
    var changed = records
    changed[0].pc += 4
    let whole = try Samples.write(records, as: encoding)
    let other = TraceLog(header: Samples.header, records: changed)
    let found = try TraceComparator.compare(source(whole), TraceLogSource(other))
    #expect(try Self.divergence(found).index == 0)
    let cut = Array(whole[..<(whole.count - whole.count / 4)])
    var flipped = whole
    if encoding == .binary {
      flipped[whole.count - 128] ^= 2
    } else {
      // The end record's check sum.
      let digit = try #require(whole.lastIndex { $0 >= 48 && $0 < 57 })
      flipped[digit] += 1
    }
    for damaged in [cut, flipped] {
      #expect(throws: TraceError.self) {
        _ = try TraceComparator.compare(source(damaged), TraceLogSource(other))
      }
      #expect(throws: TraceError.self) {
        _ = try TraceComparator.compare(TraceLogSource(other), source(damaged))
      }
    }
  }

  /// A trace that is made while it is read is not read on behind a divergence.
  @Test func liveTracesEndAtTheDivergence() throws {
    let endless = EndlessSource()
    var other = Samples.loop(1)
    other[0].pc = 0x999
    let source = TraceLogSource(TraceLog(header: Samples.header, records: other))
    let result = try TraceComparator.compare(endless, source)
    #expect(try Self.divergence(result).index == 0)
    #expect(endless.batches < 100)
  }

  @Test func rendering() throws {
    var changed = Samples.small
    changed[6].value = 1
    let found = try Self.divergence(Self.compare(Samples.small, changed))
    let renderer = DivergenceRenderer(
      left: Samples.header, right: Samples.header,
      disassemble: { $0.pc == 0x40 ? "li r3, 5" : nil }, locate: { $0 == 0x44 ? "sum.s:7" : nil })
    #expect(
      renderer.unified(found) == """
        --- toy classic emulator (interpreter), sum.s
        +++ toy classic emulator (interpreter), sum.s
        @@ event 2: register psw @@
          #0  n=1  0x40  li r3, 5  r3=0x5
          #1  n=2  0x44  insn 04001023  [0x1000]/4<-0x5  [sum.s:7]
        - #2  n=2  0x48  trap system-call tval=0x7 -> 0x200  m=1  psw=0x80000000
        + #2  n=2  0x48  trap system-call tval=0x7 -> 0x200  m=1  psw=0x1
          #3  n=2  0x200  out port 0x10 /1 0x41
          #4  n=3  0x200  insn 01000041
          #5  n=3  0x204  halt power-off status=0x0
          #6  n=3  0x204  final power-off memory=0xabcd output=2 bytes 0x1234  r3=0x5
        first difference at event 2: register psw
          first trace:  0x80000000
          second trace: 0x1

        """)
    let columns = renderer.sideBySide(found, width: 100).split(separator: "\n")
    #expect(columns.filter { $0.contains(" X ") }.count == 1)
    #expect(columns.prefix(9).allSatisfy { $0.count <= 100 })
  }
}
