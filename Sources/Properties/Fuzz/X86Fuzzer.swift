internal import MachineCore
internal import Simulator
internal import Trace
public import X86Backend

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Runs single x86 instructions, made from the instruction table, on several engines and compares them.
public final class X86Fuzzer {
  private let machine: X86FuzzMachine
  private let generator: X86CaseGenerator
  private let simulator: Evaluator
  private let emulator: X86Interpreter
  #if os(Linux) && arch(x86_64)
    private let native: NativeVote?
  #endif
  private let contents: FuzzStorage
  private let coverage: SemanticsCoverage
  private let options: Options
  private var tally: X86FuzzTally

  /// Takes the lines of ``run(first:count:progress:)``'s cases, for other programs; the first tells the surroundings.
  public var written: ((String) throws -> Void)?

  /// Engines that take part beside simulator and emulator.
  public struct Options: Sendable {
    /// The real processor, in ring 3 of 64-bit mode.
    public var usesHardware = false
    /// Only surroundings that any other emulator has, too: no odd descriptors, pages and control registers.
    public var isPlain = false
    /// Compares what the engines record of each instruction too, not only the states behind it.
    public var comparesTraces = false

    /// Simulator and emulator only, compared by their states.
    public init() {}
  }

  /// Engines in fresh surroundings.
  ///
  /// - Throws: ``MachineError``, or ``EngineRefusal`` when the hardware is asked for and cannot be had.
  public init(
    _ mode: X86Mode, model: X86CPUModel = .modern, seed: UInt64, options: Options = Options()
  ) throws {
    machine = try X86FuzzMachine(
      mode, model: model, seed: seed, isPlain: options.usesHardware || options.isPlain)
    generator = X86CaseGenerator(machine, onlyRing3: options.usesHardware)
    let platforms = try (0..<2).map { _ in
      try PCPlatform.make(memorySize: X86FuzzMachine.memorySize, input: [])
    }
    contents = try FuzzStorage(platforms.map(\.memory), contents: machine.memory)
    self.options = options
    let set = X86InstructionSet(model: model)
    coverage = SemanticsCoverage(set)
    simulator = Evaluator(
      instructionSet: set, platform: platforms[0], state: machine.base, coverage: coverage)
    emulator = X86Interpreter(platform: platforms[1], state: machine.base, model: model)
    #if os(Linux) && arch(x86_64)
      native = options.usesHardware ? try NativeVote(machine) : nil
    #else
      guard !options.usesHardware else { throw EngineRefusal("the hardware is another one") }
    #endif
    tally = X86FuzzTally(rows: X86FuzzRow.all(machine).count)
    tally.report.mode = mode.rawValue
    tally.report.seed = seed
  }

  /// Runs cases `first` to `first + count`.
  ///
  /// - Parameter progress: called now and then with the number of cases done.
  public func run(first: UInt64 = 0, count: UInt64, progress: (UInt64) -> Void = { _ in }) throws
    -> X86FuzzReport
  {
    Self.report(try work(first: first, count: count, progress: progress), machine)
  }

  /// Runs cases, without looking at what was reached.
  func work(first: UInt64, count: UInt64, progress: (UInt64) -> Void = { _ in }) throws -> X86FuzzTally {
    let start = ContinuousClock.now
    try written?(X86CaseText(machine).head(seed: tally.report.seed))
    for index in first..<(first &+ count) {
      try runCase(generator.make(index: index, seed: tally.report.seed), index)
      if index & 0xFFFF == 0xFFFF { progress(index &- first) }
    }
    let elapsed = start.duration(to: .now).components
    tally.report.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    tally.places = coverage.reached
    return tally
  }

  // MARK: One case

  /// How a case ended on one engine.
  private struct Outcome {
    var reason: StopReason
    var state: ProcessorState
    /// What was recorded, where that is compared.
    var records: [TraceRecord] = []
  }

