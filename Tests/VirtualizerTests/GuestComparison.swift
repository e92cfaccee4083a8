import Emulator
import MachineCore
import Simulator
import Testing
import ToyISA
import Trace
import Virtualizer

/// A guest with the machine it runs on.
struct Guest {
  var image: [(address: UInt32, word: UInt32)]
  var entry = UInt32(TrapArea.programStart)
  var machine = ToyMachine(memorySize: 0x10000)
  var variant = ToyVariant.classic
  var registers: [Int: UInt32] = [:]
  var limits = RunLimits(instructions: 20_000)
  private var assembled: ToyImage?
  /// Makes the bare processor under the VMMs.
  var hardware = Self.toyProcessor

  /// The emulator's processor.
  static func toyProcessor(_ variant: ToyVariant, _ memory: GuestMemory) throws(EngineRefusal)
    -> any ToyHardware
  {
    do {
      return try ToyProcessor(variant: variant, storage: memory)
    } catch {
      throw EngineRefusal("no processor: \(error)")
    }
  }

  /// A slow processor with other insides.
  static func evaluatedProcessor(_ variant: ToyVariant, _ memory: GuestMemory) throws(EngineRefusal)
    -> any ToyHardware
  {
    EvaluatedProcessor(variant: variant, storage: memory)
  }

  init(_ builder: GuestBuilder) { image = builder.image }

  /// A program that comes with the package.
  init(_ program: ToyProgram) throws {
    let assembled = try program.assemble()
    image = []
    self.assembled = assembled
    entry = assembled.entry
    machine = program.machine
    limits = RunLimits(instructions: program.instructionLimit)
  }

  var state: ProcessorState {
    var state = ToyInstructionSet.resetState(entry: entry, storage: machine.memorySize)
    for (register, value) in registers { state.registers[register] = UInt64(value) }
    return state
  }

  func load(into memory: GuestMemory) throws {
    try assembled?.load(into: memory)
    for (address, word) in image { memory.store(UInt64(address), UInt64(word), width: 4) }
    memory.changed(0..<memory.size)
  }

  /// On the bare machine, by the instruction set's semantics.
  func bare() throws -> Outcome {
    let platform = try machine.makePlatform()
    try load(into: platform.memory)
    let evaluator = Evaluator(instructionSet: ToyInstructionSet(variant), platform: platform, state: state)
    return try Outcome(of: evaluator, limits)
  }

  /// On a stack of VMMs.
  func virtual(depth: Int, policy: VMMPolicy = .correct) throws -> Outcome {
    try Outcome(of: monitor(depth: depth, policy: policy), limits)
  }

  /// A stack of VMMs with the guest loaded.
  func monitor(depth: Int, policy: VMMPolicy = .correct) throws -> VirtualMachineMonitor {
    let monitor = try VirtualMachineMonitor.stack(
      depth: depth, machine: machine, state: state, policy: policy
    ) {
      memory throws(EngineRefusal) in
      try hardware(variant, memory)
    }
    try load(into: monitor.platform.memory)
    return monitor
  }
}

/// What a run left behind.
struct Outcome {
  var reason: StopReason
  var records: [TraceRecord]
  var state: ProcessorState
  var memory: [UInt8]
  var console: [UInt8]
  var retired: UInt64
  var idle: UInt64
  var statistics: EngineStatistics

  init(of engine: some Engine, _ limits: RunLimits, level: TraceLevel = .instructions) throws {
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: level) { records += $0 }
    reason = try engine.run(limits, into: recorder)
    recorder.flush()
    self.records = records
    state = engine.state
    memory = try engine.platform.memory.read(0..<engine.platform.memory.size)
    console = engine.platform.console
    retired = engine.platform.retired
    idle = engine.platform.idle
    statistics = engine.statistics
  }

  /// Events that the guest can see, each with its effects.
  var guestRecords: [TraceRecord] { records.filter { $0.eventKind?.isGuest ?? false } }

  /// Records of one kind.
  func events(_ kind: EventKind) -> [TraceRecord] { records.filter { $0.eventKind == kind } }

  /// The first thing in which the outcomes differ, in words; `nil` when they are equal.
  func difference(from other: Outcome) -> String? {
    let mine = guestRecords
    let others = other.guestRecords
    for (index, (a, b)) in zip(mine, others).enumerated() where a != b {
      return "guest record \(index): \(Self.text(a)) | \(Self.text(b))"
    }
    if mine.count != others.count { return "\(mine.count) guest records | \(others.count)" }
    if reason != other.reason { return "\(reason) | \(other.reason)" }
    if state != other.state { return "state \(state) | \(other.state)" }
    if memory != other.memory,
      let address = zip(memory, other.memory).enumerated().first(where: { $1.0 != $1.1 })?.offset
    {
      return "memory at \(hex(UInt64(address)))"
    }
    if console != other.console { return "console" }
    if retired != other.retired || idle != other.idle { return "clock" }
    return nil
  }

  private static func text(_ record: TraceRecord) -> String {
    "\(record.eventKind?.name ?? "?") code \(record.code) clock \(record.clock) flags \(record.flags) pc \(hex(record.pc)) address \(hex(record.address)) value \(hex(record.value)) aux \(hex(record.aux)) \(record.eventKind == .retire ? ToyDisassembler.text(of: UInt32(truncatingIfNeeded: record.bytes.low), at: UInt32(truncatingIfNeeded: record.pc)) : "")"
  }
}

/// Runs the guest on the bare machine and on stacks of one to three VMMs; all must agree.
///
/// - Returns: the bare outcome and that of depth 1, for further checks.
@discardableResult
func expectEquivalence(
  _ guest: Guest, _ note: String = "", depths: ClosedRange<Int> = 1...3,
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> (bare: Outcome, virtual: Outcome) {
  let bare = try guest.bare()
  var first: Outcome?
  for depth in depths {
    let outcome = try guest.virtual(depth: depth)
    let difference = outcome.difference(from: bare)
    #expect(difference == nil, "depth \(depth) \(note)", sourceLocation: sourceLocation)
    let statistics = outcome.statistics
    #expect(statistics.controlViolations == [], "depth \(depth) \(note)", sourceLocation: sourceLocation)
    #expect(statistics.retired == statistics.direct + statistics.emulated, sourceLocation: sourceLocation)
    #expect(statistics.retired == bare.retired, sourceLocation: sourceLocation)
    if first == nil { first = outcome }
  }
  return (bare, try #require(first))
}
