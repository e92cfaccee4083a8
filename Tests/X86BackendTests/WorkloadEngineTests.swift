import MachineCore
import Simulator
import Testing
import Trace
import X86Backend

/// The three workloads on the three engines.
@Suite struct WorkloadEngineTests {
  /// What a run left behind.
  struct Outcome {
    var reason: StopReason
    var console: String
    var state: ProcessorState
    var memory: UInt64
    var retired: UInt64
    var events: [TraceRecord]
  }

  static func machine(_ name: String) throws -> X86Machine {
    try #require(X86Workload.named(name)).machine(memorySize: name == "long64" ? 8 << 20 : 2 << 20)
  }

  static func engine(_ kind: EngineKind, _ machine: X86Machine) throws -> any Engine {
    let platform = try machine.makePlatform()
    switch kind {
    case .simulator:
      return Evaluator(
        instructionSet: X86InstructionSet(), platform: platform, state: machine.initialState)
    case .emulator: return X86Interpreter(platform: platform, state: machine.initialState)
    case .virtualizer: return try X86Virtualizer.make(machine, on: platform)
    }
  }

  static func run(_ kind: EngineKind, _ name: String, level: TraceLevel) throws -> Outcome {
    let engine = try engine(kind, machine(name))
    var events: [TraceRecord] = []
    let recorder = TraceRecorder(level: level) { batch in
      // Memory effects and exits are not every engine's; what is left must agree.
      events += batch.filter { record in
        guard let kind = record.eventKind else { return false }
        return kind.isGuest && kind != .memoryRead && kind != .memoryWrite
      }
    }
    let limits = RunLimits(instructions: 20_000_000, hostSeconds: 120)
    let reason = try engine.run(limits, into: level == .final ? nil : recorder)
    recorder.flush()
    return Outcome(
      reason: reason, console: String(decoding: engine.platform.console, as: UTF8.self),
      state: engine.state, memory: engine.platform.memory.digest, retired: engine.statistics.retired,
      events: events)
  }

  /// Where two outcomes differ, in words; undefined flags are left out.
  static func differences(_ left: Outcome, _ right: Outcome, clocks: Bool) -> [String] {
    var found: [String] = []
    if left.reason != right.reason { found.append("stop: \(left.reason) / \(right.reason)") }
    if left.console != right.console { found.append("console: \(left.console) / \(right.console)") }
    for register in X86Register.allCases where left.state[register] != right.state[register] {
      found.append("\(register): \(hex(left.state[register])) / \(hex(right.state[register]))")
    }
    if left.memory != right.memory { found.append("memory") }
    if left.events.count != right.events.count {
      found.append("events: \(left.events.count) / \(right.events.count)")
    }
    for (index, pair) in zip(left.events, right.events).enumerated() {
      var (first, second) = pair
      if !clocks {
        first.clock = 0
        second.clock = 0
      }
      if first != second {
        found.append("event \(index): \(first) / \(second)")
        break
      }
    }
    return found
  }

  /// The longest program on the simulator is left to the equivalence tests: without optimisation it takes
  /// half a minute.
  static let runs: [(String, EngineKind)] = [
    ("real16", .simulator), ("real16", .emulator), ("protected32", .simulator), ("protected32", .emulator),
    ("long64", .emulator),
  ]

  @Test(arguments: runs)
  func softwareEnginesDoTheWork(name: String, kind: EngineKind) throws {
    let workload = try #require(X86Workload.named(name))
    let outcome = try Self.run(kind, name, level: .final)
    #expect(outcome.reason == .powerOff(status: workload.expectedStatus))
    #expect(outcome.console == workload.expectedConsole)
  }

  @Test(
    .enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"),
    arguments: X86Workload.all.map(\.name))
  func virtualizerAgreesWithTheEmulatorOnEvents(name: String) throws {
    let left = try Self.run(.emulator, name, level: .events)
    let right = try Self.run(.virtualizer, name, level: .events)
    #expect(left.events.count > 100)
    #expect(Self.differences(left, right, clocks: false) == [])
  }

  @Test(
    .enabled(if: KVMProbe.shared.stepping.real16, "this host cannot single-step real mode"),
    arguments: ["real16", "protected32"])
  func virtualizerAgreesWithTheEmulatorOnInstructions(name: String) throws {
    let left = try Self.run(.emulator, name, level: .instructions)
    let right = try Self.run(.virtualizer, name, level: .instructions)
    #expect(left.retired == right.retired)
    // Flags that an instruction leaves undefined may differ until one defines them.
    var policy = ComparisonPolicy()
    policy.undefinedBits = X86Comparison.undefinedBits
    let result = try TraceComparator.compare(
      TraceLogSource(Self.log(left, .emulator)), TraceLogSource(Self.log(right, .virtualizer)), policy: policy
    )
    switch result.verdict {
    case .equal, .equalExcept: break
    default: Issue.record("\(result.verdict)")
    }
  }

  static func log(_ outcome: Outcome, _ kind: EngineKind) -> TraceLog {
    TraceLog(
      header: TraceHeader(
        isa: "x86", variant: "x86-64", engine: kind.rawValue, flavour: "", level: .instructions,
        program: "", hasMemoryEffects: false, registers: X86Register.table.map(\.name)),
      records: outcome.events)
  }

  @Test(arguments: ["real16", "protected32"])
  func simulatorAgreesWithTheEmulatorOnInstructions(name: String) throws {
    let left = try Self.run(.simulator, name, level: .instructions)
    let right = try Self.run(.emulator, name, level: .instructions)
    #expect(left.retired == right.retired)
    #expect(Self.differences(left, right, clocks: true) == [])
  }
}
