public import MachineCore
public import Properties
public import Trace

/// A machine that is wrong on purpose, to see whether a check finds it.
public struct Mutant: Sendable {
  /// The property that it breaks, and so the check that must catch it.
  public enum Property: String, CaseIterable, Sendable {
    case equivalence, control, efficiency
  }

  /// Short name.
  public var name: String
  /// What is wrong with it.
  public var fault: String
  /// The property that it breaks.
  public var breaks = Property.equivalence
  /// The trace level at which equivalence must fail.
  public var level = TraceLevel.instructions
  /// Part of the name of the field in which the first difference at instruction level shows.
  package var field: String?
  /// Begin of the text of the instruction at which it shows.
  package var instruction: String?
  /// The program that shows it.
  public var workload: @Sendable () throws -> Workload
  /// The wrong machine.
  public var make: @Sendable (Workload) throws -> any Engine
  /// The same machine without the fault.
  public var twin: EngineKind
  /// The machine that both are compared with.
  public var reference: EngineKind
  /// The twin, where ``twin`` is not enough to make it.
  package var makeTwin: (@Sendable (Workload) throws -> any Engine)?

  /// Whether the fault can be seen in what a guest does and in how often the VMM steps in.
  public var isObservable = true

  /// The machine without the fault.
  public func correct(_ workload: Workload) throws -> any Engine {
    try makeTwin?(workload) ?? workload.makeEngine(twin)
  }
}
