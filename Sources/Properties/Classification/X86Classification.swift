internal import MachineCore
internal import Simulator
public import X86Backend

/// Finds the x86 instructions that are sensitive and do not trap at privilege level 3, from the semantics table.
///
/// Instructions of every row of the table are run by the simulator, whose only knowledge of them is the table: in ring 3,
/// and again with one part of the system's state changed. IOPL is 0, so that the ports and the interrupt flag are the
/// supervisor's.
public struct X86Classification: Sendable {
  /// What makes an instruction sensitive.
  public enum Reason: String, Sendable, CaseIterable {
    /// It changes mode, segments, tables or system flags, in ring 0 or in ring 3, without a trap.
    case control = "changes mode, segments or system flags"
    case level = "depends on the privilege level"
    case globalTable = "shows the GDT register"
    case interruptTable = "shows the IDT register"
    case localTable = "shows the LDT selector"
    case task = "shows the task register"
    case machineStatus = "shows CR0"
    case interruptFlag = "shows the interrupt flag"
    case time = "shows time"
  }

  /// An instruction that is sensitive.
  public struct Finding: Sendable {
    /// Its name; forms with segment registers or far pointers have names of their own.
    public var name: String
    /// Why it is sensitive.
    public var reasons: Set<Reason> = []
    /// It completes in ring 3, so it is not privileged.
    public var completesInRing3 = false
    /// A case that completes in ring 3 and shows a reason.
    package var witness: X86FuzzCase?
  }

  /// The mode in which was searched.
  public let mode: X86Mode
  /// User-mode instruction prevention is on.
  public let hasPrevention: Bool
  /// Everything sensitive, by name.
  public private(set) var sensitive: [Finding] = []
  /// How many cases were run.
  public private(set) var cases = 0

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
    for tried in search.directedCases {
      try search.run(tried.bytes, tried.memory, keeps: tried.memory.isEmpty)
    }
    // One number in sixteen is noise and reaches no row on purpose.
    for index in 0..<(rows * UInt64(rounds) * 16 / 15) { try search.run(index) }
    cases = search.cases
    sensitive = search.findings.values.filter { !$0.reasons.isEmpty }.sorted { $0.name < $1.name }
  }
}

/// One search of a mode with its engine.
struct X86Search {
  let machine: X86FuzzMachine
  private(set) var findings: [String: X86Classification.Finding] = [:]
  private(set) var cases = 0
  private let generator: X86CaseGenerator
  private let engine: Evaluator
  private let contents: FuzzStorage
  private let seed: UInt64
  private let prevention: Bool
  /// What is to be in the data of the case under way.
  private var memory: [UInt8] = []

  /// Where copies of the two tables lie, in pages that the surroundings leave free.
  private static let globalCopy: UInt64 = 0xE000
  private static let interruptCopy: UInt64 = 0xC000
  /// More descriptors: code for every ring, code and data of ring 3.
  static let conforming: UInt64 = 0x48
  static let userCode: UInt64 = 0x53
  static let userData: UInt64 = 0x5B
  private static let globalLimit: UInt64 = 0x5F

