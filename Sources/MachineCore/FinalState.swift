public import Trace

/// Trace headers and final records: the same for every engine, so written here and not by engines.
public enum FinalState {
  /// The header of a trace that `engine` is about to make.
  public static func header(
    for engine: any Engine, level: TraceLevel, program: String, programDigest: UInt64,
    configurationDigest: UInt64, seed: UInt64 = 0
  ) -> TraceHeader {
    let isa = engine.instructionSet
    let capabilities = engine.capabilities
    var header = TraceHeader(
      isa: isa.name, variant: isa.variant, engine: engine.kind.rawValue, flavour: engine.flavour,
      level: level,
      program: program, programDigest: programDigest, configurationDigest: configurationDigest, seed: seed,
      hasClock: engine.hasClock(at: level), hasMemoryEffects: capabilities.recordsMemoryEffects,
      registers: isa.registers.map(\.name), causes: isa.causes, exits: engine.exitNames)
    header.hasTraps = engine.hasTraps(at: level)
    return header
  }

  /// Appends the final event: why the run ended, digests, and every register.
  public static func append(_ stop: StopReason, of engine: any Engine, to recorder: TraceRecorder) {
    let platform = engine.platform
    let state = engine.state
    let clock = engine.hasClock(at: recorder.level) ? platform.retired : 0
    let isa = engine.instructionSet
    recorder.append(
      TraceRecord(
        .final, cpu: engine.cpu, code: stop.code, clock: clock,
        pc: state.registers[Int(isa.system.programCounter)], address: UInt64(platform.console.count),
        value: platform.memory.digest, aux: Digest.of(platform.console)))
    for (number, value) in state.registers.enumerated() {
      recorder.append(
        TraceRecord(.registerWrite, cpu: engine.cpu, code: UInt32(number), clock: clock, value: value))
    }
  }
}
