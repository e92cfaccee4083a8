public import Trace

/// The three kinds of machine.
public enum EngineKind: String, Sendable, CaseIterable {
  /// Evaluates the instruction set's semantics as data.
  case simulator
  /// Interprets with hand-written code.
  case emulator
  /// Runs the guest on hardware and takes over when it must.
  case virtualizer
}

/// What an engine can do; what is missing here it refuses with a reason.
public struct Capabilities: Sendable, Equatable {
  /// Retired instructions are counted exactly.
  ///
  /// Where this is `false`, untraced runs do not honour ``RunLimits/instructions``, and only
  /// ``RunLimits/hostSeconds`` bounds them.
  public var countsInstructions: Bool
  /// The highest trace level.
  public var traceLevel: TraceLevel
  /// Why the trace level is not `instructions`, when it is not.
  public var traceLimitation: String?
  /// Retire events carry memory effects.
  public var recordsMemoryEffects: Bool
  /// The engine can step back.
  public var reversible: Bool
  /// Claims the Popek–Goldberg resource-control property for its guest.
  public var claimsControl: Bool
  /// Claims to run innocuous instructions directly on hardware.
  public var claimsEfficiency: Bool

  /// Capabilities; the defaults are those of a plain software engine.
  public init(
    countsInstructions: Bool = true, traceLevel: TraceLevel = .instructions, traceLimitation: String? = nil,
    recordsMemoryEffects: Bool = true, reversible: Bool = false, claimsControl: Bool = false,
    claimsEfficiency: Bool = false
  ) {
    self.countsInstructions = countsInstructions
    self.traceLevel = traceLevel
    self.traceLimitation = traceLimitation
    self.recordsMemoryEffects = recordsMemoryEffects
    self.reversible = reversible
    self.claimsControl = claimsControl
    self.claimsEfficiency = claimsEfficiency
  }
}

/// When a run must end.
public struct RunLimits: Sendable, Equatable {
  /// How many more instructions may retire.
  ///
  /// An engine whose ``Capabilities/countsInstructions`` is `false` can only tell none (it stops with
  /// ``StopReason/limit`` at once) from some: it goes on until ``hostSeconds`` have passed and then gives
  /// ``StopReason/hostTimeLimit``. It still counts while it single-steps for a trace of instructions.
  public var instructions: UInt64
  /// Stop before executing an instruction at one of these guest addresses, but not before the first
  /// instruction of the run, so that a run can go on from where the last one stopped.
  public var until: Set<UInt64>
  /// Bound on host time in seconds for engines that cannot count; never part of a comparison.
  public var hostSeconds: Double

  /// Limits; ten million instructions and a minute unless told.
  public init(instructions: UInt64 = 10_000_000, until: Set<UInt64> = [], hostSeconds: Double = 60) {
    self.instructions = instructions
    self.until = until
    self.hostSeconds = hostSeconds
  }
}

/// An instruction that an engine met and does not carry out.
public struct UnsupportedInstruction: Error, Sendable, Equatable, CustomStringConvertible {
  /// Guest address of the instruction.
  public var pc: UInt64
  /// Its bytes, as far as they were read.
  public var bytes: [UInt8]
  /// What is missing.
  public var reason: String

  /// An unsupported instruction.
  public init(pc: UInt64, bytes: [UInt8], reason: String) {
    self.pc = pc
    self.bytes = bytes
    self.reason = reason
  }

  /// Address, bytes and reason in a line.
  public var description: String {
    let text = bytes.map { hex(UInt64($0), digits: 2).dropFirst(2) }.joined(separator: " ")
    return "not supported at \(hex(pc)): [\(text)] \(reason)"
  }
}

/// Why a run ended.
public enum StopReason: Sendable, Equatable, CustomStringConvertible {
  /// The guest switched the machine off and gave this status.
  case powerOff(status: UInt64)
  /// The guest waits for an interrupt that can never come.
  case idle(pc: UInt64)
  /// The instruction limit was reached.
  case limit
  /// An address of ``RunLimits/until`` was reached.
  case breakpoint(pc: UInt64)
  /// A trap could not be delivered (toy check stop, x86 triple fault).
  case checkStop(cause: UInt32, pc: UInt64)
  /// The engine does not carry out this instruction.
  case unsupported(UnsupportedInstruction)
  /// The bound on host time was reached.
  case hostTimeLimit
  /// The host's virtualization gave up on the guest; the text says how.
  case hostFailure(String)
  /// The trace could not be written.
  case recorderFailed(String)

  /// Number of the kind in traces.
  public var code: UInt32 {
    switch self {
    case .powerOff: 0
    case .idle: 1
    case .limit: 2
    case .breakpoint: 3
    case .checkStop: 4
    case .unsupported: 5
    case .hostTimeLimit: 6
    case .hostFailure: 7
    case .recorderFailed: 8
    }
  }

  /// Names of the kinds, by ``code``.
  public static let names = [
    "power-off", "idle", "limit", "breakpoint", "check-stop", "unsupported", "host-time-limit",
    "host-failure",
    "recorder-failed",
  ]

  /// The number that goes with the kind: a status, a cause; else 0.
  public var status: UInt64 {
    switch self {
    case .powerOff(let status): status
    case .checkStop(let cause, _): UInt64(cause)
    default: 0
    }
  }

  /// Whether the guest ended by itself (a comparison of its final state makes sense).
  public var isGuestEnd: Bool {
    switch self {
    case .powerOff, .idle, .checkStop: true
    default: false
    }
  }