  private func runCase(_ original: X86FuzzCase, _ index: UInt64) throws {
    var tried = original
    let decoded = X86FuzzRow.decode(tried.bytes, tried.state, machine)
    tally.note(tried.state.registers)
    if let decoded {
      // The instruction alone counts: what follows is a HLT.
      for place in decoded.length..<max(tried.bytes.count, decoded.length) { tried.bytes[place] = 0xF4 }
    }
    tally.report.cases += 1
    let (left, differences) = try compare(tried)
    if let written {
      try written(
        X86CaseText(machine).line(
          tried, index: index, after: left.state, end: left.reason, undefined: simulator.undefinedMasks,
          memory: simulator.platform.memory, changed: contents.changes()))
    }
    let vector = machine.vector(left.state)
    if let vector {
      tally.report.trapped += 1
      tally.report.traps["\(vector)", default: 0] += 1
    }
    if vector == nil, left.reason != .limit {
      tally.report.stops[String("\(left.reason)".prefix { $0.isLetter }), default: 0] += 1
    }
    if let decoded {
      if vector == nil, left.reason == .limit || left.reason.isGuestEnd {
        tally.reached[decoded.row].completed = true
      } else {
        tally.reached[decoded.row].trapped = true
      }
    }
    var found = differences
    var engines = "simulator | emulator"
    #if os(Linux) && arch(x86_64)
      if let native, found.isEmpty, let decoded, !X86FuzzRow.isHostDependent(decoded.row) {
        let verdict = try native.vote(
          tried,
          NativeVote.Software(
            state: left.state, isPlainEnd: left.reason == .limit, memory: simulator.platform.memory,
            undefined: simulator.undefinedMasks))
        switch verdict {
        case .abstained: break
        case .agreed: tally.report.native += 1
        case .excepted(let id): tally.report.excepted[id, default: 0] += 1
        case .differs(let differences):
          tally.report.native += 1
          found = differences
          engines = "simulator | hardware"
        }
      }
    #endif
    contents.restore()
    guard !found.isEmpty else {
      tally.report.agreed += 1
      return
    }
    let name = decoded.map { X86FuzzRow.mnemonic($0.row) } ?? "(not decoded)"
    // Of one instruction, each way to differ counts by itself.
    let fields = found.map {
      String($0.prefix { $0 != ":" }).prefix(6) == "memory" ? "memory" : String($0.prefix { $0 != ":" })
    }
    let group = ([name + " (" + engines.split(separator: " ").last! + ")"] + fields).joined(separator: ", ")
    tally.report.counts[group, default: 0] += 1
    if tally.report.counts[group, default: 0] <= 1 {
      if engines == "simulator | emulator" { (tried, found) = try minimize(tried, found) }
      var disagreement = describe(tried, name, engines, found, index)
      disagreement.group = group
      tally.report.disagreements.append(disagreement)
    }
  }

  private var codeAddress: Int { Int(machine.physicalCode) }

  /// Runs a case on both software engines; memory stays as they leave it.
  private func compare(_ tried: X86FuzzCase) throws -> (Outcome, [String]) {
    let left = try run(tried, on: simulator)
    let right = try run(tried, on: emulator)
    var differences: [String] = []
    // What one engine does not carry out cannot be compared; the words with which both refuse are their own.
    if Self.isRefusal(left.reason) || Self.isRefusal(right.reason) {
      if Self.isRefusal(left.reason) != Self.isRefusal(right.reason) {
        tally.report.stops["refused by one engine", default: 0] += 1
      }
      return (left, [])
    }
    if left.reason != right.reason { differences.append("stop: \(left.reason) | \(right.reason)") }
    if left.state.registers != right.state.registers {
      var onlyUndefined = differences.isEmpty
      let undefined = simulator.undefinedMasks
      for register in X86Register.allCases where left.state[register] != right.state[register] {
        if (left.state[register] ^ right.state[register]) & ~undefined[register.index] == 0 { continue }
        onlyUndefined = false
        differences.append("\(register): \(hex(left.state[register])) | \(hex(right.state[register]))")
      }
      if onlyUndefined, differences.isEmpty { tally.report.undefinedOnly += 1 }
    }
    if differences.isEmpty, left.records != right.records {
      let place = zip(left.records, right.records).first { $0 != $1 }
      differences.append(
        place.map { "record: \($0) | \($1)" } ?? "records: \(left.records.count) | \(right.records.count)")
    }
    if let place = contents.difference() {
      differences.append("memory at \(hex(UInt64(place)))")
    }
    return (left, differences)
  }

