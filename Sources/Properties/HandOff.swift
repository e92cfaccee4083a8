public import MachineCore
public import Trace

/// Where a run stops to be handed on.
public enum HandOffPoint: Sendable, Equatable {
  /// After so many retired instructions.
  case instructions(UInt64)
  /// Before the instruction at this address.
  case place(UInt64)
  /// After the instruction that makes the guest's n-th access to a device, from 1.
  case deviceAccess(UInt64)
  /// When the n-th trap or interrupt (from 1) is due: just before it is taken.
  case delivery(EventKind, UInt64)
}

/// Stops a run on one engine and goes on with another.
public struct HandOff {
  /// What is run.
  public var workload: Workload
  /// VMMs on each other, for toy virtualizers.
  public var depth: Int
  /// Bounds of each part.
  public var limits: RunLimits

  /// A hand-off of this workload.
  public init(_ workload: Workload, depth: Int = 1, limits: RunLimits) {
    self.workload = workload
    self.depth = depth
    self.limits = limits
  }

  /// Runs `engine`, which is fresh, up to a point.
  ///
  /// - Returns: `nil` at the point, or why the run ended before it.
  /// - Throws: ``EngineRefusal`` when the engine cannot stop there, with the reason.
  public func run(_ engine: any Engine, to point: HandOffPoint) throws -> StopReason? {
    switch point {
    case .instructions(let count): return try run(engine, instructions: count)
    case .place(let address):
      var bounded = limits
      bounded.until = [address]
      if engine.state.registers[Int(engine.instructionSet.system.programCounter)] == address { return nil }
      let stop = try engine.run(bounded, into: nil)
      if case .breakpoint = stop { return nil }
      return stop
    case .deviceAccess(let count):
      engine.platform.accessesLeft = count
      defer { engine.platform.accessesLeft = nil }
      let stop = try engine.run(limits, into: nil)
      // A device access may switch the machine off: that is an end, not a point to go on from.
      return stop == .limit && engine.platform.accessesLeft == 0 ? nil : stop
    case .delivery(let kind, let count):
      guard engine.capabilities.countsInstructions else {
        throw EngineRefusal(
          "\(engine.flavour) does not see the guest's traps and interrupts: it cannot stop at one",
          remedy: "stop at a device access (--until device:N) or at an address")
      }
      guard let clock = try clock(of: kind, count, on: engine.kind) else {
        return try engine.run(limits, into: nil)
      }
      return try run(engine, instructions: clock)
    }
  }

  private func run(_ engine: any Engine, instructions count: UInt64) throws -> StopReason? {
    var bounded = limits
    bounded.instructions = count
    guard count > 0 else { return nil }
    guard engine.capabilities.countsInstructions else {
      // Only single-stepping counts there.
      guard engine.capabilities.traceLevel >= .instructions else {
        throw EngineRefusal(
          "\(engine.flavour) cannot count instructions here: "
            + (engine.capabilities.traceLimitation ?? "it cannot single-step"),
          remedy: "stop at a device access (--until device:N) or at an address", isHostLack: true)
      }
      let stop = try engine.run(bounded, into: TraceRecorder(level: .instructions) { _ in })
      return stop == .limit ? nil : stop
    }
    let stop = try engine.run(bounded, into: nil)
    return stop == .limit && engine.platform.retired == count ? nil : stop
  }

  /// Instructions retired when the n-th trap or interrupt was taken, found by a run of its own.
  private func clock(of kind: EventKind, _ count: UInt64, on engineKind: EngineKind) throws -> UInt64? {
    guard count > 0 else { return 0 }
    let scout = try workload.makeEngine(engineKind, depth: depth)
    let source = EngineRecordSource(
      scout, header: workload.header(for: scout, level: .events), limits: limits)
    var seen: UInt64 = 0
    return try withUnsafeTemporaryAllocation(of: TraceRecord.self, capacity: 256) { batch in
      while true {
        let read = try source.read(into: batch)
        guard read > 0 else { return nil }
        for record in batch.prefix(read) where record.kind == kind.rawValue {
          seen += 1
          if seen == count { return record.clock }
        }
      }
    }
  }

  /// Takes a snapshot of `engine`.
  ///
  /// - Throws: ``EngineRefusal`` when the engine holds state that a snapshot has no place for.
  public func snapshot(of engine: any Engine) throws(EngineRefusal) -> MachineSnapshot {
    try workload.snapshot(of: engine)
  }

  /// A fresh engine that goes on where `engine` stopped.
  ///
  /// - Throws: ``EngineRefusal``, ``SnapshotError``, ``MachineError``.
  public func transfer(_ engine: any Engine, to kind: EngineKind) throws -> any Engine {
    let next = try workload.makeEngine(kind, depth: depth)
    try workload.snapshot(of: engine).install(into: next)
    return next
  }
}

extension Workload {
  /// A snapshot of an engine that runs this workload.
  ///
  /// - Throws: ``EngineRefusal`` when the engine holds state that a snapshot has no place for.
  public func snapshot(of engine: any Engine) throws(EngineRefusal) -> MachineSnapshot {
    try MachineSnapshot(
      of: engine, program: name, programDigest: programDigest, configurationDigest: configurationDigest)
  }

  /// Whether a snapshot was taken of this workload on this machine.
  ///
  /// - Throws: ``SnapshotError/otherMachine(_:)`` when not.
  public func check(_ snapshot: MachineSnapshot) throws(SnapshotError) {
    guard snapshot.programDigest == programDigest else {
      throw .otherMachine("it was taken of program `\(snapshot.program)`, whose bytes differ from `\(name)`")
    }
    guard snapshot.configurationDigest == configurationDigest else {
      throw .otherMachine("the machine's description differs (storage, input, disk or mode)")
    }
  }
}
