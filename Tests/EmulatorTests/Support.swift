import Emulator
import MachineCore
import Simulator
import ToyISA
import Trace

/// Seeded pseudo-random numbers, so that a failure can be repeated from the seed in its message.
struct SeededRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    var mixed = state
    mixed ^= mixed >> 33
    mixed = mixed &* 0xFF51_AFD7_ED55_8CCD
    return mixed ^ mixed >> 33
  }

  mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
  mutating func choice<T>(_ values: [T]) -> T { values[below(values.count)] }
}

/// What a run left behind.
struct Outcome {
  var reason: StopReason
  var records: [TraceRecord]
  var engine: any Engine

  func register(_ number: Int) -> UInt32 { UInt32(engine.state.registers[number]) }
  func count(_ kind: EventKind) -> Int { records.count { $0.eventKind == kind } }
}

/// Engines and programs for the tests of this folder.
enum Lab {
  static let memorySize = 1 << 16

  /// A platform whose storage begins with these bytes.
  static func platform(_ image: [UInt8], input: [UInt8] = []) throws -> Platform {
    let platform = try ToyMachine(memorySize: memorySize, input: input).makePlatform()
    try platform.memory.write(image, at: 0)
    return platform
  }

  /// Storage with a program assembled into it, and its entry.
  static func assemble(_ source: String) throws -> (image: [UInt8], entry: UInt32) {
    let program = try ToyAssembler.assemble(source)
    let memory = try GuestMemory(size: memorySize)
    try program.load(into: memory)
    return (try memory.read(0..<memorySize), program.entry)
  }

  /// Runs any engine with a recorder of this level, or none.
  static func run(
    _ engine: any Engine, level: TraceLevel?, limits: RunLimits = RunLimits(instructions: 100_000)
  ) throws -> Outcome {
    guard let level else {
      return Outcome(reason: try engine.run(limits, into: nil), records: [], engine: engine)
    }
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: level) { records.append(contentsOf: $0) }
    let reason = try engine.run(limits, into: recorder)
    recorder.flush()
    return Outcome(reason: reason, records: records, engine: engine)
  }

  /// Runs a program on the emulator.
  static func run(
    _ source: String, variant: ToyVariant = .classic, level: TraceLevel? = nil, input: [UInt8] = [],
    limits: RunLimits = RunLimits(instructions: 100_000)
  ) throws -> Outcome {
    let (image, entry) = try assemble(source)
    let engine = try Interpreter(
      variant: variant, platform: platform(image, input: input),
      state: ToyInstructionSet.resetState(entry: entry, storage: memorySize))
    return try run(engine, level: level, limits: limits)
  }

  /// Runs a program on simulator and emulator, traced and untraced, and tells every difference.
  ///
  /// - Returns: what the traced emulator did, and the differences; none if all is well.
  static func compare(
    image: [UInt8], state: ProcessorState, variant: ToyVariant = .classic, input: [UInt8] = [],
    instructions: UInt64 = 100_000, slices: [UInt64] = []
  ) throws -> (outcome: Outcome, differences: [String]) {
    let limits = RunLimits(instructions: instructions)
    func emulator() throws -> Interpreter {
      try Interpreter(variant: variant, platform: platform(image, input: input), state: state)
    }
    let model = try run(
      Evaluator(
        instructionSet: ToyInstructionSet(variant), platform: platform(image, input: input), state: state),
      level: .instructions, limits: limits)
    let traced = try run(emulator(), level: .instructions, limits: limits)
    let events = try run(emulator(), level: .events, limits: limits)
    let fast = try run(emulator(), level: nil, limits: limits)
    let sliced = try emulator()
    var differences: [String] = []
    var left = instructions
    var reason = StopReason.limit
    for slice in slices where left > 0 && reason == .limit {
      let before = sliced.platform.retired
      reason = try sliced.run(RunLimits(instructions: min(slice, left)), into: nil)
      left -= sliced.platform.retired - before
    }
    if reason == .limit { reason = try sliced.run(RunLimits(instructions: left), into: nil) }

    differences += difference("trace", model.records, traced.records)
    differences += difference("events", eventsOnly(model.records), events.records)
    let engines: [(String, any Engine, StopReason)] = [
      ("traced", traced.engine, traced.reason), ("events", events.engine, events.reason),
      ("fast", fast.engine, fast.reason), ("sliced", sliced, reason),
    ]
    for (name, engine, reason) in engines {
      differences += difference(name, model.engine, model.reason, engine, reason)
    }
    return (traced, differences)
  }

  /// Whether two machines have the same bytes in storage.
  static func sameStorage(_ a: any Engine, _ b: any Engine) -> Bool {
    let (one, other) = (a.platform.memory, b.platform.memory)
    return one.size == other.size && (try? one.read(0..<one.size)) == (try? other.read(0..<other.size))
  }

  /// Records that a trace of events has.
  private static func eventsOnly(_ records: [TraceRecord]) -> [TraceRecord] {
    var isKept = false
    return records.filter { record in
      if let kind = record.eventKind, !kind.isEffect { isKept = kind != .retire }
      return isKept
    }
  }

  private static func difference(
    _ name: String, _ expected: [TraceRecord], _ found: [TraceRecord]
  ) -> [String] {
    let index =
      zip(expected, found).enumerated().first { $0.element.0 != $0.element.1 }?.offset
      ?? (expected.count == found.count ? nil : min(expected.count, found.count))
    guard let index else { return [] }
    func text(_ records: [TraceRecord]) -> String { index < records.count ? "\(records[index])" : "nothing" }
    return ["\(name), record \(index): simulator \(text(expected)), emulator \(text(found))"]
  }

  private static func difference(
    _ name: String, _ model: any Engine, _ expected: StopReason, _ engine: any Engine, _ found: StopReason
  ) -> [String] {
    var result: [String] = []
    if expected != found { result.append("\(name): stop \(expected) but \(found)") }
    if model.state != engine.state { result.append("\(name): state \(model.state) but \(engine.state)") }
    if !sameStorage(model, engine) {
      result.append("\(name): storage differs")
    }
    if model.platform.retired != engine.platform.retired {
      result.append("\(name): retired \(model.platform.retired) but \(engine.platform.retired)")
    }
    if model.platform.console != engine.platform.console { result.append("\(name): console differs") }
    return result
  }
}