  init(_ mode: X86Mode, prevention: Bool, seed: UInt64) throws {
    machine = try X86FuzzMachine(mode, seed: seed, isPlain: true)
    generator = X86CaseGenerator(machine, onlyRing3: true)
    let platform = try PCPlatform.make(memorySize: X86FuzzMachine.memorySize, input: [])
    var memory = machine.memory
    X86FuzzRow.openGates(&memory, mode)
    for (selector, type) in [(Self.conforming, UInt64(0x9F)), (Self.userCode, 0xFB), (Self.userData, 0xF3)] {
      let flags: UInt64 = mode == .long64 ? 0xA : 0xC
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
    contents = try FuzzStorage([platform.memory], contents: memory)
    engine = Evaluator(instructionSet: X86InstructionSet(), platform: platform, state: machine.base)
    self.seed = seed
    self.prevention = prevention
  }

  private struct Outcome {
    var state: ProcessorState
    var undefined: [UInt64]
    var memory: [UInt8]
    var completes: Bool
  }

  mutating func run(_ index: UInt64) throws {
    var tried = generator.make(index: index, seed: seed)
    guard let decoded = X86FuzzRow.decode(tried.bytes, tried.state, machine) else { return }
    for place in decoded.length..<max(tried.bytes.count, decoded.length) { tried.bytes[place] = 0xF4 }
    tried.state[.rflags] &= ~0x3000
    try judge(tried, decoded.row, [], keeps: true)
  }

  /// Runs machine code with a state of its own: EBX points to what is to be in memory, so does the stack.
  mutating func run(_ bytes: [UInt8], _ memory: [UInt8], keeps: Bool) throws {
    var state = machine.base
    machine.enterRing3(&state)
    let place = machine.data + 0x4000
    state[.rbx] = memory.isEmpty ? 0x10 : place
    state[.rsp] = memory.isEmpty ? machine.data + 0x8000 : place
    state[.rdi] = machine.data + 0x5000
    // With overflow, so that INTO does something.
    state[.rflags] = 0x802
    let code = Array((bytes + [UInt8](repeating: 0xF4, count: 15)).prefix(15))
    guard let decoded = X86FuzzRow.decode(code, state, machine) else { return }
    try judge(X86FuzzCase(seed: 0, bytes: code, state: state), decoded.row, memory, keeps: keeps)
  }

  private mutating func judge(
    _ original: X86FuzzCase, _ row: Int, _ memory: [UInt8], keeps: Bool
  ) throws {
    var tried = original
    if prevention { tried.state[.cr4] |= 1 << 11 }
    tried.state[.gdtrLimit] = Self.globalLimit
    self.memory = memory
    cases += 1
    let name = X86FuzzRow.classifiedName(row)
    var finding = findings[name] ?? .init(name: name)
    defer { findings[name] = finding }
    let known = finding.reasons
    let user = try outcome(tried.bytes, tried.state)
    var system = tried.state
    for number in 0..<6 { system.setSegment(number, machine.base.segment(number)) }
    let supervisor = try outcome(tried.bytes, system)
    guard supervisor.completes || user.completes else { return }
    if changesControl(system, supervisor) || changesControl(tried.state, user) {
      finding.reasons.insert(.control)
    }
    if user.completes { finding.completesInRing3 = true }
    guard user.completes else { return }
    if supervisor.completes, differ(user, supervisor) { finding.reasons.insert(.level) }
    for (reason, change) in Self.changes {
      var other = tried.state
      change(&other)
      let changed = try outcome(tried.bytes, other, time: reason == .time ? 1000 : 0)
      if changed.completes, differ(user, changed) { finding.reasons.insert(reason) }
    }
    if keeps, finding.reasons != known, finding.witness == nil { finding.witness = tried }
  }

  /// The changes of the system's state that no program in ring 3 should see.
  private static let changes: [(X86Classification.Reason, @Sendable (inout ProcessorState) -> Void)] = [
    (.globalTable, { $0[.gdtrBase] = globalCopy }), (.interruptTable, { $0[.idtrBase] = interruptCopy }),
    (.localTable, { $0[.ldtr] ^= 0x40 }), (.task, { $0[.tr] ^= 0x40 }),
    (.machineStatus, { $0[.cr0] ^= 0x20 }), (.interruptFlag, { $0[.rflags] ^= 0x200 }), (.time, { _ in }),
  ]

  private mutating func outcome(
    _ bytes: [UInt8], _ state: ProcessorState, time: UInt64 = 0
  ) throws -> Outcome {
    let platform = engine.platform
    try platform.memory.write(bytes, at: Int(machine.physicalCode))
    if !memory.isEmpty { try platform.memory.write(memory, at: Int(machine.physicalData) + 0x4000) }
    platform.powerOff = nil
    platform.retired = 0
    platform.idle = time
    engine.state = state
    let stop = try engine.run(RunLimits(instructions: 1), into: nil)
    let after = engine.state
    let data = Int(machine.physicalData)
    let memory = try platform.memory.read(data..<data + 0x1_0000)
    let undefined = engine.undefinedMasks
    contents.restore()
    let halts = after[.halted] != 0 && machine.vector(after) == nil
    return Outcome(
      state: after, undefined: undefined, memory: memory,
      completes: machine.vector(after) == nil && (stop == .limit || halts))
  }

  /// Flags that are the supervisor's: TF, IF, IOPL, NT, RF, VM, AC, VIF, VIP.
  private static let systemFlags: UInt64 = 0x1F_7300 & ~0x100

  /// Whether an instruction that completed has changed what is the supervisor's.
  private func changesControl(_ before: ProcessorState, _ outcome: Outcome) -> Bool {
    guard outcome.completes else { return false }
    let after = outcome.state
    if (before[.rflags] ^ after[.rflags]) & 0x3200 != 0 { return true }
    return X86Register.allCases.contains { register in
      switch register.descriptor.role {
      case .mode, .relocation, .control, .waiting, .interruptEnable:
        before[register] != after[register] && register != .interruptShadow && register != .cr2
      default: false
      }
    }
  }

  /// Whether a program could tell the outcomes apart; what one ring does to the other's segments aside.
  private func differ(_ first: Outcome, _ second: Outcome) -> Bool {
    for number in 0...X86Register.rip.index {
      let mask = ~(first.undefined[number] | second.undefined[number])
      if (first.state.registers[number] ^ second.state.registers[number]) & mask != 0 { return true }
    }
    let flags = X86Register.rflags.index
    let mask = ~(first.undefined[flags] | second.undefined[flags]) & 0xCD5
    if (first.state.registers[flags] ^ second.state.registers[flags]) & mask != 0 { return true }
    return first.memory != second.memory
  }
}
