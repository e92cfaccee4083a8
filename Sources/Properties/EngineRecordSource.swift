public import MachineCore
public import Trace

/// A trace that is made while it is read: drives an engine a stretch at a time.
///
/// Two of these under a comparator compare two runs of any length in constant memory. An engine that
/// cannot count instructions cannot be stopped after a stretch: it is run to its end first, and a trace that
/// is too long for memory waits in a temporary file.
public final class EngineRecordSource: TraceSource {
  public let header: TraceHeader
  /// The engine that is run.
  public let engine: any Engine
  /// Why the run ended; `nil` while it goes on.
  public private(set) var stop: StopReason?
  /// Why the engine refused to run, if it did.
  public private(set) var refusal: EngineRefusal?
  /// Sees every record as it is made.
  public var observer: ((TraceRecord) -> Void)?

  /// Guest instructions that are run at a time, on engines that can count.
  public static let stretch: UInt64 = 16_384

  private var limits: RunLimits
  private var queue: [TraceRecord] = []
  private var position = 0
  private let recorder: TraceRecorder
  private let collected = Collector()
  /// The whole trace, of an engine that cannot count.
  private let spool: RecordSpool?

  private final class Collector {
    var records: [TraceRecord] = []
  }

  /// The trace of a run of `engine`, from where it is.
  public init(_ engine: any Engine, header: TraceHeader, limits: RunLimits) {
    self.engine = engine
    self.header = header
    self.limits = limits
    let collected = collected
    let spool = engine.capabilities.countsInstructions ? nil : RecordSpool()
    self.spool = spool
    recorder = TraceRecorder(level: header.level) {
      if let spool { try spool.append($0) } else { collected.records.append(contentsOf: $0) }
    }
  }

  /// Gives the next records, running the engine when there are none left.
  ///
  /// - Throws: ``TraceError`` when the engine refuses to go on; ``refusal`` then says why.
  public func read(into batch: UnsafeMutableBufferPointer<TraceRecord>) throws(TraceError) -> Int {
    if let spool {
      if stop == nil { try runOn() }
      let count = try spool.read(into: batch)
      // SAFETY: the spool filled as many.
      if let observer { for index in 0..<count { observer(batch[index]) } }
      return count
    }
    while position == queue.count {
      guard stop == nil else { return 0 }
      try runOn()
    }
    let count = min(batch.count, queue.count - position)
    // SAFETY: `count` is within both buffers; the records are plain data.
    for index in 0..<count { batch.initializeElement(at: index, to: queue[position + index]) }
    position += count
    return count
  }

  private func runOn() throws(TraceError) {
    let counts = engine.capabilities.countsInstructions
    var stretch = limits
    if counts { stretch.instructions = min(limits.instructions, Self.stretch) }
    let before = engine.platform.retired
    let reason: StopReason
    do throws(EngineRefusal) {
      reason = try engine.run(stretch, into: recorder)
    } catch {
      refusal = error
      throw TraceError(.misuse, error.description)
    }
    if counts { limits.instructions -= min(limits.instructions, engine.platform.retired - before) }
    if reason != .limit || !counts || limits.instructions == 0 {
      stop = reason
      FinalState.append(reason, of: engine, to: recorder)
    }
    recorder.flush()
    if let failure = recorder.failure as? TraceError { throw failure }
    swap(&queue, &collected.records)
    collected.records.removeAll(keepingCapacity: true)
    position = 0
    if let observer { queue.forEach(observer) }
  }
}