  /// The reason in a line.
  public var description: String {
    switch self {
    case .powerOff(let status): "power off, status \(status)"
    case .idle(let pc): "idle for ever at \(hex(pc))"
    case .limit: "instruction limit reached"
    case .breakpoint(let pc): "reached \(hex(pc))"
    case .checkStop(let cause, let pc): "check stop at \(hex(pc)): trap \(cause) could not be delivered"
    case .unsupported(let instruction): instruction.description
    case .hostTimeLimit: "host time limit reached"
    case .hostFailure(let text): "host virtualization failed: \(text)"
    case .recorderFailed(let text): "trace could not be written: \(text)"
    }
  }
}

/// Counts an engine keeps over its life.
public struct EngineStatistics: Sendable, Equatable {
  /// Guest instructions retired; 0 where the engine cannot count.
  public var retired: UInt64 = 0
  /// Of these, how many ran directly on the hardware.
  public var direct: UInt64 = 0
  /// Of these, how many an interpreter routine of the VMM carried out.
  public var emulated: UInt64 = 0
  /// Times control came back to the VMM, by reason.
  public var exits: [String: UInt64] = [:]
  /// Traps handed on to the guest.
  public var reflected: UInt64 = 0
  /// Virtual interrupts given to the guest.
  public var injected: UInt64 = 0
  /// The longest stretch of instructions for which the guest had the processor to itself; 0 where that is not counted.
  public var longestStretch: UInt64 = 0
  /// Instructions the host's kernel interpreted instead of running them, from its own counter.
  public var kernelEmulated: UInt64?
  /// Breaches of resource control that the engine itself noticed; empty when all is well.
  public var controlViolations: [String] = []

  /// All zero.
  public init() {}

  /// All exits together.
  public var exitCount: UInt64 { exits.values.reduce(0, +) }
}

/// The processor's state as numbers: one value per register of the instruction set, plus tables.
public struct ProcessorState: Sendable, Equatable {
  /// Values by register number.
  public var registers: [UInt64]
  /// Tables the processor keeps (a TLB), sparse, by table and index.
  public var auxiliaries: [[UInt64: UInt64]]
  /// Traps and interrupts that were delivered since an instruction last retired.
  ///
  /// While it is not 0, interrupts wait; with too many of them, another trap is a check stop.
  public var deliveries: Int
  /// Registers that the instruction set does not model and an engine has all the same, in that engine's own form;
  /// empty while they are as after a reset.
  ///
  /// On x86: the x87 and SSE registers as XSAVE stores them. Engines that cannot execute such instructions keep
  /// the bytes untouched; those that cannot even do that read back as empty, and snapshots refuse them.
  public var extended: [UInt8]

  /// A state.
  public init(
    registers: [UInt64], auxiliaries: [[UInt64: UInt64]] = [], deliveries: Int = 0, extended: [UInt8] = []
  ) {
    self.registers = registers
    self.auxiliaries = auxiliaries
    self.deliveries = deliveries
    self.extended = extended
  }
}

/// Thrown when an engine cannot be made or cannot do what is asked.
public struct EngineRefusal: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is refused and why.
  public var reason: String
  /// What the user can do about it.
  public var remedy: String
  /// Whether the cause is a feature that the host lacks (exit code 77).
  public var isHostLack: Bool

  /// A refusal.
  public init(_ reason: String, remedy: String = "", isHostLack: Bool = false) {
    self.reason = reason
    self.remedy = remedy
    self.isHostLack = isHostLack
  }

  /// Reason and remedy.
  public var description: String { remedy.isEmpty ? reason : "\(reason)\n  help: \(remedy)" }
}

/// Makes instructions happen on a platform.
///
/// One engine is one machine's processor; it owns the processor's state. Calls come from one
/// thread at a time. A run is always bounded.
public protocol Engine: AnyObject {
  /// Which of the three kinds.
  var kind: EngineKind { get }
  /// Which engine of that kind.
  var flavour: String { get }
  /// What it can do.
  var capabilities: Capabilities { get }
  /// The machine around it.
  var platform: Platform { get }
  /// The instruction set, as data.
  var instructionSet: any InstructionSet { get }
  /// Counts so far.
  var statistics: EngineStatistics { get }
  /// The whole processor state, between runs.
  var state: ProcessorState { get set }
  /// Names of the exit reasons in trace records, by number; empty for engines without exits.
  var exitNames: [String] { get }
  /// Why no snapshot can be taken now, if the engine holds something that ``state`` has no place for.
  var snapshotObstacle: EngineRefusal? { get }
  /// The engine may forget entries of the processor's tables at any time, as hardware may those of its TLB.
  var forgetsTables: Bool { get }
  /// Whether the clocks of a trace at this level are exact, when it begins with the engine's next run.
  func hasClock(at level: TraceLevel) -> Bool
  /// Whether traces of this level have the guest's traps.
  func hasTraps(at level: TraceLevel) -> Bool

  /// Runs the guest until a limit or a stop.
  ///
  /// With a recorder, events of its level are appended; the recorder is not flushed.
  /// - Throws: ``EngineRefusal`` when the recorder's level is above the capabilities.
  func run(_ limits: RunLimits, into recorder: TraceRecorder?) throws(EngineRefusal) -> StopReason
}

extension Engine {
  /// Engines other than virtualizers have no exits.
  public var exitNames: [String] { [] }
  /// Engines written in software keep all tables.
  public var forgetsTables: Bool { false }
  /// The state of engines written in software is all in ``state``.
  public var snapshotObstacle: EngineRefusal? { nil }
  /// Engines that count instructions count them at every level.
  public func hasClock(at level: TraceLevel) -> Bool { capabilities.countsInstructions }
  /// Most engines deliver traps themselves.
  public func hasTraps(at level: TraceLevel) -> Bool { true }
  /// One virtual CPU for now; its number in traces.
  public var cpu: UInt16 { 0 }
}
