internal import MachineCore
internal import Properties
internal import Simulator
internal import ToyISA
internal import Trace

extension Mutant {
  /// The disk's writes do not reach the decode cache.
  static let machineStaleCode: Mutant = Mutant(
    name: "machine-stale-code", fault: "the disk's writes do not reach the decode cache", level: .final,
    workload: MutantPrograms.changingCode,
    make: {
      let engine = try $0.makeEngine(.emulator)
      engine.platform.memory.observer = nil
      return engine
    }, twin: .emulator, reference: .simulator)
}