  private static func isRefusal(_ reason: StopReason) -> Bool {
    if case .unsupported = reason { true } else { false }
  }

  private func run(_ tried: X86FuzzCase, on engine: some Engine) throws -> Outcome {
    try engine.platform.memory.write(tried.bytes, at: codeAddress)
    engine.platform.powerOff = nil
    engine.platform.retired = 0
    engine.state = tried.state
    var records: [TraceRecord] = []
    let recorder = options.comparesTraces ? TraceRecorder(level: .instructions) { records += $0 } : nil
    var reason = try engine.run(RunLimits(instructions: 1), into: recorder)
    var state = engine.state
    // A repeated string instruction is one instruction to the hardware, and several steps here.
    var steps = 1
    while reason == .limit, steps < 16, state[.rip] == tried.state[.rip], state[.halted] == 0 {
      reason = try engine.run(RunLimits(instructions: 1), into: recorder)
      state = engine.state
      steps += 1
    }
    recorder?.flush()
    return Outcome(reason: reason, state: state, records: records)
  }

  // MARK: Reports

  /// The case with as few registers set as still disagree.
  private func minimize(_ tried: X86FuzzCase, _ found: [String]) throws -> (X86FuzzCase, [String]) {
    var best = (tried, found)
    for register in X86Register.allCases.prefix(16) + [.rflags] {
      var simpler = best.0
      let plain = register == .rsp ? machine.data + 0x8000 : register == .rflags ? 2 : 0
      guard simpler.state[register] != plain, !(register == .rsp && machine.mode == .real16) else { continue }
      simpler.state[register] = plain
      let differences = try compare(simpler).1
      contents.restore()
      if !differences.isEmpty { best = (simpler, differences) }
    }
    return best
  }

  private func describe(
    _ tried: X86FuzzCase, _ name: String, _ engines: String, _ found: [String], _ index: UInt64
  ) -> X86FuzzReport.Disagreement {
    let length = X86FuzzRow.decode(tried.bytes, tried.state, machine)?.length ?? tried.bytes.count
    let bytes = Array(tried.bytes.prefix(length))
    let text = X86InstructionSet(model: machine.model).disassemble(
      InstructionBytes(tried.bytes), pc: tried.state[.rip], context: machine.context(tried.state).rawValue)
    let state = X86Register.allCases.filter { tried.state[$0] != machine.base[$0] }.map {
      "\($0)=\(hex(tried.state[$0]))"
    }
    return X86FuzzReport.Disagreement(
      instruction: name, text: text, bytes: bytes, engines: engines, differences: found, state: state,
      index: index)
  }

  /// What was reached, put into the report.
  static func report(_ tally: X86FuzzTally, _ machine: X86FuzzMachine) -> X86FuzzReport {
    var report = tally.report
    let rows = X86FuzzRow.all(machine)
    report.rows = rows.count { $0.unreachable == nil }
    for (row, place) in zip(rows, tally.reached) {
      if row.unreachable == nil, place.completed || place.trapped { report.rowsReached += 1 }
      if let reason = row.unreachable {
        report.misses.append("\(row.text): \(reason)")
      } else if !place.completed && !place.trapped {
        report.misses.append("\(row.text): no case reached it")
      } else if !place.completed {
        report.misses.append("\(row.text): every case trapped")
      }
    }
    let set = X86InstructionSet(model: machine.model)
    report.effects = EffectCoverage(
      set, points: SemanticsPoints(set), possible: machine.possibleDefinitions, reached: tally.places,
      registers: tally.known, facts: X86FuzzFacts(machine).of, implications: X86FuzzFacts.implications,
      reasons: X86FuzzReasons.all(machine.mode))
    return report
  }
}
