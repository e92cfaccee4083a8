internal import MachineCore
internal import Virtualizer

/// Checks of machines that are right, on random programs: no alarm may come.
public enum RandomProgramCheck {
  /// Runs a random toy program on every right machine and makes every check of it.
  ///
  /// - Returns: how many checks were made, and a line for every alarm.
  public static func run(seed: UInt64, limit: UInt64) throws -> (checks: Int, alarms: [String]) {
    let workload = ToyRandomProgram.workload(seed: seed, limit: limit)
    var checks = 0
    var alarms: [String] = []
    for (machine, depth, construction) in subjects(seed) {
      var setup = MonitorCheck.Setup()
      setup.machine = machine
      setup.depth = depth
      setup.construction = construction
      let check = try MonitorCheck(workload, .all, setup)
      for (name, verdict) in check.verdicts {
        checks += 1
        if verdict.isFailure {
          alarms.append(
            "seed \(seed), \(check.flavour): \(name) fails: \(verdict.reason ?? "")")
        }
      }
    }
    return (checks, alarms)
  }

  private static func subjects(
    _ seed: UInt64
  ) -> [(EngineKind, Int, VirtualMachineMonitor.Construction)] {
    // A stack of two costs as much as the others together, so every eighth program gets one.
    [(.emulator, 1, .plain), (.virtualizer, 1, .plain), (.virtualizer, 1, .hybrid)]
      + (seed % 8 == 0 ? [(.virtualizer, 2, .plain)] : [])
  }
}
