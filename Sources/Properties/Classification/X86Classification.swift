internal import MachineCore
internal import Simulator
public import X86Backend

/// Finds the x86 instructions that are sensitive, and those of them that do not trap in ring 3, by running them.
///
/// Instructions of every row of the table are run by the simulator, whose only knowledge of them is the table: in ring 3
/// and in ring 0, and again with one part of the system's state changed. IOPL is 0 and there is no I/O bitmap, so that
/// the ports and the interrupt flag are the supervisor's.
public struct X86Classification: Sendable {
  /// What was found of the instructions of one name.
  public struct Finding: Sendable {
    /// Its name; forms with segment registers or far pointers have names of their own.
    public var name: String
    /// What it is.
    public var found = X86InstructionClass()
    /// Why it is sensitive.
    public var reasons: Set<X86Reason> { found.reasons }
    /// It completes in ring 3, so it is not privileged.
    public var completesInRing3: Bool { found.completesInRing3 }
    /// One for each reason in each ring.
    public internal(set) var witnesses: [X86Witness] = []
  }

  /// The mode in which was searched.
  public let mode: X86Mode
  /// User-mode instruction prevention is on.
  public let hasPrevention: Bool
  /// Everything sensitive, by name.
  public let sensitive: [Finding]
  /// Every row that was run, by its number in the table.
  public let rows: [Int: X86InstructionClass]
  /// How many cases were tried, and how many instructions were run for them.
  public let cases: Int
  public let runs: Int

  /// The sensitive instructions that complete in ring 3: what keeps Theorem 1 from holding.
  public var offenders: [Finding] { sensitive.filter(\.completesInRing3) }

  /// Searches a mode.
  ///
  /// - Parameters:
  ///   - rounds: random cases of each row of the table, besides the directed ones.
  ///   - seed: makes the cases.
  /// - Throws: ``MachineError`` when storage cannot be had.
  public init(_ mode: X86Mode, prevention: Bool = false, rounds: Int = 12, seed: UInt64 = 1) throws {
    self.mode = mode
    hasPrevention = prevention
    var search = try X86Search(mode, prevention: prevention, seed: seed)
    let rows = UInt64(X86FuzzRow.all(search.machine).filter { $0.unreachable == nil }.count)
    for tried in search.directedCases { try search.run(tried) }
    // One number in sixteen is noise and reaches no row on purpose.
    for index in 0..<(rows * UInt64(rounds) * 16 / 15) { try search.run(index) }
    // Rows of which a case has yet to complete in one of the rings get more of them.
    for round in 0..<UInt64(rounds * 8) {
      for position in search.generator.rows.indices where search.isPending(search.generator.rows[position]) {
        let number = rows * (UInt64(rounds) + round) + UInt64(position)
        try search.run(number + number / 15)
      }
    }
    cases = search.cases
    runs = search.runs
    self.rows = search.rows
    var byName: [String: Finding] = [:]
    for (row, found) in search.rows {
      let name = X86FuzzRow.classifiedName(row)
      byName[name, default: Finding(name: name)].found.add(found)
    }
    for witness in search.witnesses.values { byName[witness.name]?.witnesses.append(witness) }
    sensitive = byName.values.filter { $0.found.isSensitive }.map { finding in
      var finding = finding
      finding.witnesses.sort { $0.key < $1.key }
      return finding
    }.sorted { $0.name < $1.name }
  }
}

/// One case that is tried in both rings and in changed states.
struct X86SearchCase {
  var bytes: [UInt8]
  /// Storage beside the surroundings', with guest-physical addresses.
  var storage: [MachineState.Block] = []
  /// What is set before, other than ring and segments.
  var prepare: @Sendable (inout ProcessorState) -> Void = { _ in }
  /// A change of the system's state for this case alone.
  var change: (X86Reason, @Sendable (inout ProcessorState) -> Void)?
}

/// One search of a mode with its engine.
struct X86Search {
  let machine: X86FuzzMachine
  private(set) var rows: [Int: X86InstructionClass] = [:]
  private(set) var witnesses: [String: X86Witness] = [:]
  private(set) var cases = 0
  private(set) var runs = 0
  let generator: X86CaseGenerator
  private let small: X86SmallMachine
  /// The surroundings' storage, in blocks.
  private let surroundings: [MachineState.Block]
  private let seed: UInt64
  private let prevention: Bool
  private let changes: [Change]

  /// A change of the system's state that no program should see.
  private struct Change {
    var reason: X86Reason
    var apply: @Sendable (inout ProcessorState) -> Void
    var time: UInt64 = 0
  }

  /// Where copies of tables lie, in pages that the surroundings leave free.
  private static let globalCopy: UInt64 = 0xE000
  private static let interruptCopy: UInt64 = 0xC000
  private static let pageCopy: UInt64 = 0xB000
  /// Two more descriptors: code for every ring, and more code of ring 3.
  static let conforming: UInt64 = 0x48
  static let userCode: UInt64 = 0x53
  private static let globalLimit: UInt64 = 0x57

