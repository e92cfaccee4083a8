public import MachineCore
public import Trace

/// A machine with one wrong instruction: a bit of its result is flipped, once.
///
/// For lessons and tests of finding it: everything before is right, and everything after follows from it.
public final class PlantedFault: Engine {
  /// The engine that does the work.
  public let engine: any Engine
  /// Number of the wrong instruction; the first that retires is 1.
  public let instruction: UInt64

  /// Makes instruction number `instruction` of an engine wrong.
  ///
  /// The lowest bit is flipped of the first register that it changed; of the first register at all if it
  /// changed none but the program counter.
  /// - Throws: ``EngineRefusal`` for an engine that cannot count instructions.
  public init(_ engine: any Engine, instruction: UInt64) throws(EngineRefusal) {
    guard engine.capabilities.countsInstructions else {
      throw EngineRefusal(
        "\(engine.flavour) cannot count instructions, so none can be made wrong",
        remedy: "plant the fault in another engine")
    }
    self.engine = engine
    self.instruction = max(instruction, 1)
  }

  public var kind: EngineKind { engine.kind }
  public var flavour: String { engine.flavour + ", wrong once" }
  public var capabilities: Capabilities { engine.capabilities }
  public var platform: Platform { engine.platform }
  public var instructionSet: any InstructionSet { engine.instructionSet }
  public var statistics: EngineStatistics { engine.statistics }
  public var exitNames: [String] { engine.exitNames }
  public var state: ProcessorState {
    get { engine.state }
    set { engine.state = newValue }
  }
  public func hasClock(at level: TraceLevel) -> Bool { engine.hasClock(at: level) }
  public func hasTraps(at level: TraceLevel) -> Bool { engine.hasTraps(at: level) }

  public func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
    let start = platform.retired
    guard start < instruction, limits.instructions >= instruction - start else {
      return try engine.run(limits, into: recorder)
    }
    var part = limits
    part.instructions = instruction - 1 - start
    if part.instructions > 0 {
      let reason = try engine.run(part, into: recorder)
      guard reason == .limit, platform.retired == instruction - 1 else { return reason }
      if let stop = stop(limits) { return stop }
    }
    part.instructions = 1
    let reason = try runWrong(part, recorder)
    guard reason == .limit, platform.retired == instruction else { return reason }
    if let stop = stop(limits) { return stop }
    part.instructions = limits.instructions - (instruction - start)
    return part.instructions == 0 ? .limit : try engine.run(part, into: recorder)
  }

  /// A breakpoint between two parts of a run.
  private func stop(_ limits: RunLimits) -> StopReason? {
    let pc = state.registers[Int(instructionSet.system.programCounter)]
    return limits.until.contains(pc) ? .breakpoint(pc: pc) : nil
  }

  private func runWrong(_ limits: RunLimits, _ recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason {
    let before = state
    let collected = Collector()
    let own = recorder.map { recorder in
      TraceRecorder(level: recorder.level) { collected.records.append(contentsOf: $0) }
    }
    let reason = try engine.run(limits, into: own)
    own?.flush()
    if platform.retired == instruction {
      let register = result(before)
      var wrong = state
      wrong.registers[register] ^= 1
      state = wrong
      collected.correct(register, before.registers[register], wrong.registers[register])
    }
    for record in collected.records { recorder?.append(record) }
    return reason
  }

  /// The register whose value is made wrong.
  private func result(_ before: ProcessorState) -> Int {
    let after = state.registers
    let set = instructionSet
    let counter = Int(set.system.programCounter)
    let candidates = after.indices.filter { $0 != counter && !set.registers[$0].isZero }
    return candidates.first { after[$0] != before.registers[$0] } ?? candidates.first ?? 0
  }

  private final class Collector {
    var records: [TraceRecord] = []

    /// Puts another effect on a register into the instruction that retired.
    func correct(_ register: Int, _ before: UInt64, _ after: UInt64) {
      func head() -> Int? { records.lastIndex { $0.kind == EventKind.retire.rawValue } }
      guard let clock = head().map({ records[$0].clock }) else { return }
      records.removeAll {
        $0.kind == EventKind.registerWrite.rawValue && $0.code == UInt32(register) && $0.clock == clock
      }
      guard before != after, let head = head() else { return }
      let place =
        records.indices.dropFirst(head + 1).first {
          records[$0].kind == EventKind.registerWrite.rawValue && records[$0].code > UInt32(register)
        } ?? records.endIndex
      records.insert(
        TraceRecord(
          .registerWrite, mode: records[head].mode, cpu: records[head].cpu, code: UInt32(register),
          clock: records[head].clock, value: after), at: place)
    }
  }
}
