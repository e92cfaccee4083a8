internal import MachineCore
internal import Properties
internal import Simulator
internal import ToyISA
internal import Trace

extension Mutant {
  /// The timer is a tick late.
  static let machineTimerLate: Mutant = .machine(
    "machine-timer-late", "the timer is a tick late", field: "kind", twin: .simulator, on: MutantPrograms.tour
  ) {
    guard case .toy(_, let machine, let variant) = $0.machine else { preconditionFailure("a toy workload") }
    let engine = try $0.makeEngine(.simulator)
    let platform = Platform(memory: engine.platform.memory)
    try platform.attach(ToyConsole(input: machine.input), .port, at: 0x00..<0x02)
    try platform.attach(LateTimer(), .port, at: ToyPort.timer..<ToyPort.timer + 3)
    try platform.attach(
      ToyDisk(contents: machine.disk), .port, at: ToyPort.diskSector..<ToyPort.diskSector + 5)
    try platform.attach(ToyPower(), .port, at: ToyPort.power..<ToyPort.power + 1)
    return Evaluator(
      instructionSet: ToyInstructionSet(variant), platform: platform, state: engine.state)
  }
}