  init(_ mode: X86Mode, prevention: Bool, seed: UInt64) throws {
    machine = try X86FuzzMachine(mode, seed: seed, isPlain: true)
    generator = X86CaseGenerator(machine, onlyRing3: true)
    let memory = Self.storage(machine)
    surroundings = X86Witness.blocks(memory)
    small = try X86SmallMachine(on: .simulator, machine.base, contents: memory)
    self.seed = seed
    self.prevention = prevention
    changes = Self.changes(mode)
  }

  /// The surroundings' storage with open gates, more descriptors, and copies of the tables.
  static func storage(_ machine: X86FuzzMachine) -> [UInt8] {
    var memory = machine.memory
    X86FuzzRow.openGates(&memory, machine.mode)
    for (selector, type) in [(Self.conforming, UInt64(0x9F)), (Self.userCode, 0xFB)] {
      let flags: UInt64 = machine.mode == .long64 ? 0xA : 0xC
      let descriptor = 0x000F_0000_0000_FFFF | type << 40 | flags << 52
      for byte in 0..<8 {
        memory[Int(machine.base[.gdtrBase] + selector & ~7) + byte] = UInt8(
          truncatingIfNeeded: descriptor >> UInt64(8 * byte))
      }
    }
    func copy(_ from: UInt64, _ to: UInt64, _ count: Int) {
      for byte in 0..<count { memory[Int(to) + byte] = memory[Int(from) + byte] }
    }
    copy(machine.base[.gdtrBase], Self.globalCopy, Int(Self.globalLimit) + 1)
    copy(machine.base[.idtrBase], Self.interruptCopy, Int(machine.base[.idtrLimit]) + 1)
    if machine.mode == .long64 { copy(machine.base[.cr3], Self.pageCopy, 4096) }
    return memory
  }

  private static func changes(_ mode: X86Mode) -> [Change] {
    let system: [X86Register] = [
      .cr2, .star, .lstar, .cstar, .sysenterESP, .sysenterEIP, .dr0, .dr1, .dr2, .dr3, .kernelGSBase, .pat,
      .miscEnable, .mtrrDefault, .mtrrBase0, .mtrrMask0, .mtrrFix64K,
    ]
    return [
      Change(reason: .segment) { state in
        for number in 0..<6 { state.registers[X86Register.es.index + number] ^= 0x40 }
      },
      Change(reason: .globalTable) { $0[.gdtrBase] = globalCopy },
      Change(reason: .globalTable) { $0[.gdtrLimit] = 0x3F },
      Change(reason: .interruptTable) {
        $0[.idtrBase] = interruptCopy
        $0[.idtrLimit] -= 16
      },
      Change(reason: .localTable) { $0[.ldtr] ^= 0x40 }, Change(reason: .localTable) { $0[.ldtrLimit] = 0 },
      Change(reason: .task) { $0[.tr] ^= 0x40 }, Change(reason: .machineStatus) { $0[.cr0] ^= 0x20 },
      Change(reason: .systemRegister) { state in
        for register in system { state[register] ^= 0x1000 }
        state[.sfmask] ^= 0x400
        state[.cr4] ^= 0x100
        state[.cr8] ^= 1
        state[.dr6] ^= 1
        state[.dr7] ^= 0x100
        state[.tscAux] ^= 1
      },
      Change(reason: .systemRegister) { $0[.cr3] = mode == .long64 ? pageCopy : $0[.cr3] ^ 0x1000 },
      Change(reason: .systemRegister) { $0[.efer] ^= 1 },
      Change(reason: .interruptFlag) { $0[.rflags] ^= 0x200 },
      Change(reason: .time, apply: { _ in }, time: 1000),
    ]
  }

  // MARK: Cases

  /// Whether a row was run and has not completed in both rings.
  func isPending(_ row: Int) -> Bool {
    rows[row].map { !$0.completesInRing0 || !$0.completesInRing3 } ?? false
  }

  mutating func run(_ index: UInt64) throws {
    var tried = generator.make(index: index, seed: seed)
    guard let decoded = X86FuzzRow.decode(tried.bytes, tried.state, machine) else { return }
    for place in decoded.length..<max(tried.bytes.count, decoded.length) { tried.bytes[place] = 0xF4 }
    tried.state[.rflags] &= ~0x3000
    try judge(tried.bytes, tried.state, decoded.row, X86SearchCase(bytes: tried.bytes), keeps: false)
  }

