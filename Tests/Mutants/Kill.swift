internal import MachineCore
public import Properties
internal import Trace

/// What the checks made of a wrong machine and of its correct twin.
public struct Kill: Sendable {
  /// The machine.
  public var mutant: Mutant
  /// The checks of the wrong machine.
  public var check: MonitorCheck
  /// The checks of its correct twin.
  public var twin: MonitorCheck

  /// The right check caught the wrong machine, and none before it.
  public var isRight: Bool { check.firstFailure == mutant.breaks.rawValue }
  /// A check raised an alarm on the correct twin.
  public var isFalseAlarm: Bool { twin.hasFailure }

  /// Checks a wrong machine and its twin.
  ///
  /// - Throws: ``EngineRefusal`` or ``MachineError`` when a machine cannot be had.
  public init(_ mutant: Mutant) throws {
    self.mutant = mutant
    let workload = try mutant.workload()
    func check(_ make: @escaping @Sendable (Workload) throws -> any Engine) throws -> MonitorCheck {
      var setup = MonitorCheck.Setup()
      setup.machine = mutant.twin
      setup.reference = mutant.reference
      setup.level = mutant.level
      setup.make = make
      return try MonitorCheck(workload, .all, setup)
    }
    self.check = try check(mutant.make)
    twin = try check { try mutant.correct($0) }
  }
}

/// Which check caught which wrong machine.
public enum KillMatrix {
  /// The matrix as a Markdown table.
  public static func markdown(_ kills: [Kill]) -> String {
    var lines = [
      "| machine | what is wrong | breaks | control | equivalence | efficiency | twin |",
      "|---|---|---|---|---|---|---|",
    ]
    func cell(_ verdict: Verdict?, _ property: Mutant.Property, _ kill: Kill) -> String {
      guard verdict?.isFailure == true else { return "" }
      return kill.check.firstFailure == property.rawValue ? "**caught**" : "too"
    }
    for kill in kills {
      lines.append(
        "| `\(kill.mutant.name)` | \(kill.mutant.fault) | \(kill.mutant.breaks.rawValue) | "
          + [
            cell(kill.check.control, .control, kill), cell(kill.check.equivalence, .equivalence, kill),
            cell(kill.check.efficiency, .efficiency, kill),
          ].joined(separator: " | ") + " | \(kill.isFalseAlarm ? "ALARM" : "clean") |")
    }
    let right = kills.filter(\.isRight).count
    let alarms = kills.filter(\.isFalseAlarm).count
    lines += ["", "\(right) of \(kills.count) caught by the right check first; \(alarms) false alarms."]
    return lines.joined(separator: "\n")
  }
}