  /// Runs a directed case.
  mutating func run(_ tried: X86SearchCase) throws {
    var state = machine.base
    machine.enterRing3(&state)
    state[.rbx] = 0x10
    state[.rsp] = machine.data + 0x8000
    state[.rdi] = machine.data + 0x5000
    state[.rflags] = 2
    state[.efer] |= machine.mode == .long64 ? 1 : 0
    state[.lstar] = machine.code + 0x40
    state[.star] = 0x0013_0008_0000_0000
    state[.sysenterCS] = X86Layout.Selector.code
    state[.sysenterESP] = machine.data + 0x7000
    state[.sysenterEIP] = machine.code + 0x40
    tried.prepare(&state)
    let code = Array((tried.bytes + [UInt8](repeating: 0xF4, count: 15)).prefix(15))
    guard let decoded = X86FuzzRow.decode(code, state, machine) else { return }
    try judge(code, state, decoded.row, tried, keeps: true)
  }

  private mutating func judge(
    _ bytes: [UInt8], _ original: ProcessorState, _ row: Int, _ tried: X86SearchCase, keeps: Bool
  ) throws {
    var user = original
    if prevention { user[.cr4] |= 1 << 11 }
    user[.gdtrLimit] = Self.globalLimit
    user[.trLimit] = 0x66
    cases += 1
    var system = user
    for number in 1...2 { system.setSegment(number, machine.base.segment(number)) }
    var found = rows[row] ?? X86InstructionClass()
    var outcomes: [X86Outcome] = []
    for (ring, state) in [(UInt64(0), system), (3, user)] {
      let outcome = try self.outcome(bytes, state, tried)
      outcomes.append(outcome)
      guard outcome.completes else { continue }
      var reasons: Set<X86Reason> = []
      func note(_ reason: X86Reason, _ search: inout X86Search, _ second: ProcessorState, time: UInt64 = 0) {
        guard reasons.insert(reason).inserted, keeps else { return }
        search.keep(row, reason, ring, bytes, tried, (state, 0), (second, time))
      }
      if !X86Judgement.control(state, outcome).isEmpty { note(.control, &self, outcome.state) }
      if outcome.usesDevice { note(.device, &self, state) }
      for change in try relevantChanges(bytes, state, tried, outcome) {
        var other = state
        change.apply(&other)
        let changed = try self.outcome(bytes, other, tried, time: change.time)
        if changed.completes, differ(outcome, changed) {
          note(change.reason, &self, other, time: change.time)
        }
      }
      if ring == 0 {
        found.completesInRing0 = true
        found.ring0.formUnion(reasons)
      } else {
        found.completesInRing3 = true
        found.ring3.formUnion(reasons)
      }
    }
    if outcomes.allSatisfy(\.completes), differ(outcomes[0], outcomes[1]) {
      found.dependsOnLevel = true
      if keeps { keep(row, .level, nil, bytes, tried, (system, 0), (user, 0)) }
    }
    if keeps, found.isPrivileged, outcomes[0].completes, outcomes[1].trap == 13 {
      keep(row, nil, nil, bytes, tried, (system, 0), (user, 0))
    }
    rows[row] = found
  }

  /// The changes that are worth a try: none when all of them at once make no difference.
  private mutating func relevantChanges(
    _ bytes: [UInt8], _ state: ProcessorState, _ tried: X86SearchCase, _ outcome: X86Outcome
  ) throws -> [Change] {
    var all = changes
    if let (reason, apply) = tried.change { all.append(Change(reason: reason, apply: apply)) }
    var other = state
    for change in all { change.apply(&other) }
    let changed = try self.outcome(bytes, other, tried, time: 1000)
    return changed.completes && !differ(outcome, changed) ? [] : all
  }

  private func differ(_ first: X86Outcome, _ second: X86Outcome) -> Bool {
    X86Judgement.differ(first, second, undefined: X86Judgement.undefined(first, second))
  }

  private mutating func outcome(
    _ bytes: [UInt8], _ state: ProcessorState, _ tried: X86SearchCase, time: UInt64 = 0
  ) throws -> X86Outcome {
    runs += 1
    try small.platform.memory.write(bytes, at: Int(machine.physicalCode))
    for block in tried.storage { try small.platform.memory.write(block.bytes, at: Int(block.address)) }
    defer { small.contents.restore() }
    return try small.run(state, time: time)
  }

  /// Keeps the first witness of a reason in a ring.
  private mutating func keep(
    _ row: Int, _ reason: X86Reason?, _ ring: UInt64?, _ bytes: [UInt8], _ tried: X86SearchCase,
    _ first: (ProcessorState, UInt64), _ second: (ProcessorState, UInt64)
  ) {
    let name = X86FuzzRow.classifiedName(row)
    let key = X86Witness.key(name, reason, ring)
    guard witnesses[key] == nil else { return }
    // What a case says of storage comes last, and so counts.
    let storage = surroundings + [.init(machine.physicalCode, bytes)] + tried.storage
    witnesses[key] = X86Witness(
      mode: machine.mode, name: name, bytes: bytes, reason: reason, ring: ring,
      first: MachineState(processor: first.0, storage: storage, time: first.1),
      second: MachineState(processor: second.0, storage: storage, time: second.1))
  }
}
